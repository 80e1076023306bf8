// Package indextest is the conformance suite of the index: every implementation runs it.
package indextest
