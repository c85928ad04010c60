package push

import (
	"slices"
	"strings"
)

// isFor reports whether a forward gets pushes of an account.
func (f *forward) isFor(a Account) bool {
	return f.Account == "" || f.Account == a.Name || f.Account == a.ID
}

// title returns what the log calls a forward: its name, or where it is.
func (f *forward) title() string {
	if f.Name != f.URL {
		return f.Name
	}
	return f.sender.String()
}

// matches reports whether a forward gets pushes of a type.
func (f *forward) matches(messageType string) bool {
	return len(f.Match) == 0 || slices.ContainsFunc(f.Match, func(pattern string) bool { return isMatch(pattern, messageType) })
}

// isMatch reports whether pattern means messageType, in any letter case: "event" is every
// event, and '*' at the end any rest.
func isMatch(pattern, messageType string) bool {
	const event = "event"
	if strings.EqualFold(pattern, event) && len(messageType) > len(event) && messageType[len(event)] == ':' {
		messageType = messageType[:len(event)]
	}
	if before, isOpen := strings.CutSuffix(pattern, "*"); isOpen {
		return len(messageType) >= len(before) && strings.EqualFold(messageType[:len(before)], before)
	}
	return strings.EqualFold(pattern, messageType)
}

// choose returns the forward that gets a push of a type, nil if none does, and those that
// get a copy.
func (a *account) choose(messageType string) (first *forward, copies []*forward) {
	for _, f := range a.forwards {
		switch {
		case f.Copy && f.matches(messageType):
			copies = append(copies, f)
		case !f.Copy && first == nil && f.matches(messageType):
			first = f
		}
	}
	return first, copies
}
