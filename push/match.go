package push

import (
	"slices"
	"strings"
)

// forwardsFor returns the forwards that get pushes of an account.
func (c *configuration) forwardsFor(a *account) (all []*forward) {
	for _, f := range c.forwards {
		if f.isFor(a) {
			all = append(all, f)
		}
	}
	return all
}

// isFor reports whether a forward gets pushes of an account.
func (f *forward) isFor(a *account) bool {
	switch {
	case f.Account == "":
		return true
	case a.authorizer == "":
		return f.Account == a.Name || f.Account == a.ID
	}
	rest, isOfPlatform := strings.CutPrefix(f.Account, a.Name)
	return f.Account == a.authorizer || isOfPlatform && (rest == "/*" || rest == ":"+a.authorizer)
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

// names reports whether a forward spells a type.
func (f *forward) names(messageType string) bool {
	return slices.ContainsFunc(f.Match, func(pattern string) bool { return strings.EqualFold(pattern, messageType) })
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
// get a copy. Of a platform's tickets only those get anything that name them.
func (a *account) choose(messageType string) (first *forward, copies []*forward) {
	matches := (*forward).matches
	if a.isPlatform && isTicket(messageType) {
		matches = (*forward).names
	}
	for _, f := range a.forwards {
		switch {
		case f.Copy && matches(f, messageType):
			copies = append(copies, f)
		case !f.Copy && first == nil && matches(f, messageType):
			first = f
		}
	}
	return first, copies
}
