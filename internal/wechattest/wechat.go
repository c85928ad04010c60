// Package wechattest simulates WeChat's server API, api.weixin.qq.com, for
// tests and for wxproxy demo.
//
// A [WeChat] issues access tokens and honours them by WeChat's own rules, enforces its
// quotas, and keeps what requests have done, so that a test notices a message that was
// sent twice. Tests can have tokens expire, be stolen or be revoked, and have requests
// fail in every way that networks and servers do.
//
// It is reached in memory, as an [http.RoundTripper] that starts no goroutine
// and may be used inside a testing/synctest bubble, as an [http.Handler], or
// over real sockets with [WeChat.Start] and [WeChat.StartTLS].
//
// A [Callback] pushes messages and events as WeChat does, and judges the answers.
//
// Package platformtest adds third-party platforms to it; package wecomtest simulates WeCom.
package wechattest

import (
	"cmp"
	"sync"
	"time"
)

// An App is an account registered with the simulated WeChat.
type App struct {
	ID, Secret string

	// Life is the lifetime of its tokens; 0 means two hours.
	Life time.Duration

	// AllowIPs are the addresses that may use the secret; others get 40164. Empty
	// means every address. Requests made in memory come from 127.0.0.1.
	AllowIPs []string

	// How many calls of the token APIs get a token; 0 means WeChat's own numbers:
	// 2000, 500000, 10000 and 20.
	ClassicPerDay, StablePerDay, StablePerMinute, ForcedPerDay int
}

// WeChat is a simulated api.weixin.qq.com; create one with [New]. Its methods
// may be called concurrently.
type WeChat struct {
	mu     sync.Mutex // guards everything below and everything it refers to
	ahead  time.Duration
	apps   map[string]*app
	tokens map[string]*accessToken // every token ever issued, by its value
	media  map[string]media
	codes  map[string]bool // login codes that were used
	faults []*injected

	extension Extension // nil: none
	observations
	incidents
}

// An app is an App with what WeChat keeps of it.
type app struct {
	App
	classic, stable line
	usage           usage
	forcedAt        time.Time // the last refresh by force
	fetches         Fetches
	tickets         map[string]ticket
	menu            []byte
	callback        *Callback // nil: its pushes go nowhere
}

// New returns a WeChat with apps.
func New(apps ...App) *WeChat {
	w := &WeChat{
		apps:         make(map[string]*app),
		tokens:       make(map[string]*accessToken),
		media:        make(map[string]media),
		codes:        make(map[string]bool),
		observations: observations{calls: make(map[string]int)},
		incidents:    incidents{byRID: make(map[string]incident)},
	}
	for _, a := range apps {
		w.AddApp(a)
	}
	return w
}

// AddApp registers an app. An app that is registered already gets the new
// settings and keeps its tokens.
func (w *WeChat) AddApp(settings App) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addApp(settings)
}

func (w *WeChat) addApp(settings App) {
	settings.Life = cmp.Or(settings.Life, 2*time.Hour)
	settings.ClassicPerDay = cmp.Or(settings.ClassicPerDay, 2000)
	settings.StablePerDay = cmp.Or(settings.StablePerDay, 500_000)
	settings.StablePerMinute = cmp.Or(settings.StablePerMinute, 10_000)
	settings.ForcedPerDay = cmp.Or(settings.ForcedPerDay, 20)
	if known, ok := w.apps[settings.ID]; ok {
		known.App = settings
		return
	}
	w.apps[settings.ID] = &app{App: settings, tickets: make(map[string]ticket)}
}

// SetSecret replaces an app's secret, as its owner can in WeChat's console. Its
// tokens stay good.
func (w *WeChat) SetSecret(appID, secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustApp(appID).Secret = secret
}

// Advance moves WeChat's clock forward by d, against that of its callers.
func (w *WeChat) Advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

func (w *WeChat) now() time.Time {
	return time.Now().Add(w.ahead)
}

func (w *WeChat) mustApp(appID string) *app {
	a, ok := w.apps[appID]
	if !ok {
		panic("BUG: no app " + appID + " is registered with this WeChat")
	}
	return a
}
