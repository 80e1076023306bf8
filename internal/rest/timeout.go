package rest

import "encoding/json"

// timeout is the field Timeout of a body, in seconds; 0: that of the peer. Orthanc 1.13.0 refuses negative ones with the
// same words.
type timeout int

func (t *timeout) UnmarshalJSON(text []byte) error {
	n, err := integerField("Timeout", json.RawMessage(text))
	if err != nil {
		return err
	}
	if n < 0 {
		return fail(statusBadParameterType, "Negative value found while expecting an unsigned int in field 'Timeout'")
	}
	*t = timeout(n)
	return nil
}

// port is the TCP port in a body; 0 if it is absent.
type port int

func (p *port) UnmarshalJSON(text []byte) error {
	n, err := integerField("Port", json.RawMessage(text))
	if err != nil {
		return err
	}
	if n < 1 || n > 65535 {
		return fail(statusParameterOutOfRange, "A TCP port number must be in range [1..65535], but found: %d", n)
	}
	*p = port(n)
	return nil
}
