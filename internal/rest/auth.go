package rest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Limits of the login. A verified login is remembered because bcrypt costs tens of milliseconds by design.
const (
	rememberLogin     = time.Minute
	maximumRemembered = 1024
	failureWindow     = time.Minute
	maximumFailures   = 20 // per address and window
	maximumAddresses  = 4096
)

// authenticator checks HTTP basic authentication against RegisteredUsers, whose passwords are plain or bcrypt.
type authenticator struct {
	users map[string]string
	decoy string   // one of the hashes, compared with where there is no such user; "" where there are none
	key   [32]byte // of the hashes of remembered logins; lives as long as the process
	now   func() time.Time

	mu         sync.Mutex
	remembered map[[sha256.Size]byte]time.Time // until when
	failures   map[string]*failures            // by remote address
}

type failures struct {
	count int
	until time.Time
}

func newAuthenticator(users map[string]string, now func() time.Time) *authenticator {
	a := &authenticator{users: users, now: now,
		remembered: map[[sha256.Size]byte]time.Time{}, failures: map[string]*failures{}}
	_, _ = rand.Read(a.key[:]) // never fails (crypto/rand)
	for _, stored := range users {
		if strings.HasPrefix(stored, "$2") {
			a.decoy = stored
		}
	}
	return a
}

// verdict is the outcome of a login.
type verdict int

const (
	loginAccepted verdict = iota
	loginRefused
	loginThrottled // too many failures from this address: not even looked at
)

// check looks at one login from one remote address.
func (a *authenticator) check(user, password, remoteAddr string) verdict {
	host, _, err := net.SplitHostPort(remoteAddr)
	if err != nil {
		host = remoteAddr
	}
	mac := a.mac(user, password)
	if a.isRemembered(mac) {
		return loginAccepted
	}
	if a.isThrottled(host) {
		return loginThrottled
	}
	if !a.verify(user, password) {
		a.noteFailure(host)
		return loginRefused
	}
	a.remember(mac)
	return loginAccepted
}

func (a *authenticator) mac(user, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, a.key[:])
	h.Write([]byte(user))
	h.Write([]byte{0})
	h.Write([]byte(password))
	h.Sum(sum[:0])
	return sum
}

// verify takes as long for an unknown user as for one with a hash, where there are such users: names cannot be found
// out by the clock.
func (a *authenticator) verify(user, password string) bool {
	stored, known := a.users[user]
	if !known && a.decoy != "" {
		_ = bcrypt.CompareHashAndPassword([]byte(a.decoy), []byte(password))
		return false
	}
	if strings.HasPrefix(stored, "$2") {
		return bcrypt.CompareHashAndPassword([]byte(stored), []byte(password)) == nil
	}
	given, wanted := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(stored))
	return subtle.ConstantTimeCompare(given[:], wanted[:]) == 1 && known
}

func (a *authenticator) isRemembered(mac [sha256.Size]byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	until, known := a.remembered[mac]
	if known && a.now().After(until) {
		delete(a.remembered, mac)
		return false
	}
	return known
}

func (a *authenticator) remember(mac [sha256.Size]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.remembered) >= maximumRemembered {
		clear(a.remembered)
	}
	a.remembered[mac] = a.now().Add(rememberLogin)
}

func (a *authenticator) isThrottled(host string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.failures[host]
	if f == nil {
		return false
	}
	if a.now().After(f.until) {
		delete(a.failures, host)
		return false
	}
	return f.count >= maximumFailures
}

func (a *authenticator) noteFailure(host string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.failures[host]
	if f == nil {
		if len(a.failures) >= maximumAddresses {
			clear(a.failures)
		}
		f = &failures{until: a.now().Add(failureWindow)}
		a.failures[host] = f
	}
	f.count++
}
