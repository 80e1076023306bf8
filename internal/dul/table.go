package dul

// cell is a field of the state table: what to do, and the state that follows.
// The zero cell is an event that cannot happen in its state.
type cell struct {
	action action
	next   state
}

// stateTable is PS3.8 table 9-10.
var stateTable = [events + 1][states + 1]cell{
	evtAssociateRequest: {
		sta1: {ae1, sta4},
	},
	evtConnected: {
		sta4: {ae2, sta5},
	},
	evtAssociateAC: {
		sta2: {aa1, sta13}, sta3: {aa8, sta13}, sta5: {ae3, sta6}, sta6: {aa8, sta13},
		sta7: {aa8, sta13}, sta8: {aa8, sta13}, sta9: {aa8, sta13}, sta10: {aa8, sta13},
		sta11: {aa8, sta13}, sta12: {aa8, sta13}, sta13: {aa6, sta13},
	},
	evtAssociateRJ: {
		sta2: {aa1, sta13}, sta3: {aa8, sta13}, sta5: {ae4, sta1}, sta6: {aa8, sta13},
		sta7: {aa8, sta13}, sta8: {aa8, sta13}, sta9: {aa8, sta13}, sta10: {aa8, sta13},
		sta11: {aa8, sta13}, sta12: {aa8, sta13}, sta13: {aa6, sta13},
	},
	evtConnection: {
		sta1: {ae5, sta2},
	},
	evtAssociateRQ: {
		sta2: {ae6, sta3}, sta3: {aa8, sta13}, sta5: {aa8, sta13}, sta6: {aa8, sta13},
		sta7: {aa8, sta13}, sta8: {aa8, sta13}, sta9: {aa8, sta13}, sta10: {aa8, sta13},
		sta11: {aa8, sta13}, sta12: {aa8, sta13}, sta13: {aa7, sta13},
	},
	evtAccept: {
		sta3: {ae7, sta6},
	},
	evtReject: {
		sta3: {ae8, sta13},
	},
	evtDataRequest: {
		sta6: {dt1, sta6}, sta8: {ar7, sta8},
	},
	evtData: {
		sta2: {aa1, sta13}, sta3: {aa8, sta13}, sta5: {aa8, sta13}, sta6: {dt2, sta6},
		sta7: {ar6, sta7}, sta8: {aa8, sta13}, sta9: {aa8, sta13}, sta10: {aa8, sta13},
		sta11: {aa8, sta13}, sta12: {aa8, sta13}, sta13: {aa6, sta13},
	},
	evtReleaseRequest: {
		sta6: {ar1, sta7},
	},
	evtReleaseRQ: {
		sta2: {aa1, sta13}, sta3: {aa8, sta13}, sta5: {aa8, sta13}, sta6: {ar2, sta8},
		sta7: {ar8, sta9}, sta8: {aa8, sta13}, sta9: {aa8, sta13}, sta10: {aa8, sta13},
		sta11: {aa8, sta13}, sta12: {aa8, sta13}, sta13: {aa6, sta13},
	},
	evtReleaseRP: {
		sta2: {aa1, sta13}, sta3: {aa8, sta13}, sta5: {aa8, sta13}, sta6: {aa8, sta13},
		sta7: {ar3, sta1}, sta8: {aa8, sta13}, sta9: {aa8, sta13}, sta10: {ar10, sta12},
		sta11: {ar3, sta1}, sta12: {aa8, sta13}, sta13: {aa6, sta13},
	},
	evtReleaseResponse: {
		sta8: {ar4, sta13}, sta9: {ar9, sta11}, sta12: {ar4, sta13},
	},
	evtAbortRequest: {
		sta3: {aa1, sta13}, sta4: {aa2, sta1}, sta5: {aa1, sta13}, sta6: {aa1, sta13},
		sta7: {aa1, sta13}, sta8: {aa1, sta13}, sta9: {aa1, sta13}, sta10: {aa1, sta13},
		sta11: {aa1, sta13}, sta12: {aa1, sta13},
	},
	evtAbort: {
		sta2: {aa2, sta1}, sta3: {aa3, sta1}, sta5: {aa3, sta1}, sta6: {aa3, sta1},
		sta7: {aa3, sta1}, sta8: {aa3, sta1}, sta9: {aa3, sta1}, sta10: {aa3, sta1},
		sta11: {aa3, sta1}, sta12: {aa3, sta1}, sta13: {aa2, sta1},
	},
	evtConnectionClosed: {
		sta2: {aa5, sta1}, sta3: {aa4, sta1}, sta4: {aa4, sta1}, sta5: {aa4, sta1},
		sta6: {aa4, sta1}, sta7: {aa4, sta1}, sta8: {aa4, sta1}, sta9: {aa4, sta1},
		sta10: {aa4, sta1}, sta11: {aa4, sta1}, sta12: {aa4, sta1}, sta13: {ar5, sta1},
	},
	evtARTIM: {
		sta2: {aa2, sta1}, sta13: {aa2, sta1},
	},
	evtInvalidPDU: {
		sta2: {aa1, sta13}, sta3: {aa8, sta13}, sta5: {aa8, sta13}, sta6: {aa8, sta13},
		sta7: {aa8, sta13}, sta8: {aa8, sta13}, sta9: {aa8, sta13}, sta10: {aa8, sta13},
		sta11: {aa8, sta13}, sta12: {aa8, sta13}, sta13: {aa7, sta13},
	},
}

// alternatives holds what takes the place of a cell that offers a choice: AE-6
// where this provider itself refuses the request, and AR-8 where this side
// accepted the association.
var alternatives = map[action]cell{
	ae6: {ae6Refuse, sta13},
	ar8: {ar8, sta10},
}

// transition looks up what e does in s; other picks the alternative of a cell
// that has one.
func transition(s state, e event, other bool) (cell, bool) {
	c := stateTable[e][s]
	if c.action == noAction {
		return c, false
	}
	if alt, ok := alternatives[c.action]; ok && other {
		return alt, true
	}
	return c, true
}
