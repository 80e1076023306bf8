package rest

import (
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("hidden"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	a := newAuthenticator(map[string]string{"plain": "open", "hashed": string(hash)}, time.Now)
	for _, test := range []struct {
		user, password string
		want           verdict
	}{
		{"plain", "open", loginAccepted},
		{"plain", "wrong", loginRefused},
		{"plain", "", loginRefused},
		{"hashed", "hidden", loginAccepted},
		{"hashed", "hidden", loginAccepted}, // remembered
		{"hashed", string(hash), loginRefused},
		{"nobody", "", loginRefused},
		{"nobody", "open", loginRefused},
		{"plain\x00", "open", loginRefused},
	} {
		if got := a.check(test.user, test.password, "127.0.0.1:5000"); got != test.want {
			t.Errorf("%q with %q: verdict %d, want %d", test.user, test.password, got, test.want)
		}
	}
}

func TestFailedLoginsAreThrottledByAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAuthenticator(map[string]string{"user": "secret"}, time.Now)
		for range maximumFailures {
			if got := a.check("user", "guess", "192.0.2.1:1"); got != loginRefused {
				t.Fatalf("verdict %d, want refused", got)
			}
		}
		if got := a.check("user", "secret", "192.0.2.1:2"); got != loginThrottled {
			t.Errorf("the right password after too many wrong ones: verdict %d, want throttled", got)
		}
		if got := a.check("user", "secret", "192.0.2.2:1"); got != loginAccepted {
			t.Errorf("another address: verdict %d, want accepted", got)
		}
		time.Sleep(failureWindow + time.Second) // of the fake clock
		if got := a.check("user", "secret", "192.0.2.1:3"); got != loginAccepted {
			t.Errorf("after the window: verdict %d, want accepted", got)
		}
	})
}

func TestRememberedLoginEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAuthenticator(map[string]string{"user": "secret"}, time.Now)
		a.check("user", "secret", "127.0.0.1:1")
		a.users = map[string]string{} // as if the user had been taken away
		if got := a.check("user", "secret", "127.0.0.1:1"); got != loginAccepted {
			t.Errorf("within the minute: verdict %d, want accepted", got)
		}
		time.Sleep(rememberLogin + time.Second) // of the fake clock
		if got := a.check("user", "secret", "127.0.0.1:1"); got != loginRefused {
			t.Errorf("after the minute: verdict %d, want refused", got)
		}
	})
}
