package dul

// action is one of the actions of PS3.8 tables 9-6 to 9-9.
type action uint8

const (
	noAction action = iota
	ae1
	ae2
	ae3
	ae4
	ae5
	ae6
	ae6Refuse
	ae7
	ae8

	dt1
	dt2

	ar1
	ar2
	ar3
	ar4
	ar5
	ar6
	ar7
	ar8
	ar9
	ar10

	aa1
	aa2
	aa3
	aa4
	aa5
	aa6
	aa7
	aa8
)

// effect is one thing that an action does.
type effect uint8

const (
	connectTransport effect = iota + 1
	acceptTransport
	closeTransport
	startARTIM
	stopARTIM
	sendAssociateRQ
	sendAssociateAC
	sendAssociateRJ
	sendData
	sendReleaseRQ
	sendReleaseRP
	sendUserAbort
	sendProviderAbort
	indicateAssociate
	confirmAccept
	confirmReject
	indicateData
	indicateRelease
	confirmRelease
	indicateAbort         // A-ABORT or, if the peer's provider sent it, A-P-ABORT
	indicateProviderAbort // A-P-ABORT
)

// actions holds the name of each action and its effects in order.
var actions = [...]struct {
	name    string
	effects []effect
}{
	noAction:  {"none", nil},
	ae1:       {"AE-1", []effect{connectTransport}},
	ae2:       {"AE-2", []effect{sendAssociateRQ}},
	ae3:       {"AE-3", []effect{confirmAccept}},
	ae4:       {"AE-4", []effect{confirmReject, closeTransport}},
	ae5:       {"AE-5", []effect{acceptTransport, startARTIM}},
	ae6:       {"AE-6", []effect{stopARTIM, indicateAssociate}},
	ae6Refuse: {"AE-6", []effect{stopARTIM, sendAssociateRJ, startARTIM}},
	ae7:       {"AE-7", []effect{sendAssociateAC}},
	ae8:       {"AE-8", []effect{sendAssociateRJ, startARTIM}},
	dt1:       {"DT-1", []effect{sendData}},
	dt2:       {"DT-2", []effect{indicateData}},
	ar1:       {"AR-1", []effect{sendReleaseRQ}},
	ar2:       {"AR-2", []effect{indicateRelease}},
	ar3:       {"AR-3", []effect{confirmRelease, closeTransport}},
	ar4:       {"AR-4", []effect{sendReleaseRP, startARTIM}},
	ar5:       {"AR-5", []effect{stopARTIM}},
	ar6:       {"AR-6", []effect{indicateData}},
	ar7:       {"AR-7", []effect{sendData}},
	ar8:       {"AR-8", []effect{indicateRelease}},
	ar9:       {"AR-9", []effect{sendReleaseRP}},
	ar10:      {"AR-10", []effect{confirmRelease}},
	aa1:       {"AA-1", []effect{sendUserAbort, startARTIM}},
	aa2:       {"AA-2", []effect{stopARTIM, closeTransport}},
	aa3:       {"AA-3", []effect{indicateAbort, closeTransport}},
	aa4:       {"AA-4", []effect{indicateProviderAbort}},
	aa5:       {"AA-5", []effect{stopARTIM}},
	aa6:       {"AA-6", nil},
	aa7:       {"AA-7", []effect{sendProviderAbort}},
	aa8:       {"AA-8", []effect{sendProviderAbort, indicateProviderAbort, startARTIM}},
}

func (a action) String() string { return actions[a].name }
