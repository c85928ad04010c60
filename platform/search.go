package platform

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"

	"wxproxy/token"
)

// A Query asks for some of the accounts that the platform has heard of.
type Query struct {
	Offset, Limit int
	ProblemsFirst bool             // else they are in the order of their app ids
	Matches       func(Match) bool // nil: all do
}

// A Match is what a query can look at of an account.
type Match struct {
	AppID, State string
	Errcode      int // WeChat's, of what is wrong; 0: nothing is, or WeChat said nothing
}

// Authorizers returns limit authorizers from offset on, by app id, and how many there are, of
// the given state if that is not empty.
func (p *Platform) Authorizers(offset, limit int, state string) (total int, page []AuthorizerStatus) {
	return p.Search(Query{Offset: offset, Limit: limit, Matches: func(m Match) bool { return state == "" || m.State == state }})
}

// Search returns the authorizers that a query asks for, and how many match.
func (p *Platform) Search(q Query) (total int, page []AuthorizerStatus) {
	offset, limit := max(q.Offset, 0), max(q.Limit, 0)
	first := foremost{most: offset + min(limit, math.MaxInt-offset)}
	p.each(func(a *Authorizer) {
		state, problem := a.condition()
		if q.Matches != nil && !q.Matches(Match{a.appID, state, errcodeOf(problem)}) {
			return
		}
		total++
		rank := 0
		if q.ProblemsFirst {
			rank = rankOf(state)
		}
		first.add(ranked{a, rank})
	})
	all := first.inOrder()
	for _, a := range all[min(offset, len(all)):] {
		page = append(page, a.Status())
	}
	return total, page
}

// errcodeOf returns WeChat's errcode in an error, 0 if there is none.
func errcodeOf(err error) int {
	if refusal, ok := errors.AsType[*token.Refusal](err); ok {
		return refusal.Code
	}
	return 0
}

// A ranked is an authorizer with its place among others.
type ranked struct {
	*Authorizer
	rank int
}

func compareRanked(a, b ranked) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.appID, b.appID))
}

// foremost are the first of many, which need not be sorted all for that.
type foremost struct {
	most  int
	all   []ranked // at most twice as many, and a few
	bound *ranked  // what comes behind it is none of the first; nil: not known yet
}

func (f *foremost) add(a ranked) {
	if f.bound != nil && compareRanked(a, *f.bound) > 0 {
		return
	}
	f.all = append(f.all, a)
	if spare := len(f.all) - f.most; f.most > 0 && spare > f.most {
		last := f.inOrder()[f.most-1]
		f.bound = &last
	}
}

// inOrder drops all but the first, and returns them.
func (f *foremost) inOrder() []ranked {
	slices.SortFunc(f.all, compareRanked)
	f.all = f.all[:min(len(f.all), f.most)]
	return f.all
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
