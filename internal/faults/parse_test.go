package faults_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gantry/internal/dul"
	"gantry/internal/faults"
)

func TestRulesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]faults.Rule{
		"store status=A700 from=MODALITY1 times=2 after=3":  {Service: faults.Store, Fault: faults.Status, Status: 0xA700, From: "MODALITY1", Times: 2, After: 3},
		`  echo  status=0xC000	comment="no, not now" once `: {Service: faults.Echo, Fault: faults.Status, Status: 0xC000, Comment: "no, not now", Times: 1},
		"commitment status=0213H":                           {Service: faults.Commitment, Fault: faults.Status, Status: 0x0213},
		"store abort from=*MODALITY12345678*":               {Service: faults.Store, Fault: faults.Abort, From: "*MODALITY12345678*"},
		"any delay=1500ms every=2 to=GAN*":                  {Service: faults.Any, Fault: faults.Delay, Delay: 1500 * time.Millisecond, Every: 2, To: "GAN*"},
		"store abort delay=2s":                              {Service: faults.Store, Fault: faults.Abort, Delay: 2 * time.Second},
		"report abort=2:6":                                  {Service: faults.Report, Fault: faults.Abort, Abort: dul.AbortError{Source: 2, Reason: 6}},
		"association reject=calling-aet":                    {Service: faults.Association, Fault: faults.Reject, Rejection: dul.Rejection{Result: 1, Source: 1, Reason: 3}},
		"association reject=2:3:2":                          {Service: faults.Association, Fault: faults.Reject, Rejection: dul.Rejection{Result: 2, Source: 3, Reason: 2}},
		"association refuse=4 class=CTImageStorage":         {Service: faults.Association, Fault: faults.Refuse, Result: 4, Class: "CTImageStorage"},
		"store drop":                                       {Service: faults.Store, Fault: faults.Drop},
		"STORE reset=data instance=1.2.*":                  {Service: faults.Store, Fault: faults.Reset, Point: faults.AtData, Instance: "1.2.*"},
		"association drop=pdu":                             {Service: faults.Association, Fault: faults.Drop, Point: faults.AtPDU},
		"commitment report=failed reason=0119 count=5":     {Service: faults.Commitment, Fault: faults.Alter, Report: faults.Failed, Reason: 0x0119, Count: 5},
		"commitment reason=0119 report=failed":             {Service: faults.Commitment, Fault: faults.Alter, Report: faults.Failed, Reason: 0x0119},
		"commitment report=late":                           {Service: faults.Commitment, Fault: faults.Alter, Report: faults.Late, Reason: 0x0110, Delay: 10 * time.Second},
		"commitment report=late delay=1s":                  {Service: faults.Commitment, Fault: faults.Alter, Report: faults.Late, Reason: 0x0110, Delay: time.Second},
		"move status=A801 class=1.2.840.10008.5.1.4.1.2.*": {Service: faults.Move, Fault: faults.Status, Status: 0xA801, Class: "1.2.840.10008.5.1.4.1.2.*"},
	} {
		got, err := faults.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want.Text = strings.TrimSpace(text)
		if want.Point == "" {
			want.Point = faults.AtResponse
		}
		if want.Count == 0 {
			want.Count = 1
		}
		if *got != want {
			t.Errorf("%s:\n%+v, want\n%+v", text, *got, want)
		}
	}
}

func TestWrongRulesSayWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		column int
		want   string
	}{
		{"", 1, "a service is expected"},
		{"stroe abort", 1, `"stroe" is no service: association, any,`},
		{"store=1 abort", 1, "is no service"},
		{"store", 1, "a fault is missing: delay, status, abort, drop or reset"},
		{"store from=X", 1, "a fault is missing"},
		{"store staus=A700", 7, `"staus" is not known: abort, after,`},
		{"store status=A7", 7, `four hexadecimal digits are expected, such as A700, not "A7"`},
		{"store status=A700 times=0", 19, "a number from 1 to"},
		{"store status=A700 times=2 once", 27, "once is times=1"},
		{"store status=A700 status=A900", 19, "status is there twice"},
		{"store status=A700 abort", 19, "a rule has one fault, and this one has status and abort"},
		{"store status", 7, "status=A700 is expected"},
		{"store status=", 7, "status= has no value"},
		{"store reject=local-limit", 7, "store has no reject, but delay,"},
		{"association status=A700", 13, "association has no status, but delay, reject,"},
		{"association reject=nobody", 13, "RESULT:SOURCE:REASON"},
		{"association reject=1:2:256", 13, "RESULT:SOURCE:REASON"},
		{"association refuse=5", 13, "a result from 1 to 4"},
		{"association drop=data", 13, "has no data set"},
		{"association abort instance=1.2", 19, "instance= goes with operations"},
		{"store abort=2", 7, "SOURCE:REASON"},
		{"store drop=somewhere", 7, "request, data, response or pdu is expected"},
		{"store delay=11m", 7, "a time up to 10m0s"},
		{"store delay=-1s", 7, "a time up to"},
		{"store abort comment=x", 13, "comment= goes with status= only"},
		{"store status=A700 comment=" + strings.Repeat("x", 65), 19, "at most 64 characters"},
		{"store abort from=MODALITY123456789", 13, `an AE title has at most 16 characters, "MODALITY123456789" would match none`},
		{"store abort to=????????????????X*", 13, "at most 16 characters"},
		{"store report=late", 7, "store has no report"},
		{"commitment report=wrong", 12, "failed, class, partial, extra, duplicate, late, forged or missing is expected"},
		{"commitment report=partial delay=1s", 27, "only report=late takes delay="},
		{"commitment report=partial class=*", 27, "class= does not go with report="},
		{`store comment="x`, 7, "closing quotation mark"},
		{"store class=CTImageStorag abort", 7, `no SOP class has the name "CTImageStorag"`},
		{"store abort\nonce", 12, "control characters"},
		{"store abort " + strings.Repeat("x", 1000), 1000, "at most 1000 characters"},
	} {
		_, err := faults.Parse(c.text)
		var wrong *faults.ParseError
		if !errors.As(err, &wrong) || wrong.Column != c.column || !strings.Contains(wrong.Message, c.want) {
			t.Errorf("%q: %v\nwant column %d: %s", c.text, err, c.column, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("store status=A700 from=MODALITY1 times=2 after=3")
	f.Add(`association reject=1:1:1 comment="x y`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := faults.Parse(text)
		var wrong *faults.ParseError
		if err != nil {
			if !errors.As(err, &wrong) || wrong.Column < 1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if again, err := faults.Parse(r.Text); err != nil || *again != *r {
			t.Fatalf("%q is read as %+v, then as %+v, %v", text, r, again, err)
		}
	})
}
