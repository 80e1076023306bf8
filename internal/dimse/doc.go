// Package dimse exchanges DICOM messages over an association (PS3.7): command sets, statuses, and data sets
// as live streams. It knows messages, not services: those are in packages scp and scu.
//
//   - Command is a command set; DecodeCommand and Command.Encode are its two directions.
//   - Conn sends and receives one message at a time.
//   - Session adds what both ends of an association need: responses find the request they belong to,
//     requests go to a handler, and an association on which nothing happens ends.
package dimse
