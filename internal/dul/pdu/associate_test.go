package pdu_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/dul/pdu"
)

// wire turns hexadecimal text, with spaces and quoted ASCII, into bytes.
func wire(t testing.TB, text string) []byte {
	t.Helper()
	var b []byte
	for i, part := range strings.Split(text, "'") {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		raw, err := hex.DecodeString(strings.Join(strings.Fields(part), ""))
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, raw...)
	}
	return b
}

var reserved32 = strings.Repeat("00", 32)

// cases pair PDUs with their bytes.
var cases = []struct {
	name, section, wire string
	pdu                 pdu.PDU
}{
	{"request", "PS3.8 9.3.2", "01 00 000000CD 0001 0000 'ANY-SCP         ' 'ECHOSCU         '" + reserved32 +
		"10 00 0015 '1.2.840.10008.3.1.1.1'" + // 9.3.2.1
		"20 00 002E 01 000000" + // 9.3.2.2
		"30 00 0011 '1.2.840.10008.1.1'" +
		"40 00 0011 '1.2.840.10008.1.2'" +
		"50 00 003A" + // 9.3.2.3
		"51 00 0004 00004000" + // D.1
		"52 00 001B '1.2.276.0.7230010.3.0.3.6.7'" + // PS3.7 D.3.3.2.1
		"55 00 000F 'OFFIS_DCMTK_367'", // PS3.7 D.3.3.2.3
		&pdu.AssociateRQ{ProtocolVersion: 1, CalledAET: "ANY-SCP", CallingAET: "ECHOSCU",
			ApplicationContext: pdu.ApplicationContext,
			Contexts: []pdu.ProposedContext{{ID: 1, AbstractSyntax: "1.2.840.10008.1.1",
				TransferSyntaxes: []string{"1.2.840.10008.1.2"}}},
			UserInfo: pdu.UserInfo{MaxLength: 16384, ImplementationClassUID: "1.2.276.0.7230010.3.0.3.6.7",
				ImplementationVersionName: "OFFIS_DCMTK_367"}}},
	{"request with every sub-item", "PS3.7 D.3.3", "01 00 000000A1 0001 0000 'B               ' 'A               '" + reserved32 +
		"10 00 0001 '1'" +
		"50 00 0054" +
		"51 00 0004 00020000" +
		"52 00 0003 '1.2'" +
		"53 00 0004 0008 0000" + // D.3.3.3
		"54 00 0007 0003 '1.3' 00 01" + // D.3.3.4
		"56 00 0007 0003 '1.4' 01 02" + // D.3.3.5
		"57 00 0014 0003 '1.5' 0003 '1.6' 0008 0003 '1.7' 0001 '8'" + // D.3.3.6
		"58 00 000B 02 01 0002 'me' 0003 'pwd'" + // D.3.3.7.1
		"", &pdu.AssociateRQ{ProtocolVersion: 1, CalledAET: "B", CallingAET: "A", ApplicationContext: "1",
		UserInfo: pdu.UserInfo{MaxLength: 131072, ImplementationClassUID: "1.2",
			Async:    &pdu.AsyncWindow{Invoked: 8},
			Roles:    []pdu.RoleSelection{{SOPClassUID: "1.3", SCP: true}},
			Extended: []pdu.ExtendedNegotiation{{SOPClassUID: "1.4", Info: []byte{1, 2}}},
			CommonExtended: []pdu.CommonExtendedNegotiation{{SOPClassUID: "1.5", ServiceClassUID: "1.6",
				RelatedGeneralSOPClassUIDs: []string{"1.7", "8"}}},
			Identity: &pdu.UserIdentity{Type: 2, ResponseRequested: true, Primary: []byte("me"), Secondary: []byte("pwd")},
		}}},
	{"acceptance", "PS3.8 9.3.3", "02 00 0000007B 0001 0000 'B               ' 'A               '" + reserved32 +
		"10 00 0001 '1'" +
		"21 00 000B 01 00 00 00 40 00 0003 '1.2'" + // 9.3.3.2
		"21 00 0008 03 00 03 00 40 00 0000" +
		"50 00 0013" +
		"51 00 0004 00000000" +
		"52 00 0001 '9'" +
		"59 00 0002 0000", // PS3.7 D.3.3.7.2
		&pdu.AssociateAC{ProtocolVersion: 1, CalledAET: "B", CallingAET: "A", ApplicationContext: "1",
			Contexts: []pdu.AnsweredContext{{ID: 1, TransferSyntax: "1.2"}, {ID: 3, Result: 3}},
			UserInfo: pdu.UserInfo{ImplementationClassUID: "9", IdentityResponse: []byte{}}}},
	{"rejection", "PS3.8 9.3.4", "03 00 00000004 00 01 01 07", &pdu.AssociateRJ{Result: 1, Source: 1, Reason: 7}},
	{"data", "PS3.8 9.3.5", "04 00 0000000F 00000004 01 03 'AB' 00000003 01 00 'C'",
		&pdu.Data{PDVs: []pdu.PDV{{ContextID: 1, Command: true, Last: true, Data: []byte("AB")}, {ContextID: 1, Data: []byte("C")}}}},
	{"release request", "PS3.8 9.3.6", "05 00 00000004 00000000", &pdu.ReleaseRQ{}},
	{"release response", "PS3.8 9.3.7", "06 00 00000004 00000000", &pdu.ReleaseRP{}},
	{"abort", "PS3.8 9.3.8", "07 00 00000004 0000 02 06", &pdu.Abort{Source: 2, Reason: 6}},
}

func decode(b []byte) (pdu.PDU, error) {
	h, err := pdu.ParseHeader(b)
	if err != nil {
		return nil, err
	}
	return pdu.Decode(h, b[pdu.HeaderSize:])
}

func TestBytesAndPDUs(t *testing.T) {
	t.Parallel()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := wire(t, c.wire)
			got, err := decode(want)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.pdu) {
				t.Errorf("%s: decoded\n%+v, want\n%+v", c.section, got, c.pdu)
			}
			if got.Type() != pdu.Type(want[0]) {
				t.Errorf("type %v", got.Type())
			}
			encoded, err := c.pdu.Append([]byte("before"))
			if err != nil {
				t.Fatal(err)
			}
			if rest, ok := bytes.CutPrefix(encoded, []byte("before")); !ok || !bytes.Equal(rest, want) {
				t.Errorf("%s: encoded\n% X, want\n% X", c.section, rest, want)
			}
		})
	}
}

func TestUnknownItemsAreSkipped(t *testing.T) {
	t.Parallel()
	b := wire(t, "0001 0000 'B               ' 'A               '"+reserved32+
		"99 00 0002 FFFF"+
		"20 00 000C 05 000000 77 00 0000 30 00 0000"+
		"50 00 000D 5F 00 0001 00 51 00 0004 00001000")
	rq, err := pdu.DecodeAssociateRQ(b)
	if err != nil {
		t.Fatal(err)
	}
	if rq.UserInfo.MaxLength != 4096 || len(rq.Contexts) != 1 || rq.Contexts[0].ID != 5 {
		t.Errorf("decoded %+v", rq)
	}
}

func TestPaddingIsTrimmed(t *testing.T) {
	t.Parallel()
	b := wire(t, "0001 0000 '  B' 00 '            ' 'A' 000000000000000000000000000000"+reserved32+
		"10 00 0003 '1 ' 00")
	rq, err := pdu.DecodeAssociateRQ(b)
	if err != nil {
		t.Fatal(err)
	}
	if rq.CalledAET != "B" || rq.CallingAET != "A" || rq.ApplicationContext != "1" {
		t.Errorf("titles %q, %q, context %q", rq.CalledAET, rq.CallingAET, rq.ApplicationContext)
	}
}

func TestDamagedPDUs(t *testing.T) {
	t.Parallel()
	fixed := "0001 0000 'B               ' 'A               '" + reserved32
	for name, c := range map[string]struct {
		typ    pdu.Type
		wire   string
		offset int
	}{
		"fixed fields cut short":     {pdu.TypeAssociateRQ, "0001", 0},
		"item header cut short":      {pdu.TypeAssociateRQ, fixed + "10", 68},
		"item longer than PDU":       {pdu.TypeAssociateAC, fixed + "10 00 0005 '1.2'", 72},
		"sub-item longer than item":  {pdu.TypeAssociateRQ, fixed + "50 00 0006 51 00 0008 0000", 76},
		"max length too short":       {pdu.TypeAssociateRQ, fixed + "50 00 0006 51 00 0002 0000", 76},
		"role selection cut short":   {pdu.TypeAssociateRQ, fixed + "50 00 0008 54 00 0004 0009 0000", 78},
		"related classes cut short":  {pdu.TypeAssociateRQ, fixed + "50 00 000C 57 00 0008 0000 0000 0002 0004", 84},
		"context cut short":          {pdu.TypeAssociateRQ, fixed + "20 00 0002 0100", 73},
		"rejection of three bytes":   {pdu.TypeAssociateRJ, "00 01 01", 0},
		"abort of five bytes":        {pdu.TypeAbort, "00 00 00 00 00", 0},
		"release without bytes":      {pdu.TypeReleaseRQ, "", 0},
		"value header cut short":     {pdu.TypeData, "00000004 01", 0},
		"value without a header":     {pdu.TypeData, "00000001 01 00 00", 0},
		"value longer than its PDU":  {pdu.TypeData, "00000005 01 00 0000", 6},
		"value of four gigabytes":    {pdu.TypeData, "FFFFFFFF 01 00 0000", 6},
		"a PDU that does not exist":  {pdu.Type(8), "00000000", 0},
		"more contexts than ids are": {pdu.TypeAssociateRQ, fixed + strings.Repeat("20 00 0004 01000000 ", 129), 68 + 129*8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := wire(t, c.wire)
			_, err := pdu.Decode(pdu.Header{Type: c.typ, Length: uint32(len(b))}, b)
			broken := new(pdu.Error)
			if !errors.As(err, &broken) {
				t.Fatalf("error %v", err)
			}
			if broken.Offset != c.offset || broken.Type != c.typ {
				t.Errorf("%v: offset %d, want %d", err, broken.Offset, c.offset)
			}
		})
	}
}

func TestWhatDoesNotFitIsNotEncoded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("1", 1<<16)
	for name, p := range map[string]pdu.PDU{
		"AE title":       &pdu.AssociateRQ{CalledAET: "SEVENTEEN LETTERS"},
		"abstract":       &pdu.AssociateRQ{Contexts: []pdu.ProposedContext{{AbstractSyntax: long}}},
		"transfer":       &pdu.AssociateAC{Contexts: []pdu.AnsweredContext{{TransferSyntax: long}}},
		"user identity":  &pdu.AssociateRQ{UserInfo: pdu.UserInfo{Identity: &pdu.UserIdentity{Primary: []byte(long)}}},
		"role selection": &pdu.AssociateRQ{UserInfo: pdu.UserInfo{Roles: []pdu.RoleSelection{{SOPClassUID: long}}}},
	} {
		b, err := p.Append([]byte("before"))
		if broken := new(pdu.Error); !errors.As(err, &broken) || string(b) != "before" {
			t.Errorf("%s: %d bytes, error %v", name, len(b), err)
		}
	}
}
