// Package token keeps the access tokens of WeChat accounts fresh.
//
// A [Keeper] owns the token of one account. It is the only one that asks WeChat
// for it, with the functions in its [Options]. Callers get the token from
// [Keeper.Token], and after WeChat has refused it another one from [Keeper.Replace].
// A [Store] carries tokens over a restart.
package token

import (
	"context"
	"time"

	"wxproxy/internal/secret"
)

// A Token is an access token and the moment WeChat stops honouring it.
type Token struct {
	Value   secret.Secret
	Expires time.Time
}

// ValidAt reports whether there is a token that WeChat honours at now, as far
// as its lifetime tells.
func (t Token) ValidAt(now time.Time) bool {
	return !t.Value.Empty() && now.Before(t.Expires)
}

// issuedAt returns when t was issued, for which WeChat was asked at asked: zero if that
// is not known. A stable token may be one that WeChat has repeated, which shows in what
// is left of its two hours; a classic one is made when it is asked for.
func (t Token) issuedAt(asked time.Time, o Options) time.Time {
	if o.Kind.rotates() && !asked.IsZero() {
		return asked
	}
	issued, last := t.Expires.Add(time.Second-UsualLife), asked // lives are cut down to whole seconds
	if asked.IsZero() {
		last = time.Now()
	}
	if issued.After(last) {
		return last
	}
	return issued
}

// Fetch asks WeChat for the current token of one account. The lifetime of the
// token it returns counts from before the question was sent.
type Fetch func(context.Context) (Token, error)

// Probe finds out what WeChat thinks of a token, without any other effect.
type Probe func(context.Context, secret.Secret) Verdict

// A Verdict is what WeChat thinks of a token.
type Verdict int

// The verdicts.
const (
	Unclear Verdict = iota // WeChat could not be asked, or its answer says nothing
	Alive                  // the token is good: whatever refused it has another reason
	Dead                   // the token is refused everywhere
)

// Known appends the values of the current token and of the one before it, empty
// where there is none.
func (k *Keeper) Known(dst []string) []string {
	s := k.state.Load()
	return append(dst, s.value, s.before)
}

// Holds reports whether value is the current token.
func (k *Keeper) Holds(value string) bool { return k.state.Load().token.Value.Equal(value) }

const (
	// LongestLife is beyond any lifetime that WeChat has ever promised.
	LongestLife = 24 * time.Hour

	// UsualLife is what WeChat documents. It stands in for an absurd one, so
	// that a token is renewed some day whatever the answer said.
	UsualLife = 2 * time.Hour
)
