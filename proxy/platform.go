package proxy

import (
	"encoding/json"
	"time"
)

// A Platform is a third-party platform, with all accounts that have authorized it.
type Platform struct {
	// Account is the platform itself: AppID is its component_appid, Secret its AppSecret,
	// and Tokens has the component's token. It has neither Lend nor tickets. Its Kind is
	// that of the accounts that authorize it.
	Account Account

	// Authorizer returns an account that has authorized the platform, now or earlier, and
	// false for one of which the platform has never heard. It asks nobody. What the proxy
	// has of it is kept for as long as somebody calls for the account at least once a day,
	// so it has to follow what becomes of the account. Name, AppID and Kind are left empty.
	Authorizer func(appID string) (Account, bool)

	// Redeem returns what an authorization code yields, or has yielded already.
	Redeem func(code string, wait time.Duration) (Grant, error)

	// PreAuthCode returns a new code with which an authorization begins, and how long it
	// lives.
	PreAuthCode func(wait time.Duration) (code string, life time.Duration, err error)
}

// The errors of a Platform's functions and of its accounts' Tokens may have methods that
// say what the caller gets: with
//
//   - NotAuthorized() bool, 503 not_authorized: the account has not, or no longer,
//     authorized the platform;
//   - NoTicket() bool, 503 no_ticket: the platform has no component_verify_ticket;
//   - RefusedCall() (errcode int, errmsg string, ok bool), WeChat's own answer;
//   - RetryAfter() time.Duration, 503 with that, as errors of Tokens do.
//
// Error is what the caller reads.

// A Grant is what an authorization code yields, but for the tokens, of which programs get
// virtual ones.
type Grant struct {
	AppID    string          // of the account
	FuncInfo json.RawMessage // func_info, as WeChat has it; empty: it is not known
}
