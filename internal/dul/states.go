package dul

import "fmt"

// state is one of the thirteen states of an association (PS3.8 9.2.1).
type state uint8

const (
	sta1  state = iota + 1 // idle
	sta2                   // transport connection open, awaiting A-ASSOCIATE-RQ
	sta3                   // awaiting the local A-ASSOCIATE response
	sta4                   // awaiting the transport connection
	sta5                   // awaiting A-ASSOCIATE-AC or -RJ
	sta6                   // established, ready for data transfer
	sta7                   // awaiting A-RELEASE-RP
	sta8                   // awaiting the local A-RELEASE response
	sta9                   // release collision, requestor: awaiting the local response
	sta10                  // release collision, acceptor: awaiting A-RELEASE-RP
	sta11                  // release collision, requestor: awaiting A-RELEASE-RP
	sta12                  // release collision, acceptor: awaiting the local response
	sta13                  // awaiting the end of the transport connection

	states = 13
)

func (s state) String() string { return fmt.Sprintf("Sta%d", uint8(s)) }

// event is one of the nineteen events (PS3.8 table 9-5 ff., first column of table 9-10).
type event uint8

const (
	evtAssociateRequest event = iota + 1 // 1: local A-ASSOCIATE request
	evtConnected                         // 2: transport connect confirmed
	evtAssociateAC                       // 3: A-ASSOCIATE-AC received
	evtAssociateRJ                       // 4: A-ASSOCIATE-RJ received
	evtConnection                        // 5: transport connect indication
	evtAssociateRQ                       // 6: A-ASSOCIATE-RQ received
	evtAccept                            // 7: local A-ASSOCIATE response, accept
	evtReject                            // 8: local A-ASSOCIATE response, reject
	evtDataRequest                       // 9: local P-DATA request
	evtData                              // 10: P-DATA-TF received
	evtReleaseRequest                    // 11: local A-RELEASE request
	evtReleaseRQ                         // 12: A-RELEASE-RQ received
	evtReleaseRP                         // 13: A-RELEASE-RP received
	evtReleaseResponse                   // 14: local A-RELEASE response
	evtAbortRequest                      // 15: local A-ABORT request
	evtAbort                             // 16: A-ABORT received
	evtConnectionClosed                  // 17: transport connection closed
	evtARTIM                             // 18: ARTIM timer expired
	evtInvalidPDU                        // 19: unrecognized or invalid PDU received

	events = 19
)

func (e event) String() string { return fmt.Sprintf("Evt%d", uint8(e)) }
