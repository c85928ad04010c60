package members

import (
	"strings"

	"wxproxy/proxy/internal/wire"
)

// A Value is one value, such as the appid, of a request that can hold it in several
// places.
type Value struct {
	Text      string // the first one; empty: none
	Conflicts bool   // another place has another value
}

// Add adds the value of one place. An empty one counts as none.
func (v *Value) Add(text string) {
	switch {
	case v.Text == "":
		v.Text = text
	case text != "":
		v.Conflicts = v.Conflicts || text != v.Text
	}
}

// IsPlaceholder reports whether an appid is a mere word such as "APPID", or the
// "touristappid" of WeChat's own tools. An appid that has a digit or begins with "wx", as
// WeChat's do, may be a real one that was copied wrongly.
func IsPlaceholder(appID string) bool {
	isOther := func(r rune) bool { return !wire.IsASCIILetter(r) && r != '_' && r != '-' }
	return !strings.ContainsFunc(appID, isOther) && !strings.EqualFold(appID[:min(len(appID), 2)], "wx")
}
