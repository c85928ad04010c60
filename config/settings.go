package config

import (
	"log/slog"
	"reflect"
	"slices"
	"time"

	"wxproxy/accountkind"
	"wxproxy/config/internal/parse"
	"wxproxy/config/internal/redisurl"
	"wxproxy/internal/secret"
)

// A setting is a key of a table that stands once in the file. Its row below says where
// it goes, how it is read, its default, its variable, and when a change is in force.
// What has to agree with other settings is checked where the table is read.
type setting struct {
	table, key string
	variable   string // of the environment, which comes before the file; empty if there is none
	effect     effect
	place
}

// An effect says when a change of a setting is in force.
type effect int

const (
	atReload     effect = iota
	atStart             // a running process keeps what it has
	setAtStart          // it keeps having any, or none, and takes another one at a reload
	placeAtStart        // it keeps the store, and takes another password of it at a reload
)

// A place is where the value of a setting goes.
type place struct {
	setDefault func()
	read       func(t *table, key string)
	value      func() any
}

// in returns the place at into. The function read puts what the file has there, and
// leaves the default if the file has nothing, or a mistake.
func in[T any](into *T, byDefault T, read func(t *table, key string, into *T) bool) place {
	return place{
		setDefault: func() { *into = byDefault },
		read:       func(t *table, key string) { read(t, key, into) },
		value:      func() any { return *into },
	}
}

// settings returns the settings of the tables that stand once in the file, each with
// its place in c.
func (c *Config) settings() []setting {
	return slices.Concat(c.Proxy.settings(), c.Push.settings(), c.Admin.settings(), c.Upstream.settings(), c.WeCom.settingsOfWeCom(), c.Token.settings(), c.Log.settings(), c.ClientDefaults.settings())
}

func (p *Proxy) settings() []setting {
	return []setting{
		{"proxy", "listen", "WXPROXY_LISTEN", atStart, in(&p.Listen, "127.0.0.1:8080", (*table).text)},
		{"proxy", "allow_anonymous", "", atReload, in(&p.AllowAnonymous, false, (*table).flag)},
		{"proxy", "token_endpoint", "", atReload, in(&p.TokenEndpoint, "virtual", oneWordOf("virtual", "real", "deny"))},
		{"proxy", "max_body", "", atStart, in(&p.MaxBody, 24<<20, (*table).size)},
		{"proxy", "max_connections", "", atStart, in(&p.MaxConnections, 10000, (*table).count)},
		{"proxy", "idle_timeout", "", atStart, in(&p.IdleTimeout, 75*time.Second, (*table).duration)},
		{"proxy", "drain_timeout", "", atReload, in(&p.DrainTimeout, 10*time.Second, (*table).duration)},
		{"proxy", "shutdown_delay", "", atReload, in(&p.ShutdownDelay, 0, (*table).shutdownDelay)},
		{"proxy", "watch", "", atReload, in(&p.Watch, false, (*table).flag)},
		{"proxy", "plain_io", "", atStart, in(&p.PlainIO, false, (*table).flag)},
		{"proxy", "tls_cert", "", setAtStart, in(&p.TLSCert, "", (*table).text)},
		{"proxy", "tls_key", "", atReload, in(&p.TLSKey, "", (*table).text)},
		{"proxy", "tls_client_ca", "", atReload, in(&p.TLSClientCA, "", (*table).text)},
		{"proxy", "tls_client_auth", "", atReload, in(&p.TLSClientAuth, "require", oneWordOf("require", "optional"))},
		{"proxy", "trusted_proxies", "", atReload, in(&p.TrustedProxies, []string{}, (*table).texts)},
		{"proxy", "hosts", "", atReload, in(&p.Hosts, []string{}, (*table).texts)},
	}
}

func (a *Admin) settings() []setting {
	return []setting{
		{"admin", "listen", "WXPROXY_ADMIN_LISTEN", atStart, in(&a.Listen, "127.0.0.1:8081", (*table).text)},
		{"admin", "key", "WXPROXY_ADMIN_KEY", atReload, in(&a.Key, secret.Secret{}, (*table).secretKeys)},
		{"admin", "key_old", "", atReload, in(&a.KeyOld, secret.Secret{}, (*table).secretKeys)},
		{"admin", "read_key", "", atReload, in(&a.ReadKey, secret.Secret{}, (*table).secretKeys)},
	}
}

func (u *Upstream) settings() []setting {
	return []setting{
		{"upstream", "url", "WXPROXY_UPSTREAM_URL", atReload, in(&u.URL, accountkind.WeChat.URL, (*table).text)},
		{"upstream", "fallback_urls", "", atReload, in(&u.FallbackURLs, slices.Clone(accountkind.WeChat.FallbackURLs), u.readFallbacks)},
		{"upstream", "connect_timeout", "", atReload, in(&u.ConnectTimeout, 3*time.Second, (*table).duration)},
		{"upstream", "timeout", "", atReload, in(&u.Timeout, 30*time.Second, (*table).duration)},
		{"upstream", "idle_timeout", "", atReload, in(&u.IdleTimeout, 5*time.Second, (*table).duration)},
		{"upstream", "max_connections", "", atReload, in(&u.MaxConnections, 512, (*table).count)},
		{"upstream", "ca_file", "", atReload, in(&u.CAFile, "", (*table).text)},
		{"upstream", "proxy", "", atReload, in(&u.Proxy, secret.Secret{}, (*table).secretKeys)},
		{"upstream", "ip_family", "", atReload, in(&u.IPFamily, anyFamily, oneWordOf(anyFamily, "ipv4", "ipv6"))},
	}
}

func (t *Token) settings() []setting {
	return []setting{
		{"token", "store", "WXPROXY_STORE", placeAtStart, in(&t.Store, secret.New("memory:"), (*table).store)},
		{"token", "key_prefix", "", atStart, in(&t.KeyPrefix, "wxproxy", (*table).text)},
		{"token", "encryption_key", "", atReload, in(&t.EncryptionKey, secret.Secret{}, (*table).secretKeys)},
		{"token", "encryption_key_old", "", atReload, in(&t.EncryptionKeyOld, secret.Secret{}, (*table).secretKeys)},
		{"token", "refresh_before", "", atReload, in(&t.RefreshBefore, 5*time.Minute, (*table).duration)},
		{"token", "retry_errcodes", "", atReload, in(&t.RetryErrcodes, slices.Clone(accountkind.WeChat.TokenErrcodes), (*table).errcodes)},
	}
}

func (l *Log) settings() []setting {
	return []setting{
		{"log", "level", "WXPROXY_LOG_LEVEL", atReload, in(&l.Level, slog.LevelInfo, (*table).level)},
		{"log", "format", "", atStart, in(&l.Format, "auto", oneWordOf("auto", "text", "json"))},
		{"log", "access", "", atReload, in(&l.Access, false, (*table).flag)},
		{"log", "access_sample", "", atReload, in(&l.Sample, 1, (*table).share)},
		{"log", "audit", "", atReload, in(&l.Audit, true, (*table).flag)},
	}
}

func (d *ClientDefaults) settings() []setting {
	return []setting{
		{"client_defaults", "accounts", "", atReload, in(&d.Accounts, []string{}, (*table).texts)},
		{"client_defaults", "allow", "", atReload, in(&d.Allow, []string{}, (*table).texts)},
		{"client_defaults", "deny", "", atReload, in(&d.Deny, []string{}, (*table).texts)},
		{"client_defaults", "max_in_flight", "", atReload, in(&d.MaxInFlight, 0, (*table).limit)},
		{"client_defaults", "rate", "", atReload, in(&d.Rate, 0, (*table).rate)},
	}
}

// Default returns the configuration of an empty file, which lacks nothing but
// an account.
func Default() Config {
	var c Config
	for _, s := range c.settings() {
		s.setDefault()
	}
	return c
}

// AtNextStart returns the settings, in the words of the file, in which next differs
// and that a running process cannot change.
func (c *Config) AtNextStart(next *Config) (keys []string) {
	changed := next.settings()
	for i, s := range c.settings() {
		if s.isFixed(s.value(), changed[i].value()) {
			keys = append(keys, s.table+"."+s.key)
		}
	}
	return keys
}

// isFixed reports whether a running process cannot change the setting from one value
// to the other.
func (s setting) isFixed(from, to any) bool {
	switch s.effect {
	case atStart:
		return !reflect.DeepEqual(revealed(from), revealed(to))
	case placeAtStart:
		return redisurl.Place(from.(secret.Secret).Reveal()) != redisurl.Place(to.(secret.Secret).Reveal())
	case setAtStart:
		return (from == "") != (to == "")
	}
	return false
}

// revealed returns a value for a comparison.
func revealed(value any) any {
	if s, ok := value.(secret.Secret); ok {
		return s.Reveal()
	}
	return value
}

// share reads a part of all.
func (t *table) share(key string, into *float64) bool {
	value, ok := t.value(key)
	if !ok {
		return false
	}
	number, ok := value.(float64)
	if whole, isWhole := value.(int64); isWhole {
		number, ok = float64(whole), true
	}
	switch {
	case !ok:
		t.wrong(key, "is %s; write a number without quotes", parse.KindOf(value))
	case !(number >= 0 && number <= 1): // nor what is no number
		t.wrong(key, "must be between 0 and 1, as 0.01 for one of a hundred")
	default:
		*into = number
		return true
	}
	return false
}
