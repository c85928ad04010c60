// Package pushmatch judges the patterns by which pushes are chosen: MsgType, "event",
// "event:NAME" or "info:NAME", in any letter case, '*' at the end for any rest.
package pushmatch

import (
	"slices"
	"strings"
)

// Check says why a pattern could not match any push, or returns the empty string.
func Check(pattern string) string {
	prefix, isOpen := strings.CutSuffix(pattern, "*")
	switch {
	case pattern == "":
		return `is empty; write a MsgType, as "text", or "event:NAME"`
	case strings.Contains(prefix, "*"):
		return `has a "*" that is not at its end`
	case strings.ContainsFunc(prefix, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "has white space or control characters in it"
	case !isOpen && strings.HasSuffix(pattern, ":"):
		return `has no name behind the colon; write it as "event:subscribe", or "event:*" for all`
	case strings.Contains(prefix, ":") && !hasKind(prefix, "event") && !hasKind(prefix, "info"):
		return `has a colon; what may stand before it is "event" or "info"`
	}
	return ""
}

// IsInfo reports whether a pattern means events of a third-party platform alone.
func IsInfo(pattern string) bool { return hasKind(pattern, "info") }

func hasKind(pattern, kind string) bool {
	return len(pattern) > len(kind) && strings.EqualFold(pattern[:len(kind)], kind) && pattern[len(kind)] == ':'
}

// Covers reports whether the patterns outer match all that inner match. No patterns
// match every push.
func Covers(outer, inner []string) bool {
	if len(outer) == 0 {
		return true
	}
	return len(inner) > 0 && !slices.ContainsFunc(inner, func(pattern string) bool {
		return !slices.ContainsFunc(outer, func(o string) bool { return covers(strings.ToLower(o), strings.ToLower(pattern)) })
	})
}

// covers does that for two patterns in lower case.
func covers(outer, inner string) bool {
	const event = "event"
	if outer == event && strings.HasPrefix(inner, event+":") || inner == outer {
		return true
	}
	before, isOpen := strings.CutSuffix(outer, "*")
	if inner == event {
		inner += ":" // every event
	}
	return isOpen && strings.HasPrefix(strings.TrimSuffix(inner, "*"), before)
}
