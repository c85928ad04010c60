// Package platformtest adds third-party platforms (第三方平台) to the WeChat of package
// wechattest.
//
// A [Platform] has its ticket pushed, issues the platform's and its authorizers' tokens and
// honours them by WeChat's own rules, and pushes events. It knows which path takes which
// kind of token, and that codes are good once. Tests can have accounts authorize, cancel
// and authorize again, have events come late, twice or in another order, have the list
// contradict them, and have WeChat run its check before a platform is published.
//
// Like WeChat it works in memory, and starts no goroutine: what happens by itself happens
// in [Platform.Run].
package platformtest

import (
	"cmp"
	"net/http"
	"sync"
	"time"

	"wxproxy/internal/wechattest"
)

// Settings are what the console keeps of a platform, and how WeChat treats it.
type Settings struct {
	AppID, Secret string

	// EventURL is the authorization-event URL; empty: nothing is pushed. AlsoURL gets the
	// same events, as a URL does that is edited and not published yet.
	EventURL, AlsoURL string

	MessageURL string // with $APPID$, of the messages and events of authorizers
	Token      string // what signs pushes
	AESKey     string // EncodingAESKey

	// AllowIPs are the addresses that may use its secret and its tokens, of all kinds;
	// others get 61004. Empty means every address.
	AllowIPs []string

	// TicketEvery is how often Run pushes a ticket; 0: every ten minutes. TicketLife is how
	// long one is good; 0: 12 hours.
	TicketEvery, TicketLife time.Duration

	Life        time.Duration // of tokens; 0: two hours
	CodeLife    time.Duration // of authorization codes; 0: an hour
	PreAuthLife time.Duration // of pre-authorization codes; 0: half an hour

	Rotate    bool // each refresh yields another refresh token; the one before is good for five more minutes
	Unwrapped bool // api_query_auth answers without the object authorization_info
	Malformed bool // events are written as in the manual's samples, which are not well-formed
	Relative  bool // AuthorizationCodeExpiredTime is a number of seconds, not a time

	// Timeout, Tries and Transport are those of [wechattest.Callback].
	Timeout   time.Duration
	Tries     int
	Transport http.RoundTripper
}

// overlap is how long a token is honoured after the next one was issued.
const overlap = 5 * time.Minute

// A Platform is a third-party platform. Its methods may be called concurrently.
type Platform struct {
	wechat *wechattest.WeChat
	all    *platforms
	start  chan struct{} // wakes Run: a ticket is to be pushed at once

	// What follows is guarded by all.mu.

	settings Settings
	stopped  bool                 // tickets are not pushed any more
	tickets  map[string]time.Time // when each was made
	ticket   string               // the last one
	token    line
	preAuth  map[string]*preAuthCode
	codes    map[string]*code
	accounts map[string]*account // those that authorize it, or did
	order    []string            // of the list: those that authorize it
	list     ListFault
	counts   Counts
	pushed   []Delivery
}

// platforms are all platforms of a WeChat; it implements [wechattest.Extension].
type platforms struct {
	mu     sync.Mutex // guards everything that the platforms have, too
	byID   map[string]*Platform
	tokens map[string]*accessToken // every token ever issued, by its value
	logins map[string]bool         // login codes that were used
}

// Add registers a platform with w.
func Add(w *wechattest.WeChat, settings Settings) *Platform {
	settings.TicketEvery = cmp.Or(settings.TicketEvery, 10*time.Minute)
	settings.TicketLife = cmp.Or(settings.TicketLife, 12*time.Hour)
	settings.Life = cmp.Or(settings.Life, 2*time.Hour)
	settings.CodeLife = cmp.Or(settings.CodeLife, time.Hour)
	settings.PreAuthLife = cmp.Or(settings.PreAuthLife, 30*time.Minute)

	all := w.Extend(&platforms{
		byID:   make(map[string]*Platform),
		tokens: make(map[string]*accessToken),
		logins: make(map[string]bool),
	}).(*platforms)
	p := &Platform{
		wechat:   w,
		all:      all,
		start:    make(chan struct{}, 1),
		settings: settings,
		tickets:  make(map[string]time.Time),
		preAuth:  make(map[string]*preAuthCode),
		codes:    make(map[string]*code),
		accounts: make(map[string]*account),
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.byID[settings.AppID] != nil {
		panic("BUG: platform " + settings.AppID + " is registered already")
	}
	all.byID[settings.AppID] = p
	return p
}

// Change changes the settings, as the console can. The AppID must stay.
func (p *Platform) Change(change func(*Settings)) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	change(&p.settings)
}

// Settings returns the settings.
func (p *Platform) Settings() Settings {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.settings
}

// IsComponent implements [wechattest.Extension].
func (s *platforms) IsComponent(appID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[appID] != nil
}
