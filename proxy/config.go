package proxy

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// Upstream sends a request to WeChat and reads the answer into resp. *[Hosts]
// implements it.
type Upstream interface {
	// Send returns when the answer is in resp, all of it or its header and a
	// stream of its body. An answer that refuses a token is always there in full.
	// The error is one of the reasons that begin with Err.
	Send(m *upstream.Message, resp *fasthttp.Response) error
}

// BodyFilesShare says which part of all files that may be open bodies take at most.
const BodyFilesShare = body.FilesShare

// Config says what a Proxy serves.
type Config struct {
	Accounts      []Account
	Default       string        // name of the account of callers that name none; may be empty
	Clients       []Client      // none: callers need no key
	TokenEndpoint TokenEndpoint // what callers get who ask for a token
	Deployment    string        // whose virtual tokens are good here: those of another are not
	HostNames     []string      // further names by which callers without a key may know a proxy on loopback
	TokenWait     time.Duration // how long a request waits for a token when there is none
	CallersTLS    *tls.Config   // how callers are spoken to now; nil: in plain text
	Log           *slog.Logger
	MemoryLimit   int64               // of the process, which bounds what bodies may take; 0: none
	LogAccess     bool                // log one line per request, and give each an id; at debug level it is logged anyway
	Counts        *traffic.Counts     // nil: nothing is counted
	Ready         func(all bool) bool // whether requests to one account can be answered, or to all; nil: they can

	// IsSecret reports whether a word is a secret that the log must not show, of those
	// that are not the clients'; nil: none is. It is asked while a line is written.
	IsSecret func(word []byte) bool
}

// New returns a Proxy for a valid config.
func New(config Config) *Proxy {
	p := &Proxy{
		door:     newDoor(config),
		config:   config,
		accounts: make(map[string]*Account, 2*len(config.Accounts)),
		byID:     make(map[virtual.ID]*Account, len(config.Accounts)),
		clients:  newClientTable(config.Clients, config.Deployment),
	}
	accounts := newAccounts(config.Accounts, config.Deployment)
	p.addKinds(accounts)
	p.hostNames = hostNames(p.hosts, config.HostNames)
	for _, a := range accounts {
		if len(config.Clients) == 0 {
			a.honourEarlierBuild()
		}
		p.accounts[a.Name], p.accounts[a.AppID], p.byID[a.id] = a, a, a
	}
	p.fallback = p.accounts[config.Default]
	if len(config.Accounts) == 1 {
		p.fallback = p.accounts[config.Accounts[0].Name]
	}
	p.config.Accounts = nil // the map has them
	p.door.current.Store(p)
	return p
}
