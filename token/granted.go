package token

import (
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"wxproxy/internal/secret"
)

// Granted is what WeChat has handed to a third-party platform, and would not hand out
// again, and what an issuer said of a secret. Only an [Amender] changes it, and a store
// keeps a record with some of it until it is removed.
type Granted struct {
	Refresh       secret.Secret // the refresh token of an account that authorized the platform
	RefreshBefore secret.Secret // the one before, for a second try
	AuthorizedAt  time.Time     // the CreateTime of the event that counts, in whole seconds
	State         Authorization
	Codes         []Redeemed    // the authorization codes that yielded something, the last one first
	Events        secret.Secret // what WeChat has told of the account and was not acted upon yet; visible ASCII

	Ticket        secret.Secret // component_verify_ticket, of the component itself
	TicketCreated time.Time     // its CreateTime
	TicketArrived time.Time
	PushAskedAt   time.Time // when WeChat was last asked to send tickets
	ListedAt      time.Time // when the list of authorizers was last read to its end

	Trial Trial // of an account whose issuer counts wrong secrets
}

// A Trial is what came of showing an account's secret to an issuer that counts wrong ones.
type Trial struct {
	Secret   string    // a hash of the secret that was shown last, of letters and digits
	Worked   bool      // some secret of the account was right once
	Refusals int       // of Secret, in a row
	Errcode  int       // of the last refusal
	Until    time.Time // until then Secret is not shown again, in whole seconds
	Resting  bool      // until then nothing is asked, whatever the secret

	Unanswered int // how often Secret was shown in a row, and no answer was read
}

// SameTrial reports whether both say the same.
func (t Trial) SameTrial(u Trial) bool {
	at, other := t.Until, u.Until
	t.Until, u.Until = time.Time{}, time.Time{}
	return t == u && at.Equal(other)
}

// An Authorization is how an account stands to a platform.
type Authorization string

// The Authorizations.
const (
	Authorized         Authorization = ""
	Unauthorized       Authorization = "unauthorized"        // the merchant ended it
	NeedsAuthorization Authorization = "needs_authorization" // nobody has a refresh token for it
)

// IsKnown reports whether a is one of the Authorizations.
func (a Authorization) IsKnown() bool {
	return a == Authorized || a == Unauthorized || a == NeedsAuthorization
}

// A Redeemed is an authorization code that was used, by a hash.
type Redeemed struct {
	Hash string // of letters and digits
	At   time.Time

	Permissions string // of the Grant; digits, dots and spaces
}

// HasGrants reports whether anything was granted.
func (g Granted) HasGrants() bool { return !g.SameGrants(Granted{}) }

// SameGrants reports whether both were granted the same.
func (g Granted) SameGrants(h Granted) bool {
	secrets, others := [...]secret.Secret{g.Refresh, g.RefreshBefore, g.Ticket, g.Events}, [...]secret.Secret{h.Refresh, h.RefreshBefore, h.Ticket, h.Events}
	for i := range secrets {
		if subtle.ConstantTimeCompare([]byte(secrets[i].Reveal()), []byte(others[i].Reveal())) == 0 {
			return false
		}
	}
	return g.State == h.State && slices.EqualFunc(g.Codes, h.Codes, func(a, b Redeemed) bool {
		return a.Hash == b.Hash && a.At.Equal(b.At) && a.Permissions == b.Permissions
	}) &&
		g.AuthorizedAt.Equal(h.AuthorizedAt) && g.TicketCreated.Equal(h.TicketCreated) && g.TicketArrived.Equal(h.TicketArrived) &&
		g.PushAskedAt.Equal(h.PushAskedAt) && g.ListedAt.Equal(h.ListedAt) && g.Trial.SameTrial(h.Trial)
}

// A PlatformStore is a Store for third-party platforms.
type PlatformStore interface {
	Store
	Amender
	Lister
}

// An Amender is a Store that changes what is Granted.
type Amender interface {
	// Amend changes a record, so that nothing another one writes meanwhile is lost, and
	// returns what is stored then, durably when there is no error. Change gets what is
	// stored, an empty record if that is nothing or cannot be read, and reports whether
	// it changed the token or what is Granted; the rest of a record is not stored by this.
	// It may be called again, with what another process has stored meanwhile, and must
	// not use the Store. A token that it sets needs its Notice.FetchedAt, too.
	Amend(key Key, change func(*Record) (changed bool)) (Record, error)
}

// A Lister is a Store that tells what it has of a platform.
type Lister interface {
	// Each calls look for the token's record of each account that authorized the platform,
	// in no order, and until look returns an error, which it returns. One that is written
	// meanwhile may come twice. A record that cannot be read comes empty, and with the
	// reason. Look is not called twice at a time.
	Each(platform string, look func(key Key, r Record, unreadable error) error) error
}

// A Follower is a Sharer that tells what other processes do with the records of a platform.
type Follower interface {
	// Follow has look called with the key of a record of the platform's, its own or that of
	// an account that authorized it, when another process has written that, and
	// with an empty key when some may have been missed, until end is called or somebody
	// else follows the platform. Look must not block.
	Follow(platform string, look func(key Key)) (end func())
}

// ErrNoTicket tells that a platform has no component_verify_ticket to ask for its token
// with.
var ErrNoTicket = errors.New("there is no usable component_verify_ticket")

// ErrUnstored tells that the store has not taken a new refresh token yet, so that the token
// that came with it is not used.
var ErrUnstored = errors.New("a new refresh token is not stored yet, and the token that came with it not used")

// ErrNotAuthorized tells that an account has not authorized a platform, or has ended that.
var ErrNotAuthorized = errors.New("the account has not authorized the platform")

// A Grant is what WeChat hands out for a refresh token or an authorization code.
type Grant struct {
	AppID   string
	Token   Token         // empty if the account has no APIs
	Refresh secret.Secret // for the next time

	Permissions string // func_info, as far as an authorization code yields that, in digits, dots and spaces; empty: it is not known
}

// Adopt has k use a token that WeChat handed out to somebody else, who asked at asked and
// has stored it. That ends whatever was wrong with the one before. A fetch that is
// under way and was sent before that brings nothing any more.
func (k *Keeper) Adopt(t Token, asked time.Time) {
	k.mu.Lock()
	s, now := k.state.Load(), time.Now()
	adopted := !k.stopped && t.ValidAt(now) && (!s.token.ValidAt(now) || !asked.Before(s.fetchedAt))
	if adopted {
		next := s.answered(outcome{token: t, asked: asked}, secret.Secret{}, k.options)
		next.flight = s.flight
		k.update(next)
	}
	k.mu.Unlock()
	if adopted {
		k.save(nil) // or one that is about to be stored would take its place
	}
}
