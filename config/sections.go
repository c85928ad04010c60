package config

import (
	"encoding/base64"
	"log/slog"
	"slices"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

func (l *loader) readProxy(t *table) {
	p := &l.cfg.Proxy
	t.text("listen", &p.Listen)
	t.flag("allow_anonymous", &p.AllowAnonymous)
	t.choice("token_endpoint", &p.TokenEndpoint, "virtual", "real", "deny")
	t.size("max_body", &p.MaxBody)
	t.count("max_connections", &p.MaxConnections)
	t.duration("idle_timeout", &p.IdleTimeout)
	t.duration("drain_timeout", &p.DrainTimeout)
	t.flag("plain_io", &p.PlainIO)
	t.text("tls_cert", &p.TLSCert)
	t.text("tls_key", &p.TLSKey)
	t.text("tls_client_ca", &p.TLSClientCA)
	t.texts("hosts", &p.Hosts)
	t.refuseUnknown()

	t.checkTLS(p)
	t.checkListen(p.Listen)
	for i, name := range p.Hosts {
		if name == "" || !isHost(name) {
			t.wrong(item("hosts", i), `is not a name; write it without scheme and port, as "wxproxy.internal"`)
		}
	}
}

func (l *loader) readAdmin(t *table) {
	a := &l.cfg.Admin
	t.text("listen", &a.Listen)
	source, given := t.source("key")
	t.refuseUnknown()

	a.Key = t.secret(source, given)
	if !a.Key.Empty() {
		t.addKey(accessKey{setting: given[0], name: "key", listen: "admin.listen"}, a.Key)
	}
	if a.Listen == "" {
		return
	}
	t.checkListen(a.Listen)
}

func (l *loader) readToken(t *table) {
	c := &l.cfg.Token
	store := c.Store.Reveal()
	t.text("store", &store)
	t.sensitive[t.key("store")] = !strings.HasPrefix(store, "file:") && !strings.HasPrefix(store, "memory:")
	c.Store = secret.New(store)
	key, given := t.source("encryption_key")
	t.duration("refresh_before", &c.RefreshBefore)
	var errcodes []int64
	if list(t, "retry_errcodes", "numbers", &errcodes) {
		c.RetryErrcodes = t.checkErrcodes(errcodes)
	}
	t.text("key_prefix", &c.KeyPrefix)
	t.refuseUnknown()

	if err := token.CheckStore(c.Store); err != nil {
		t.wrong("store", "%v", err)
	}
	l.holdPasswords(t.key("store"), c.Store)
	c.EncryptionKey = t.encryptionKey(t.secret(key, given), given)
	if c.RefreshBefore < 10*time.Second || c.RefreshBefore > time.Hour {
		t.wrong("refresh_before", `must be between "10s" and "1h"`)
	}
	if !isName(c.KeyPrefix) {
		t.wrong("key_prefix", nameRule)
	}
}

// encryptionKey returns the bytes that text, in base64, stands for.
func (t *table) encryptionKey(text secret.Secret, given []string) secret.Secret {
	if text.Empty() {
		return secret.Secret{}
	}
	const bytes = 32
	key, err := base64.StdEncoding.DecodeString(text.Reveal())
	if err != nil || len(key) != bytes {
		t.wrong(given[0], "is not %d bytes in base64; `head -c 32 /dev/urandom | base64` makes a key", bytes)
	} else if strings.Trim(string(key), "\x00") == "" {
		t.wrong(given[0], "is all zero and no key; `head -c 32 /dev/urandom | base64` makes one")
	} else if isPattern(key) {
		t.warn(t.key(given[0]), "is a pattern and could be guessed; `head -c 32 /dev/urandom | base64` makes a good key")
	}
	return secret.New(string(key))
}

// checkErrcodes returns what can be meant by a list of errcodes.
func (t *table) checkErrcodes(list []int64) []int {
	errcodes := make([]int, 0, len(list))
	for i, errcode := range list {
		switch {
		case errcode < 1 || errcode > 9_999_999:
			t.wrong(item("retry_errcodes", i), "is no errcode that a new token could cure; remove it")
		case slices.Contains(errcodes, int(errcode)):
			t.wrong(item("retry_errcodes", i), "is there already; remove it")
		}
		errcodes = append(errcodes, int(errcode))
	}
	if len(errcodes) == 0 {
		t.wrong("retry_errcodes", "is empty, so no refused token would be replaced; write [40001, 40014, 42001]")
	}
	return errcodes
}

// levels are the words for what is logged.
var levels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}

func (l *loader) readLog(t *table) {
	level := "info"
	t.choice("level", &level, "debug", "info", "warn", "error")
	t.choice("format", &l.cfg.Log.Format, "auto", "text", "json")
	t.flag("access", &l.cfg.Log.Access)
	t.refuseUnknown()
	l.cfg.Log.Level = levels[level]
}
