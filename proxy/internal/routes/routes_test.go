package routes

import (
	"testing"

	"wxproxy/accountkind"
)

func TestTheNextPatternIsFound(t *testing.T) {
	var rows []accountkind.Route
	for _, pattern := range []string{"/a/*", "/a/b/*", "/a/b/c", "/A/B/D/", "/a/b/c"} {
		rows = append(rows, accountkind.Route{Pattern: pattern, Ticket: string(rune('0' + len(rows)))})
	}
	table := New(rows, func(r accountkind.Route) string { return r.Ticket + " " + r.Pattern })
	for path, want := range map[string]string{
		"/a": "0 /a/*", "/a/x": "0 /a/*", "/a/b": "1 /a/b/*", "/a/b/x": "1 /a/b/*", "/a/b/c": "4 /a/b/c", "/a/b/d": "3 /a/b/d", "/b": "",
	} {
		if got, found := table.Find([]byte(path)); got != want || found != (want != "") {
			t.Errorf("%s: got %q, %v; want %q", path, got, found, want)
		}
	}
}
