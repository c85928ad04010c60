package wecom

import (
	"errors"
	"time"

	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// NewIssuer returns what a Keeper has to know of WeCom. Its tokens are never replaced by
// force, and how often wrong secrets are shown is a [Guard]'s to say.
func NewIssuer() *token.Issuer {
	return &token.Issuer{
		Name:         issuerName,
		Explain:      Explain,
		OfToken:      ofToken,
		OfSecret:     func(int) token.Verdict { return token.Unclear }, // no API but gettoken takes it
		BlamesSecret: blamesSecret,
		Pacing: token.Pacing{
			Transient: token.Backoff{First: time.Second, Longest: time.Minute},
			Lasting:   token.Backoff{First: time.Minute, Longest: 30 * time.Minute},
			Dead:      token.Backoff{First: 3 * time.Second, Longest: time.Minute}, // to ask again costs nothing
			Waiting:   3 * time.Second,
			Repeating: time.Minute, // it may hand out the same token until that ends
		},
	}
}

// tooOften is the errcode of an application that has called an API too often.
const tooOften = 45009

// ofToken returns what an errcode says of the token that a request was sent with. 40001,
// which is about a token at WeChat, is about a secret here.
func ofToken(errcode int) token.Verdict {
	switch errcode {
	case 40014, 42001:
		return token.Dead
	case 0, tooOften, 45033, 48002, 60020:
		return token.Alive
	}
	return token.Unclear
}

// isWrongSecret reports whether an errcode of gettoken is one that WeCom counts against the
// IP address.
func isWrongSecret(errcode int) bool {
	return errcode == 40001 || errcode == 40013 || errcode == 40091
}

// blamesSecret reports whether err may end with another secret.
func blamesSecret(err error) bool {
	if asking.IsUnread(err) {
		return true
	}
	refusal, ok := errors.AsType[*token.Refusal](err)
	return ok && !refusal.Ticket && isWrongSecret(refusal.Code)
}
