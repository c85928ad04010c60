package wechat

import (
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
