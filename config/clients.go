package config

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"wxproxy/accountkind"
	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// readDefaults reads what clients may do that say nothing of it.
func (l *loader) readDefaults(t *table) {
	t.readSettings()
	d := &l.cfg.ClientDefaults
	t.checkPatterns("allow", d.Allow)
	t.checkPatterns("deny", d.Deny)
}

// empty reports whether no client is held to anything by d.
func (d *ClientDefaults) empty() bool {
	return len(d.Accounts)+len(d.Allow)+len(d.Deny)+d.MaxInFlight == 0 && d.Rate == 0
}

func (l *loader) readClient(t *table) {
	d := &l.cfg.ClientDefaults
	c := Client{Accounts: d.Accounts, Allow: d.Allow, Deny: d.Deny, MaxInFlight: d.MaxInFlight, Interval: d.Rate}
	t.text("name", &c.Name)
	key, old := t.keySource("key"), t.keySource("key_old")
	t.texts("accounts", &c.Accounts)
	t.texts("allow", &c.Allow)
	t.texts("deny", &c.Deny)
	t.limit("max_in_flight", &c.MaxInFlight)
	t.rate("rate", &c.Interval)
	t.flag("platform_admin", &c.PlatformAdmin)
	t.refuseUnknown()

	t.checkName(c.Name)
	c.KeySHA256, c.OldSHA256 = t.clientKey(key), t.oldKey(old, key)
	t.checkPatterns("allow", c.Allow)
	t.checkPatterns("deny", c.Deny)
	t.warnOfDeadPatterns(c)
	l.cfg.Clients = append(l.cfg.Clients, c)
}

// A keySource is where a client's key, or its hash, comes from.
type keySource struct {
	givenSource
	key  string // in the file, as "key"
	hash string // in hexadecimal digits; empty unless it is given instead
}

// keySource reads the keys that lead to a client's key: key itself, key_env,
// key_file and key_sha256.
func (t *table) keySource(key string) keySource {
	k := keySource{key: key}
	k.SecretSource, k.given = t.source(key)
	t.text(key+"_sha256", &k.hash)
	if k.hash != "" {
		k.given = append(k.given, key+"_sha256")
	}
	return k
}

// clientKey returns the hash of a client's key, however the key was given.
func (t *table) clientKey(k keySource) secret.Secret {
	if len(k.given) == 0 && t.cfg.Proxy.TLSClientCA != "" {
		return secret.New("") // its certificate will do
	}
	if len(k.given) == 0 {
		t.missing("write key, key_env, key_file or key_sha256 (`wxproxy key` makes one)",
			"key", "key_env", "key_file", "key_sha256")
	}
	return t.hashOf(k)
}

// oldKey returns the hash of the key that a client had before its key.
func (t *table) oldKey(old, key keySource) secret.Secret {
	if len(old.given) > 0 && len(key.given) == 0 {
		t.wrong(old.given[0], "is the key before another one, and there is none; write it as %q", "key"+old.given[0][len("key_old"):])
	}
	return t.hashOf(old)
}

// hashOf returns the 32 bytes of the hash, or an empty Secret without a key or
// after reporting what is wrong with it.
func (t *table) hashOf(k keySource) secret.Secret {
	if len(k.given) > 1 {
		t.onlyOne(k.given)
		return secret.Secret{}
	}
	if k.hash != "" {
		sum, err := hex.DecodeString(k.hash)
		if err != nil || len(sum) != sha256.Size {
			t.wrong(k.given[0], "must be 64 hexadecimal digits, as `wxproxy key` prints them")
			return secret.Secret{}
		}
		if words.IsPattern(sum) {
			t.wrong(k.given[0], "is a pattern and no hash of a key; write the line that `wxproxy key` prints")
		}
		t.addKey(accessKey{setting: k.given[0], name: k.key, listen: "proxy.listen", sum: [sha256.Size]byte(sum)}, secret.Secret{})
		return secret.New(string(sum))
	}
	key := t.secret(k.SecretSource, k.given)
	if key.Empty() {
		return secret.Secret{}
	}
	sum := t.addKey(accessKey{setting: k.given[0], name: k.key, listen: "proxy.listen"}, key)
	return secret.New(string(sum[:]))
}

// warnOfTokenless remarks on clients to which the token endpoint does not hand the real
// token, because it would let them do more than they are held to.
func (l *loader) warnOfTokenless() {
	if l.cfg.Proxy.TokenEndpoint != "real" {
		return
	}
	for i, c := range l.cfg.Clients {
		if len(c.Deny) == 0 && c.Interval == 0 && c.MaxInFlight == 0 {
			continue
		}
		for _, kind := range l.cfg.kindsFor(c) {
			paths := kind.Table().TokenPaths
			if !slices.ContainsFunc(paths, c.hasExactly) && slices.ContainsFunc(paths, c.mayCall) {
				l.warnOfNoToken(i, paths)
			}
		}
	}
}

// warnOfNoToken remarks that a client gets no real token at these paths of one kind of
// accounts.
func (l *loader) warnOfNoToken(client int, paths []string) {
	allow := language.Textf("add %q to its allow", paths[0])
	if len(l.cfg.Clients[client].Allow) == 0 {
		allow = language.Textf("write allow = [\"/*\", %q]", paths[0])
	}
	for _, other := range paths[1:] {
		allow = language.Textf("%s, or %q for a program that asks there", allow, other)
	}
	l.warn(item("client", client), `gets no real token, which would go round its deny, rate or max_in_flight (token_endpoint is "real"); `+
		`if it may have that all the same, %s`, allow)
}

// hasExactly reports whether allow has this very path.
func (c Client) hasExactly(path string) bool {
	return slices.ContainsFunc(c.Allow, func(pattern string) bool { return accountkind.Normal(pattern) == path })
}

// mayCall reports whether allow and deny let the client call path.
func (c Client) mayCall(path string) bool {
	isCovered := func(pattern string) bool { return covers(pattern, path) }
	return !slices.ContainsFunc(c.Deny, isCovered) && (len(c.Allow) == 0 || slices.ContainsFunc(c.Allow, isCovered))
}

func (c Client) describe() *language.Text {
	text := language.Textf("%s may use %s for %s", c.Name, orElse(c.Accounts, "every account"), orElse(c.Allow, "every path"))
	if len(c.Deny) > 0 {
		text = language.Textf("%s, but not for %s", text, joined(c.Deny))
	}
	if c.MaxInFlight > 0 {
		text = language.Textf("%s, %d at a time", text, c.MaxInFlight)
	}
	if c.Interval > 0 {
		text = language.Textf("%s, %s", text, rateOf(c.Interval))
	}
	if c.PlatformAdmin {
		text = language.Textf("%s, and change accounts and templates of platforms", text)
	}
	if c.KeySHA256.Empty() {
		text = language.Textf("%s; it has a certificate and no key", text)
	}
	if !c.OldSHA256.Empty() {
		text = language.Textf("%s; it may also show the key before (key_old)", text)
	}
	return text
}
