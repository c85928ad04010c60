package config

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"wxproxy/token"
)

const nameRule = "must be 1 to 64 letters, digits, '-' or '_'"

func (l *loader) readAccount(t *table) {
	a := Account{TokenAPI: "stable"}
	t.text("name", &a.Name)
	t.text("app_id", &a.AppID)
	source, given := t.source("secret")
	t.choice("token_api", &a.TokenAPI, "stable", "classic")
	t.flag("default", &a.Default)
	t.refuseUnknown()

	t.checkName(a.Name)
	t.checkAppID(a.AppID)
	a.Source, a.Secret = source, t.secret(source, given)
	if len(given) == 0 {
		t.missing("write secret, secret_env or secret_file", "secret", "secret_env", "secret_file")
	}
	l.cfg.Accounts = append(l.cfg.Accounts, a)
}

func (t *table) checkName(name string) {
	switch {
	case name == "":
		t.missing("give it a name of letters, digits, '-' or '_'", "name")
	case !isName(name):
		t.wrong("name", nameRule)
	}
}

func (t *table) checkAppID(appID string) {
	_, err := hex.DecodeString(appID)
	switch {
	case appID == "":
		t.missing(`write the AppID that WeChat shows next to the AppSecret, as "wx0123456789abcdef"`, "app_id")
	case len(appID) == 32 && err == nil:
		t.wrong("app_id", "looks like an AppSecret; are the two swapped?")
	case !isName(appID):
		t.wrong("app_id", nameRule)
	}
}

func (l *loader) readClient(t *table) {
	var c Client
	var hash string
	t.text("name", &c.Name)
	source, given := t.source("key")
	t.text("key_sha256", &hash)
	t.texts("accounts", &c.Accounts)
	t.texts("allow", &c.Allow)
	t.texts("deny", &c.Deny)
	t.limit("max_in_flight", &c.MaxInFlight)
	t.rate("rate", &c.Interval)
	t.refuseUnknown()

	t.checkName(c.Name)
	c.KeySHA256 = t.clientKey(source, given, hash)
	t.checkPatterns("allow", c.Allow)
	t.checkPatterns("deny", c.Deny)
	l.cfg.Clients = append(l.cfg.Clients, c)
}

// clientKey returns the hash of a client's key, however the key was given.
func (t *table) clientKey(source SecretSource, given []string, hash string) token.Secret {
	if hash != "" {
		return t.hashedKey(given, hash)
	}
	if len(given) == 0 && t.cfg.Proxy.TLSClientCA != "" {
		return token.NewSecret("") // its certificate will do
	}
	if len(given) == 0 {
		t.missing("write key, key_env, key_file or key_sha256 (`wxproxy key` makes one)",
			"key", "key_env", "key_file", "key_sha256")
	}
	key := t.secret(source, given)
	if key.Empty() {
		return token.Secret{}
	}
	t.warnIfShort(key, given)
	sum := sha256.Sum256([]byte(key.Reveal()))
	return token.NewSecret(string(sum[:]))
}

func (t *table) hashedKey(given []string, hash string) token.Secret {
	if len(given) > 0 {
		t.onlyOne(append(given, "key_sha256"))
		return token.Secret{}
	}
	sum, err := hex.DecodeString(hash)
	if err != nil || len(sum) != sha256.Size {
		t.wrong("key_sha256", "must be 64 hexadecimal digits, as `wxproxy key` prints them")
		return token.Secret{}
	}
	return token.NewSecret(string(sum))
}

// localPaths are never forwarded, so no route can be given for them.
var localPaths = []string{"/cgi-bin/token", "/cgi-bin/stable_token"}

func (l *loader) readRoute(t *table) {
	var r Route
	t.text("path", &r.Path)
	t.choice("credential", &r.Credential, "app", "secret", "user", "none", "deny")
	t.refuseUnknown()

	if r.Path == "" {
		t.missing(`write a path, as "/wxa/something/*"`, "path")
	} else if problem := checkPattern(r.Path); problem != "" {
		t.wrong("path", "%s", problem)
	} else if slices.Contains(localPaths, policyPattern(r.Path)) {
		t.wrong("path", "is answered by wxproxy itself; token_endpoint in [proxy] says how")
	}
	if r.Credential == "" {
		t.missing(`write "app", "secret", "user", "none" or "deny"`, "credential")
	}
	l.cfg.Routes = append(l.cfg.Routes, r)
}

func (t *table) checkPatterns(key string, patterns []string) {
	for i, pattern := range patterns {
		if problem := checkPattern(pattern); problem != "" {
			t.wrong(item(key, i), "%s", problem)
		}
	}
}

// checkPattern says why a path pattern could not match any path that the proxy
// forwards, or returns the empty string.
func checkPattern(pattern string) string {
	prefix := strings.TrimSuffix(pattern, "*")
	switch {
	case !strings.HasPrefix(pattern, "/"):
		return `must begin with "/"`
	case strings.Contains(prefix, "*"):
		return `has a "*" that is not at its end`
	case strings.ContainsAny(prefix, `?#%\;`) || strings.ContainsFunc(prefix, notVisible):
		return `must be a plain path, without query, ";", percent-encoding or white space`
	case strings.HasPrefix(prefix, "/@"):
		return `must be the path behind "/@NAME", which only chooses the account`
	case prefix != path.Clean(prefix) && prefix != path.Clean(prefix)+"/":
		return `must not have "//", "." or ".." in it`
	}
	return ""
}

// policyPattern spells pattern as the proxy does, which minds neither letter case
// nor a slash at the end.
func policyPattern(pattern string) string {
	if pattern == "/" {
		return pattern
	}
	return strings.TrimSuffix(strings.ToLower(pattern), "/")
}
