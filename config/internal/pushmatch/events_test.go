package pushmatch

import (
	"strings"
	"testing"

	"wxproxy/config/internal/words"
)

func TestPatternsThatProbablyMatchNothing(t *testing.T) {
	for _, row := range []struct {
		pattern string
		of      Subject
		want    string
	}{
		{"info:authorized", Any, ""}, {"info:Authorized", Platform, ""}, {"info:*", Platform, ""}, {"*", Platform, ""}, {"inf*", Platform, ""},
		{"text", Any, ""}, {"text", Account, ""}, {"event", Account, ""}, {"info:notify_something_new", Any, ""},
		{"info:authorized", Account, "come to the platform itself"}, {"info:*", Account, "come to the platform itself"},
		{"authorized", Platform, `write it as "info:authorized"`}, {"Unauthorized", Any, `write it as "info:unauthorized"`},
		{"text", Platform, "are its events"}, {"te*", Platform, "are its events"}, {"event", Platform, "are its events"},
		{"info:authorised", Any, `did you mean "info:authorized"?`}, {"info:notify_third_fastregister", Platform, `did you mean "info:notify_third_fasteregister"?`},
		{"info:text", Any, "is no event"},
	} {
		if got := Doubt(row.pattern, row.of, words.Nearest); row.want == "" && got != nil || row.want != "" && (got == nil || !strings.Contains(got.Error(), row.want)) {
			t.Errorf("%q of %d: got %v; want %q", row.pattern, row.of, got, row.want)
		}
	}
}
