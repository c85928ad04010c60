package pushmatch

import (
	"strings"
	"testing"
)

func TestPatternsThatMatchNothing(t *testing.T) {
	for _, row := range []struct{ pattern, want string }{
		{"text", ""}, {"event", ""}, {"event:*", ""}, {"event:CLICK", ""}, {"Event:user_*", ""}, {"info:authorized", ""}, {"*", ""}, {"te*", ""},
		{"", "is empty"}, {"a*b", "not at its end"}, {"event: CLICK", "white space"}, {"text\n", "white space"},
		{"event:", "no name"}, {"info:", "no name"}, {"text:hello", "has a colon"}, {"events:CLICK", "has a colon"}, {":", "no name"},
	} {
		if got := Check(row.pattern); row.want == "" && got != "" || !strings.Contains(got, row.want) {
			t.Errorf("%q: got %q; want %q", row.pattern, got, row.want)
		}
	}
}

func TestPatternsThatCoverOthers(t *testing.T) {
	list := func(text string) []string { return strings.Fields(text) }
	for _, row := range []struct {
		outer, inner string
		want         bool
	}{
		{"", "", true}, {"", "text", true}, {"*", "text event:CLICK", true}, {"text", "", false},
		{"text", "TEXT", true}, {"text", "image", false}, {"text image", "image", true}, {"text", "text image", false},
		{"event", "event:CLICK", true}, {"event", "event:*", true}, {"event:*", "event", true}, {"event*", "event", true},
		{"event:c*", "event:CLICK", true}, {"event:c*", "event", false}, {"event:CLICK", "event:c*", false}, {"event:c*", "event:cl*", true},
		{"event", "info:authorized", false}, {"event", "eventual", false},
	} {
		if got := Covers(list(row.outer), list(row.inner)); got != row.want {
			t.Errorf("%q and %q: got %v; want %v", row.outer, row.inner, got, row.want)
		}
	}
}
