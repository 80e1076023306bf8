package pdu

import (
	"bytes"
	"encoding/binary"
)

// userInfo reads the sub-items of the user information item. Those it does not
// know, and those of a later version, are skipped.
func (d *decoder) userInfo(u *UserInfo) {
	d.items(func(t itemType, d *decoder) {
		switch t {
		case itemMaxLength:
			if b := d.take(4, "maximum length"); b != nil {
				u.MaxLength = binary.BigEndian.Uint32(b)
			}
		case itemImplementationClass:
			u.ImplementationClassUID = d.restText()
		case itemImplementationVersion:
			u.ImplementationVersionName = d.restText()
		case itemAsyncWindow:
			u.Async = &AsyncWindow{Invoked: d.uint16("operations invoked"), Performed: d.uint16("operations performed")}
		case itemRoleSelection:
			u.Roles = append(u.Roles, RoleSelection{SOPClassUID: d.sizedText("role selection"),
				SCU: d.uint8("SCU role") == 1, SCP: d.uint8("SCP role") == 1})
		case itemExtended:
			u.Extended = append(u.Extended, ExtendedNegotiation{SOPClassUID: d.sizedText("extended negotiation"),
				Info: bytes.Clone(d.rest())})
		case itemCommonExtended:
			u.CommonExtended = append(u.CommonExtended, d.commonExtended())
		case itemUserIdentity:
			u.Identity = d.userIdentity()
		case itemIdentityResponse:
			u.IdentityResponse = append([]byte{}, d.sized("user identity response")...)
		}
	})
}

func (d *decoder) commonExtended() CommonExtendedNegotiation {
	x := CommonExtendedNegotiation{
		SOPClassUID:     d.sizedText("common extended negotiation"),
		ServiceClassUID: d.sizedText("service class"),
	}
	related := d.sized("related general SOP classes")
	in := &decoder{b: related, base: d.base + d.off - len(related), typ: d.typ, err: d.err}
	for in.err == nil && in.off < len(in.b) {
		if uid := in.sizedText("related general SOP class"); in.err == nil {
			x.RelatedGeneralSOPClassUIDs = append(x.RelatedGeneralSOPClassUIDs, uid)
		}
	}
	d.err = in.err
	return x
}

func (d *decoder) userIdentity() *UserIdentity {
	return &UserIdentity{
		Type:              d.uint8("user identity type"),
		ResponseRequested: d.uint8("user identity response requested") == 1,
		Primary:           bytes.Clone(d.sized("user identity primary field")),
		Secondary:         bytes.Clone(d.sized("user identity secondary field")),
	}
}
