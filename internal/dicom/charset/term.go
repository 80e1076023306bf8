package charset

import (
	"fmt"
	"strings"
)

// term is the meaning of one value of Specific Character Set: a repertoire for text as a whole, or the initial sets
// of the left and right half of the code table.
type term struct {
	whole       whole
	left, right set
	escaped     bool // its own set comes into use by an escape sequence only
}

// parseTerm understands a value of Specific Character Set, with or without code extensions, in the spelling of
// PS3.3 C.12.1.1.2 or another, and the names that other worlds have for the same repertoires.
func parseTerm(value string) (term, bool) {
	name := letters(value)
	for _, prefix := range [...]string{"ISO", "2022", "IR"} {
		name = strings.TrimPrefix(name, prefix)
	}
	if w, ok := wholeOf(name); ok {
		return term{whole: w}, true
	}
	switch name {
	case "13", "JISX0201":
		return term{left: setRomaji, right: setKatakana}, true
	case "":
		return term{left: setASCII}, strings.Trim(value, " \x00") == ""
	case "6", "646", "ASCII", "USASCII":
		return term{left: setASCII}, true
	case "87", "159", "JP", "JISX0208", "JISX0212":
		return term{left: setASCII, escaped: true}, true
	}
	right, ok := rightHalf(name)
	return term{left: setASCII, right: right}, ok
}

// rightHalf returns the set for G1 by the number of its registration or a name of its repertoire.
func rightHalf(name string) (set, bool) {
	switch name {
	case "100", "88591", "LATIN1", "L1":
		return setLatin1, true
	case "101", "88592", "LATIN2", "L2":
		return setLatin2, true
	case "109", "88593", "LATIN3", "L3":
		return setLatin3, true
	case "110", "88594", "LATIN4", "L4":
		return setLatin4, true
	case "148", "88599", "LATIN5", "L5":
		return setLatin5, true
	case "203", "885915", "LATIN9", "L9":
		return setLatin9, true
	case "144", "88595", "CYRILLIC":
		return setCyrillic, true
	case "127", "88596", "ARABIC":
		return setArabic, true
	case "126", "88597", "GREEK":
		return setGreek, true
	case "138", "88598", "HEBREW":
		return setHebrew, true
	case "166", "885911", "TIS620", "THAI":
		return setThai, true
	case "149", "KR", "EUCKR", "KSC5601", "KSX1001", "KOREAN":
		return setHangul, true
	case "58", "CN", "GB2312", "EUCCN":
		return setHanzi, true
	}
	return setNone, false
}

func wholeOf(name string) (whole, bool) {
	switch name {
	case "192", "UTF8", "10646UTF8", "UNICODE11UTF8":
		return wholeUTF8, true
	case "GB18030":
		return wholeGB18030, true
	case "GBK", "CP936":
		return wholeGBK, true
	case "WINDOWS1251", "CP1251":
		return wholeWindows1251, true
	case "WINDOWS1252", "CP1252":
		return wholeWindows1252, true
	case "SHIFTJIS", "SJIS":
		return wholeShiftJIS, true
	}
	return wholeNone, false
}

// letters returns the letters, in upper case, and digits of a name.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return -1
	}, s)
}

// NameError is a name that option DefaultEncoding does not know.
type NameError struct{ Name string }

// Error names the encodings that are known.
func (e *NameError) Error() string {
	return fmt.Sprintf("charset: encoding %q is not known: choose Ascii, Utf8, Latin1 to Latin5, Latin9, Cyrillic, "+
		"Windows1251, Arabic, Greek, Hebrew, Thai, Japanese, JapaneseKanji, Chinese, SimplifiedChinese or Korean", e.Name)
}

// Default returns the term for New that a name in Orthanc's option DefaultEncoding stands for, in either case.
// Windows1251 has no defined term in DICOM: its term is good for New and Encode only.
func Default(name string) (string, error) {
	switch strings.ToLower(name) {
	case "ascii":
		return "ISO_IR 6", nil
	case "utf8":
		return "ISO_IR 192", nil
	case "latin1":
		return "ISO_IR 100", nil
	case "latin2":
		return "ISO_IR 101", nil
	case "latin3":
		return "ISO_IR 109", nil
	case "latin4":
		return "ISO_IR 110", nil
	case "latin5":
		return "ISO_IR 148", nil
	case "latin9":
		return "ISO_IR 203", nil
	case "cyrillic":
		return "ISO_IR 144", nil
	case "windows1251":
		return "windows-1251", nil
	case "arabic":
		return "ISO_IR 127", nil
	case "greek":
		return "ISO_IR 126", nil
	case "hebrew":
		return "ISO_IR 138", nil
	case "thai":
		return "ISO_IR 166", nil
	case "japanese":
		return "ISO_IR 13", nil
	case "japanesekanji":
		return "ISO 2022 IR 87", nil
	case "chinese":
		return "GB18030", nil
	case "simplifiedchinese":
		return "ISO 2022 IR 58", nil
	case "korean":
		return "ISO 2022 IR 149", nil
	}
	return "", &NameError{name}
}
