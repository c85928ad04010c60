// Package wecomtest simulates WeCom's server API, qyapi.weixin.qq.com, for tests and for
// wxproxy demo.
//
// A [WeCom] has corps, whose applications have a secret and a token each. It issues tokens
// and honours them by WeCom's own rules, which are not WeChat's: asking again yields the
// same token, addresses are checked when APIs are called and not when tokens are fetched,
// and many wrong secrets have the whole address refused. Where the manual is silent,
// [Rules] has the possibilities, so that tests can try each. It keeps what requests have
// done, so that a test notices a message that was sent twice.
//
// It is reached in memory, as an [http.RoundTripper] that starts no goroutine and may be
// used inside a testing/synctest bubble, as an [http.Handler], or over real sockets with
// [WeCom.Start] and [WeCom.StartTLS].
//
// A [Callback] pushes messages and events as WeCom does, and judges the answers.
package wecomtest

import (
	"cmp"
	"sync"
	"time"
)

// NearEnd is what asking for a token once more does shortly before its end. The manual
// does not say.
type NearEnd int

// What it may do.
const (
	Keep    NearEnd = iota // the same token, which ends when it was to end
	Prolong                // the same token, which lives on
	Replace                // another token, while the first lives to its end
)

// Rules are how WeCom treats everybody. The zero Rules are what is known of it.
type Rules struct {
	// BanAfter is how many wrong secrets from one address in an hour have WeCom refuse that
	// address for an hour; 0: 2000. BanTokensOnly has it refuse gettoken alone.
	BanAfter      int
	BanTokensOnly bool

	// NearEnd is what gettoken does when a token has less than Near to live.
	NearEnd NearEnd
	Near    time.Duration

	// SaysFull has gettoken and tickets say the whole life each time, although less is left.
	SaysFull bool

	// Overlap is how long a token is good at least once another was issued.
	Overlap time.Duration

	// StaleFor is how long gettoken goes on to yield a token that was revoked.
	StaleFor time.Duration

	// ResetKeeps has a token outlive the secret that it was fetched with.
	ResetKeeps bool

	// Expired and Revoked are the errcodes of tokens that ended in time, or before; 0:
	// 42001 and 40014.
	Expired, Revoked int

	// Concurrent is how many requests a corp may have under way at one API; 0: 300.
	Concurrent int

	// Unlimited drops the limits of how many requests per minute and hour there may be.
	Unlimited bool

	// CheckAll has get_api_domain_ip check addresses, too.
	CheckAll bool

	// NoHeaders leaves out Error-Code and Error-Msg, as private deployments may.
	NoHeaders bool

	// Warns adds the warning about old versions of TLS to every answer, as one more member.
	Warns bool

	// HideIP has errors name no address: their "from ip: " is empty.
	HideIP bool

	// Latency is how long every answer takes.
	Latency time.Duration
}

// WeCom is a simulated qyapi.weixin.qq.com; create one with [New]. Its methods may be
// called concurrently.
type WeCom struct {
	mu     sync.Mutex // guards everything below and everything it refers to
	rules  Rules
	ahead  time.Duration
	apps   []*Application
	corps  map[string]*corp
	tokens map[string]*accessToken // every token ever issued, by its value
	robots map[string]bool         // keys of webhooks
	limits limits
	wrong  map[string][]time.Time // secrets, by the address that showed them
	banned map[string]time.Time   // until when, by address
	flying map[string]int         // requests under way, by corp and path
	faults []*injected
	observations
}

// A corp is what the applications of a company share.
type corp struct {
	ticket ticket
	media  map[string]media
}

// New returns a WeCom without applications.
func New(rules Rules) *WeCom {
	w := &WeCom{
		corps:        make(map[string]*corp),
		tokens:       make(map[string]*accessToken),
		robots:       make(map[string]bool),
		limits:       make(limits),
		wrong:        make(map[string][]time.Time),
		banned:       make(map[string]time.Time),
		flying:       make(map[string]int),
		observations: observations{calls: make(map[caller]int), answers: make(map[int]int)},
	}
	w.Change(func(r *Rules) { *r = rules })
	return w
}

// Change changes the rules.
func (w *WeCom) Change(change func(*Rules)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.rules)
	w.rules.BanAfter = cmp.Or(w.rules.BanAfter, 2000)
	w.rules.Expired = cmp.Or(w.rules.Expired, 42001)
	w.rules.Revoked = cmp.Or(w.rules.Revoked, 40014)
	w.rules.Concurrent = cmp.Or(w.rules.Concurrent, 300)
}

// Advance moves WeCom's clock forward by d, against that of its callers.
func (w *WeCom) Advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

func (w *WeCom) now() time.Time { return time.Now().Add(w.ahead) }

// AddRobot adds a webhook with this key.
func (w *WeCom) AddRobot(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.robots[key] = true
}
