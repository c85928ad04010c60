package platform

import (
	"cmp"
	"slices"
	"strings"
)

// A Query asks for some of the accounts that the platform has heard of.
type Query struct {
	Offset, Limit int
	ProblemsFirst bool                           // else they are in the order of their app ids
	Matches       func(appID, state string) bool // nil: all do
}

// Authorizers returns limit authorizers from offset on, by app id, and how many there are, of
// the given state if that is not empty.
func (p *Platform) Authorizers(offset, limit int, state string) (total int, page []AuthorizerStatus) {
	return p.Search(Query{Offset: offset, Limit: limit, Matches: func(_, is string) bool { return state == "" || is == state }})
}

// Search returns the authorizers that a query asks for, and how many match.
func (p *Platform) Search(q Query) (total int, page []AuthorizerStatus) {
	type found struct {
		*Authorizer
		rank int
	}
	var all []found
	p.each(func(a *Authorizer) {
		state, _ := a.condition()
		if q.Matches != nil && !q.Matches(a.appID, state) {
			return
		}
		rank := 0
		if q.ProblemsFirst {
			rank = rankOf(state)
		}
		all = append(all, found{a, rank})
	})
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.appID, b.appID))
	})
	from := min(max(q.Offset, 0), len(all))
	for _, a := range all[from : from+min(max(q.Limit, 0), len(all)-from)] {
		page = append(page, a.Status())
	}
	return len(all), page
}

// rankOf returns how soon a person should see an account in this state. One whose merchant
// has ended the authorization is as somebody wants it.
func rankOf(state string) int {
	switch state {
	case StateFailing:
		return 0
	case StateNeedsAuthorization:
		return 1
	case StateUnauthorized:
		return 2
	}
	return 3
}
