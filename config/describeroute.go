package config

import (
	"fmt"
	"slices"
	"strings"
)

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
