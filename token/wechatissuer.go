package token

import "time"

// NewIssuer returns what a Keeper has to know of WeChat.
func NewIssuer() *Issuer {
	return &Issuer{
		Explain:      Explain,
		OfToken:      ofToken,
		OfSecret:     ofSecret,
		BlamesSecret: blamesSecret,
		Pacing: Pacing{
			Transient: Backoff{First: time.Second, Longest: time.Minute},
			Lasting:   Backoff{First: time.Minute, Longest: 30 * time.Minute},
			Waiting:   3 * time.Second,

			ForcedPerDay:  20,
			FetchesPerDay: 500, // of WeChat's 2000: the rest is for callers who cannot do without
			FetchPause:    5 * time.Minute,
		},
	}
}
