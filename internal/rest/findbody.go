package rest

import (
	"bytes"
	"encoding/json"

	"gantry/internal/dicom/dicomjson"
)

// findBody is the JSON object of a search.
type findBody struct {
	fields  map[string]json.RawMessage
	nothing bool // something in it cannot be met by any resource
}

func (c *Call) findBody() (*findBody, error) {
	text, err := c.smallBody()
	if err != nil {
		return nil, err
	}
	b := &findBody{}
	if json.Unmarshal(text, &b.fields) != nil || b.fields == nil {
		return nil, fail(statusBadRequest, "The body must contain a JSON object")
	}
	return b, nil
}

// read decodes a field; given is false if it is not there. what says what it has to be.
func (b *findBody) read(name, what string, into any) (given bool, err error) {
	text, given := b.fields[name]
	if !given {
		return false, nil
	}
	if bytes.Equal(text, []byte("null")) || json.Unmarshal(text, into) != nil {
		return true, fail(statusBadRequest, "Field %q must be %s", name, what)
	}
	return true, nil
}

func (b *findBody) flag(name string) (v bool, err error) {
	_, err = b.read(name, "a Boolean", &v)
	return v, err
}

// count reads a number that is not negative; 0 if it is not there.
func (b *findBody) count(name string) (n int, err error) {
	if _, err := b.read(name, "an integer", &n); err != nil {
		return 0, err
	}
	if n < 0 {
		return 0, fail(statusParameterOutOfRange, "Field %q must be a positive integer", name)
	}
	return n, nil
}

// texts reads a list of texts; other values in it stand for their JSON.
func (b *findBody) texts(name, what string) (list []string, given bool, err error) {
	var values []json.RawMessage
	given, err = b.read(name, what, &values)
	for _, v := range values {
		text := string(v)
		_ = json.Unmarshal(v, &text) // else it stays as it is
		list = append(list, text)
	}
	return list, given, err
}

// form reads Full and Short.
func (b *findBody) form() (dicomjson.Format, error) {
	for _, f := range []struct {
		name string
		form dicomjson.Format
	}{{"Short", dicomjson.Short}, {"Full", dicomjson.Full}} {
		text, given := b.fields[f.name]
		if !given {
			continue
		}
		var on bool
		if json.Unmarshal(text, &on) != nil {
			return 0, fail(statusBadFileFormat, "Boolean value expected in field: %s", f.name)
		}
		if on {
			return f.form, nil
		}
	}
	return dicomjson.Simplified, nil
}
