package pdu

// itemType is the first byte of a variable item or of one of its sub-items.
type itemType byte

const (
	itemApplicationContext    itemType = 0x10 // PS3.8 9.3.2.1
	itemProposedContext       itemType = 0x20 // PS3.8 9.3.2.2
	itemAnsweredContext       itemType = 0x21 // PS3.8 9.3.3.2
	itemAbstractSyntax        itemType = 0x30 // PS3.8 9.3.2.2.1
	itemTransferSyntax        itemType = 0x40 // PS3.8 9.3.2.2.2
	itemUserInfo              itemType = 0x50 // PS3.8 9.3.2.3
	itemMaxLength             itemType = 0x51 // PS3.8 D.1
	itemImplementationClass   itemType = 0x52 // PS3.7 D.3.3.2.1
	itemAsyncWindow           itemType = 0x53 // PS3.7 D.3.3.3
	itemRoleSelection         itemType = 0x54 // PS3.7 D.3.3.4
	itemImplementationVersion itemType = 0x55 // PS3.7 D.3.3.2.3
	itemExtended              itemType = 0x56 // PS3.7 D.3.3.5
	itemCommonExtended        itemType = 0x57 // PS3.7 D.3.3.6
	itemUserIdentity          itemType = 0x58 // PS3.7 D.3.3.7.1
	itemIdentityResponse      itemType = 0x59 // PS3.7 D.3.3.7.2
)

// MaxContexts is how many presentation contexts an association can have: the
// odd ids from 1 to 255 (PS3.8 9.3.2.2).
const MaxContexts = 128
