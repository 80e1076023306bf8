package sqlite

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// The tags without a column lie in one text, a JSON object with keys of eight hexadecimal digits in ascending order:
// {"00080012":"20040119"}. It is written and read by hand because every stored instance and every listed row does it.

const hexDigits = "0123456789abcdef"

// appendTag adds a member, and the opening brace before the first.
func appendTag(b []byte, t index.Tag) []byte {
	if len(b) == 0 {
		b = append(b, '{')
	} else {
		b = append(b, ',')
	}
	b = append(b, '"')
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[t.Tag>>shift&15])
	}
	return appendString(append(b, '"', ':'), t.Value)
}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20 || r == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// parseTags reads what appendTag has written; "" is no tags.
func parseTags(s string) (index.Tags, error) {
	if s == "" {
		return nil, nil
	}
	tags := make(index.Tags, 0, strings.Count(s, `":"`))
	rest := s
	for rest != "}" {
		if len(rest) < 13 || rest[1] != '"' || rest[10:12] != `":` || rest[12] != '"' {
			return nil, tagsError(s)
		}
		key, err := strconv.ParseUint(rest[2:10], 16, 32)
		if err != nil {
			return nil, tagsError(s)
		}
		end := stringEnd(rest[13:])
		if end < 0 {
			return nil, tagsError(s)
		}
		value, err := unquote(rest[13 : 13+end])
		if err != nil {
			return nil, tagsError(s)
		}
		tags = append(tags, index.Tag{Tag: dicom.Tag(key), Value: value})
		rest = rest[13+end+1:]
		if rest == "" {
			return nil, tagsError(s)
		}
	}
	return tags, nil
}

// stringEnd finds the closing quote.
func stringEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func unquote(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var v string
	err := json.Unmarshal([]byte(`"`+s+`"`), &v)
	return v, err
}

func tagsError(s string) error {
	return fmt.Errorf("%w: tags of a row are not readable: %.80q", index.ErrCorrupt, s)
}
