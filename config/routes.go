package config

import (
	"path"
	"slices"
	"strings"

	"wxproxy/accountkind"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// ownPaths returns the paths that wxproxy answers itself. They are never forwarded, so
// all that a route can say of them is that nobody may.
func (k Kind) ownPaths() []string { return append(k.keyedPaths(), accountkind.HealthPaths...) }

// keyedPaths returns those of them that take a client's key.
func (k Kind) keyedPaths() []string {
	return append(slices.Clone(k.Table().TokenPaths), accountkind.SignaturePath)
}

// isOwn reports whether wxproxy itself answers all that a pattern matches.
func (k Kind) isOwn(pattern string) bool {
	pattern = accountkind.Normal(pattern)
	return slices.Contains(k.Table().TokenPaths, pattern) || covers(accountkind.OwnPrefix+"*", pattern)
}

func (l *loader) readRoute(t *table) {
	var r Route
	t.text("path", &r.Path)
	t.choice("credential", &r.Credential, "app", "platform", "secret", "user", "none", "deny")
	t.kind(&r.Kind)
	t.refuseUnknown()

	t.checkRoutePath(r)
	if r.Kind == WeCom && r.Credential == "secret" {
		t.wrong("credential", `is for WeChat's accounts: no API of WeCom's but gettoken takes a secret; write "app", "none" or "deny"`)
	}
	if r.Credential == "" {
		t.missing(`write "app", "platform", "secret", "user", "none" or "deny"`, "credential")
	}
	l.cfg.Routes = append(l.cfg.Routes, r)
}

// checkRoutePath reports a path for which the route could not be followed.
func (t *table) checkRoutePath(r Route) {
	switch {
	case r.Path == "":
		t.missing(`write a path, as "/wxa/something/*"`, "path")
	case checkPattern(r.Path) != "":
		t.wrong("path", "%s", language.Phrase(checkPattern(r.Path)))
	case r.Kind.isOwn(r.Path) && r.Credential != "" && r.Credential != "deny":
		t.wrong("path", `is answered by wxproxy itself and never forwarded; the only credential for it is "deny" (token_endpoint in [proxy] says what SDKs get)`)
	}
}

// checkPatterns reports patterns that the table has and that match nothing that could
// be forwarded. Those that client_defaults gives a client are reported there.
func (t *table) checkPatterns(key string, patterns []string) {
	if _, own := t.values[key]; !own {
		return
	}
	for i, pattern := range patterns {
		if problem := checkPattern(pattern); problem != "" {
			t.wrong(item(key, i), "%s", language.Phrase(problem))
		} else if isAboutHealth(pattern) {
			t.wrong(item(key, i), "is answered to everybody, without a key; remove it")
		}
	}
}

// isAboutHealth reports whether a pattern matches a health path, and nothing else
// that wxproxy answers.
func isAboutHealth(pattern string) bool {
	isMatched := func(path string) bool { return covers(pattern, path) }
	return slices.ContainsFunc(accountkind.HealthPaths, isMatched) && !slices.ContainsFunc(WeChat.keyedPaths(), isMatched) && !slices.ContainsFunc(WeCom.keyedPaths(), isMatched)
}

// warnOfDeadPatterns remarks on patterns that are allowed, and denied by others.
func (t *table) warnOfDeadPatterns(c Client) {
	for i, allowed := range c.Allow {
		for _, denied := range c.Deny {
			if covers(denied, allowed) {
				t.warn(t.key(item("allow", i)), "allows nothing: deny has %s, and deny beats allow", denied)
				break
			}
		}
	}
}

// covers reports whether the pattern outer matches all that inner matches.
func covers(outer, inner string) bool {
	return accountkind.Matches(accountkind.Normal(outer), accountkind.Normal(inner))
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
	case strings.ContainsAny(prefix, `?#%\;`) || strings.ContainsFunc(prefix, secret.Invisible):
		return `must be a plain path, without query, ";", percent-encoding or white space`
	case strings.HasPrefix(prefix, "/@"):
		return `must be the path behind "/@NAME", which only chooses the account`
	case prefix != path.Clean(prefix) && prefix != path.Clean(prefix)+"/":
		return `must not have "//", "." or ".." in it`
	}
	return ""
}

// describeRoute says what a route means, also for the paths that wxproxy answers
// itself, of which a pattern may match some.
func (c *Config) describeRoute(r Route) *language.Text {
	text := language.Textf("%s takes the credential %q", r.Path, r.Credential)
	if r.Credential == "deny" {
		text = language.Textf("%s is denied to everybody", r.Path)
	}
	if r.Kind == WeCom {
		text = language.Textf("%s, where the account is WeCom's", text)
	}
	if !strings.HasSuffix(r.Path, "*") {
		return text
	}
	var closed, answered []string
	for _, path := range r.Kind.ownPaths() {
		switch {
		case c.routeOf(r.Kind, path) != accountkind.Normal(r.Path):
		case r.Credential != "deny", slices.Contains(accountkind.HealthPaths, path) && !accountkind.IsAboutOwn(accountkind.Normal(r.Path)):
			answered = append(answered, path)
		default:
			closed = append(closed, path)
		}
	}
	if len(closed) > 0 {
		text = language.Textf("%s, also %s", text, joined(closed))
	}
	if len(answered) > 0 {
		text = language.Textf("%s; wxproxy goes on answering %s", text, joined(answered))
	}
	return text
}

// routeOf returns the pattern of the route that decides about a path: the path
// itself, else the longest that matches.
func (c *Config) routeOf(kind Kind, path string) (decides string) {
	for _, r := range c.Routes {
		pattern := accountkind.Normal(r.Path)
		if r.Kind != kind {
			continue
		}
		if pattern == path {
			return pattern
		}
		if covers(pattern, path) && len(pattern) > len(decides) {
			decides = pattern
		}
	}
	return decides
}
