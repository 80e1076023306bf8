package pdu

// ApplicationContext is the one application context name of DICOM (PS3.7 A.2.1).
const ApplicationContext = "1.2.840.10008.3.1.1.1"

// ProtocolVersion is version 1, as a bit field (PS3.8 9.3.2).
const ProtocolVersion uint16 = 0x0001

// AssociateRQ asks for an association (PS3.8 9.3.2).
type AssociateRQ struct {
	ProtocolVersion       uint16
	CalledAET, CallingAET string // without padding, at most 16 characters
	ApplicationContext    string
	Contexts              []ProposedContext
	UserInfo              UserInfo
}

// ProposedContext is a presentation context item of an A-ASSOCIATE-RQ
// (PS3.8 9.3.2.2).
type ProposedContext struct {
	ID               uint8
	AbstractSyntax   string
	TransferSyntaxes []string
}

// AssociateAC grants an association (PS3.8 9.3.3).
type AssociateAC struct {
	ProtocolVersion       uint16
	CalledAET, CallingAET string // echoed, not to be tested
	ApplicationContext    string
	Contexts              []AnsweredContext
	UserInfo              UserInfo
}

// AnsweredContext is a presentation context item of an A-ASSOCIATE-AC
// (PS3.8 9.3.3.2). TransferSyntax counts only where Result is ResultAcceptance.
type AnsweredContext struct {
	ID             uint8
	Result         uint8
	TransferSyntax string
}

// Results of a presentation context negotiation (PS3.8 table 9-18).
const (
	ResultAcceptance                   uint8 = 0
	ResultUserRejection                uint8 = 1
	ResultNoReason                     uint8 = 2
	ResultAbstractSyntaxNotSupported   uint8 = 3
	ResultTransferSyntaxesNotSupported uint8 = 4
)

// UserInfo holds the sub-items of the user information item
// (PS3.8 9.3.2.3 and annex D, PS3.7 D.3.3).
type UserInfo struct {
	MaxLength                 uint32 // 0: unlimited
	ImplementationClassUID    string
	ImplementationVersionName string
	Async                     *AsyncWindow
	Roles                     []RoleSelection
	Extended                  []ExtendedNegotiation
	CommonExtended            []CommonExtendedNegotiation // A-ASSOCIATE-RQ only
	Identity                  *UserIdentity               // A-ASSOCIATE-RQ only
	IdentityResponse          []byte                      // A-ASSOCIATE-AC only; nil: no such item
}

// AsyncWindow is the asynchronous operations window (PS3.7 D.3.3.3), seen from
// the association requestor: how many operations it may invoke and perform at
// once. 0 means any number.
type AsyncWindow struct{ Invoked, Performed uint16 }

// RoleSelection is the SCP/SCU role selection for one SOP class (PS3.7 D.3.3.4):
// the roles proposed for, or granted to, the association requestor.
type RoleSelection struct {
	SOPClassUID string
	SCU, SCP    bool
}

// ExtendedNegotiation carries application information of one SOP class
// (PS3.7 D.3.3.5), as it came.
type ExtendedNegotiation struct {
	SOPClassUID string
	Info        []byte
}

// CommonExtendedNegotiation names the service class of a SOP class and the
// general SOP classes it specialises (PS3.7 D.3.3.6).
type CommonExtendedNegotiation struct {
	SOPClassUID, ServiceClassUID string
	RelatedGeneralSOPClassUIDs   []string
}

// UserIdentity tells who the user of the requestor is (PS3.7 D.3.3.7).
type UserIdentity struct {
	Type               uint8 // 1 user name, 2 with passcode, 3 Kerberos, 4 SAML, 5 JWT
	ResponseRequested  bool
	Primary, Secondary []byte
}

// Type is TypeAssociateRQ.
func (*AssociateRQ) Type() Type { return TypeAssociateRQ }

// Type is TypeAssociateAC.
func (*AssociateAC) Type() Type { return TypeAssociateAC }
