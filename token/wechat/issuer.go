package wechat

import (
	"errors"
	"time"

	"wxproxy/token"
)

// NewIssuer returns what a Keeper has to know of WeChat.
func NewIssuer() *token.Issuer {
	return &token.Issuer{
		Explain:      Explain,
		OfToken:      ofToken,
		OfSecret:     ofSecret,
		BlamesSecret: blamesSecret,
		Pacing: token.Pacing{
			Transient: token.Backoff{First: time.Second, Longest: time.Minute},
			Lasting:   token.Backoff{First: time.Minute, Longest: 30 * time.Minute},
			Waiting:   3 * time.Second,

			ForcedPerDay:  20,
			FetchesPerDay: 500, // of WeChat's 2000: the rest is for callers who cannot do without
			FetchPause:    5 * time.Minute,
		},
	}
}

// NewComponentIssuer returns what a Keeper has to know of WeChat that keeps the token of a
// third-party platform.
func NewComponentIssuer() *token.Issuer {
	issuer := NewIssuer()
	issuer.Explain = func(err error) token.Explanation { return explain(err, apiComponentToken) }
	issuer.OfToken = ofComponentToken
	return issuer
}

// NewAuthorizerIssuer returns what a Keeper has to know of WeChat that keeps the token of
// an account that has authorized a platform. No AppSecret of its own is ever shown.
func NewAuthorizerIssuer() *token.Issuer {
	issuer := NewIssuer()
	issuer.Explain = func(err error) token.Explanation {
		e := explain(err, apiAuthorizerToken)
		if _, lacksToken := errors.AsType[*token.Unavailable](err); lacksToken {
			e.Class = token.ClassTransient // it ends for all accounts as soon as the platform has a token
		}
		return e
	}
	issuer.OfSecret = func(int) token.Verdict { return token.Unclear }
	issuer.BlamesSecret = func(error) bool { return false }
	return issuer
}
