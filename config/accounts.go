package config

import (
	"encoding/hex"
	"path"
	"slices"
	"strings"
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
	case isPlaceholder(strings.TrimPrefix(appID, "wx")):
		t.wrong("app_id", "is a placeholder; write the AppID that WeChat shows next to the AppSecret")
	}
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
