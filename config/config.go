//go:generate go test -run TestTheReferenceIsWhatTheCodeYields -update .

// Package config reads what an operator tells wxproxy: one TOML file and a few
// environment variables. Default returns what goes without saying, Load reads the
// rest and reports every mistake in one run, in the words of the file and
// without ever printing a secret. Nothing here listens, connects or logs.
package config

import (
	"log/slog"
	"time"

	"wxproxy/internal/egress"
	"wxproxy/internal/secret"
)

// Config mirrors config.toml, where every setting is explained. A Config that
// Load returns is complete and free of contradictions.
type Config struct {
	Proxy    Proxy
	Push     Push
	Admin    Admin
	Upstream Upstream
	WeCom    Upstream // the way to WeCom: UpstreamOf has it with what is as in Upstream
	Token    Token
	Log      Log
	Accounts []Account

	Platforms []Platform

	ClientDefaults ClientDefaults
	Clients        []Client
	Routes         []Route
	Forwards       []Forward

	// File is the path that was read, empty for the environment alone; Included are
	// the files that it includes.
	File     string
	Included []string

	// WeakKeys names, for "proxy.listen" and "admin.listen", a key that could be
	// guessed: good enough on loopback only.
	WeakKeys map[string]string

	// Certificates are those of the files that the settings name.
	Certificates []Certificate

	files         *Files             // which read it
	proxies       egress.Environment // for the way out; ProxyOf has what counts
	proxyKeys     map[string]string  // by which key each table says the proxy: proxy, proxy_env or proxy_file
	inboxMaxGiven bool               // push.inbox_max is not what goes without saying

	remarks Problems // with which it is good nevertheless
}

// Proxy is about the callers' side.
type Proxy struct {
	Listen         string // for ListenOn
	AllowAnonymous bool   // lets anyone in beyond loopback
	TLSCert        string // a file in PEM; with TLSKey: serve HTTPS
	TLSKey         string
	TLSClientCA    string // callers must show a certificate that it signed
	TLSClientAuth  string // "require" or "optional": whether callers without one may show a key
	TokenEndpoint  string // "virtual", "real" or "deny"
	MaxBody        int    // in bytes
	MaxConnections int
	IdleTimeout    time.Duration
	DrainTimeout   time.Duration
	ShutdownDelay  time.Duration // before the drain; 0 for none
	Watch          bool          // read the configuration again when its files change
	PlainIO        bool          // leave connections to package net and fasthttp's server
	TrustedProxies []string      // addresses, networks or "unix:", whose X-Forwarded-For is believed, in the log alone
	Hosts          []string      // further names by which callers without a key may know a proxy on loopback
}

// Push is about the listener that WeChat's pushes come to.
type Push struct {
	Listen         string // for ListenOn; empty turns it off
	MaxConnections int
	InboxMax       int // in bytes; InboxLimit says how many are meant
}

// Admin is about the listener for health, status and metrics.
type Admin struct {
	Listen  string        // for ListenOn; empty turns it off
	Key     secret.Secret // empty when none is set
	KeyOld  secret.Secret // the key before, which is as good; empty when none is set
	ReadKey secret.Secret // for reading alone; empty when none is set
}

// Upstream is about the way to WeChat.
type Upstream struct {
	URL            string   // scheme and host only
	FallbackURLs   []string // likewise, in order of preference
	ConnectTimeout time.Duration
	Timeout        time.Duration // for an answer, and for what TokenWait and FetchTime say
	IdleTimeout    time.Duration
	MaxConnections int
	CAFile         string        // PEM; empty for the system's roots alone
	Proxy          secret.Secret // the URL of the one that leads out, or "direct"; empty: ProxyOf has what the environment says
	IPFamily       string        // of the addresses that are connected to: "any", "ipv4" or "ipv6"
}

// Token is about the care of access tokens.
type Token struct {
	Store         secret.Secret // "memory:", "file:DIR" or a URL of Redis, which may hold a password
	EncryptionKey secret.Secret // 32 bytes; empty to store tokens in the clear
	RefreshBefore time.Duration
	RetryErrcodes []int
	KeyPrefix     string

	EncryptionKeyOld secret.Secret // what it was, 32 bytes; empty when none is set
}

// Log is about what is written to standard error.
type Log struct {
	Level  slog.Level
	Format string  // "auto", "text" or "json"
	Access bool    // one line per request
	Sample float64 // the share of requests that went well which have that line
	Audit  bool    // who got a real token, refreshed, reloaded, showed a wrong key
}

// ClientDefaults is what clients may do that say nothing of it.
type ClientDefaults struct {
	Accounts    []string
	Allow       []string
	Deny        []string
	MaxInFlight int
	Rate        time.Duration // the time between two requests, on average; 0 for none
}

// Client is one program that may call.
type Client struct {
	Name      string
	KeySHA256 secret.Secret // the 32 bytes of the hash of its key; empty if its certificate is its key
	OldSHA256 secret.Secret // of the key before, which is good as well; empty if there is none
	Accounts  []string      // names of accounts, "PLATFORM", "PLATFORM/*", APPID or "PLATFORM:APPID"; empty for all
	Allow     []string      // path patterns; empty for every path
	Deny      []string      // path patterns

	MaxInFlight int           // requests at a time; 0 for any number
	Interval    time.Duration // between two requests, on average; 0 for none

	PlatformAdmin bool // it may call what changes accounts or templates of a platform
}

// Route says which credential the paths of a pattern take.
type Route struct {
	Path       string // a pattern: '*' at its end matches any rest
	Credential string // "app", "platform", "secret", "user", "none" or "deny"
	Kind       Kind   // of the accounts that it is for
}

// Forward is a program that gets pushes.
type Forward struct {
	Account   string   // the name or AppID of an account, "PLATFORM", "PLATFORM/*", APPID or "PLATFORM:APPID"; empty for all
	Match     []string // MsgType, "event", "event:NAME" or "info:NAME", '*' at the end for any rest; empty for all
	Name      string   // empty: the URL is its name
	URL       string   // http, https, or unix:PATH:/path
	Timeout   time.Duration
	Token     secret.Secret // signs what it gets; empty: the account's does
	AESKey    secret.Secret // encrypts what it gets; empty: it gets it in the clear
	OnFailure string        // "retry" or "success"
	Async     bool
	Copy      bool
}

// Remarks returns what is to be said of a configuration that is good nevertheless.
func (c *Config) Remarks() Problems { return c.remarks }

// Warnings returns the same in English, each a line.
func (c *Config) Warnings() (lines []string) {
	for _, remark := range c.remarks {
		lines = append(lines, remark.Error())
	}
	return lines
}

// Parse does what the function Load does with the text of a file that is nowhere.
func Parse(text []byte, lookupEnv func(string) (string, bool)) (*Config, error) {
	l := newLoader("", lookupEnv)
	return l.load(l.parse(text))
}
