package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// The paths that wxproxy answers itself. They are never forwarded, so all that a
// route can say of them is that nobody may.
var (
	tokenPaths  = []string{"/cgi-bin/token", "/cgi-bin/stable_token"}
	healthPaths = []string{"/wxproxy/healthz", "/wxproxy/readyz"} // which take no key
	ownPaths    = []string{tokenPaths[0], tokenPaths[1], "/wxproxy/jsapi-signature", healthPaths[0], healthPaths[1]}
)

const ownPrefix = "/wxproxy/"

// isOwn reports whether wxproxy itself answers all that a pattern matches.
func isOwn(pattern string) bool {
	pattern = policyPattern(pattern)
	return slices.Contains(tokenPaths, pattern) || strings.HasPrefix(pattern, ownPrefix) || pattern+"/" == ownPrefix
}

func (l *loader) readRoute(t *table) {
	var r Route
	t.text("path", &r.Path)
	t.choice("credential", &r.Credential, "app", "secret", "user", "none", "deny")
	t.refuseUnknown()

	t.checkRoutePath(r)
	if r.Credential == "" {
		t.missing(`write "app", "secret", "user", "none" or "deny"`, "credential")
	}
	l.cfg.Routes = append(l.cfg.Routes, r)
}

// checkRoutePath reports a path of which the route could not be obeyed.
func (t *table) checkRoutePath(r Route) {
	switch {
	case r.Path == "":
		t.missing(`write a path, as "/wxa/something/*"`, "path")
	case checkPattern(r.Path) != "":
		t.wrong("path", "%s", checkPattern(r.Path))
	case isOwn(r.Path) && r.Credential != "" && r.Credential != "deny":
		t.wrong("path", `is answered by wxproxy itself and never forwarded; the only credential for it is "deny" (token_endpoint in [proxy] says what SDKs get)`)
	}
}

func (t *table) checkPatterns(key string, patterns []string) {
	for i, pattern := range patterns {
		if problem := checkPattern(pattern); problem != "" {
			t.wrong(item(key, i), "%s", problem)
		} else if isAboutHealth(pattern) {
			t.wrong(item(key, i), "is answered to everybody, without a key; remove it")
		}
	}
}

// isAboutHealth reports whether a pattern matches a health path, and nothing else
// that wxproxy answers.
func isAboutHealth(pattern string) bool {
	isMatched := func(path string) bool { return covers(pattern, path) }
	return slices.ContainsFunc(healthPaths, isMatched) && !slices.ContainsFunc(ownPaths[:3], isMatched)
}

// warnOfDeadPatterns remarks on what a client is allowed and denied.
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
	outer, inner = policyPattern(outer), policyPattern(inner)
	prefix, isPrefix := strings.CutSuffix(outer, "*")
	if !isPrefix {
		return outer == inner
	}
	return strings.HasPrefix(inner, prefix) || inner+"/" == prefix
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

// describeRoute says what a route means, also for the paths that wxproxy answers
// itself, of which a pattern may match some.
func (c *Config) describeRoute(r Route) string {
	text := fmt.Sprintf("%s takes the credential %q", r.Path, r.Credential)
	if r.Credential == "deny" {
		text = r.Path + " is denied to everybody"
	}
	if !strings.HasSuffix(r.Path, "*") {
		return text
	}
	var closed, answered []string
	for _, path := range ownPaths {
		switch {
		case c.routeOf(path) != policyPattern(r.Path):
		case r.Credential != "deny", slices.Contains(healthPaths, path) && !isAboutOwn(r.Path):
			answered = append(answered, path)
		default:
			closed = append(closed, path)
		}
	}
	if len(closed) > 0 {
		text += ", also " + strings.Join(closed, ", ")
	}
	if len(answered) > 0 {
		text += "; wxproxy goes on answering " + strings.Join(answered, ", ")
	}
	return text
}

// routeOf returns the pattern of the route that decides about a path: the path
// itself, else the longest that matches.
func (c *Config) routeOf(path string) (decides string) {
	for _, r := range c.Routes {
		pattern := policyPattern(r.Path)
		if pattern == path {
			return pattern
		}
		if covers(pattern, path) && len(pattern) > len(decides) {
			decides = pattern
		}
	}
	return decides
}

// isAboutOwn reports whether a pattern is about wxproxy's own pages. A wider one is
// about the API, and closes no health path.
func isAboutOwn(pattern string) bool {
	return strings.HasPrefix(policyPattern(pattern), strings.TrimSuffix(ownPrefix, "/"))
}
