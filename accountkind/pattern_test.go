package accountkind

import "testing"

func TestAPatternMatchesAPathHoweverItIsSpelled(t *testing.T) {
	for _, row := range []struct {
		pattern, path string
		want          bool
	}{
		{"/cgi-bin/token", "/cgi-bin/token", true},
		{"/cgi-bin/token", "/CGI-bin/Token/", true},
		{"/CGI-bin/Token/", "/cgi-bin/token", true},
		{"/cgi-bin/token", "/cgi-bin/tokens", false},
		{"/cgi-bin/t*", "/cgi-bin/token", true},
		{"/cgi-bin/*", "/cgi-bin", true},
		{"/cgi-bin/*", "/cgi-bin/message/*", true},
		{"/cgi-bin/*", "/cgi-binx", false},
		{"/cgi-bin/message/*", "/cgi-bin/*", false},
		{"/*", "/", true},
		{"/", "/x", false},
	} {
		pattern, path := Normal(row.pattern), Normal(row.path)
		if got := Matches(pattern, path); got != row.want {
			t.Errorf("%s, %s: got %v; want %v", row.pattern, row.path, got, row.want)
		}
		if got := Matches(pattern, []byte(path)); got != row.want {
			t.Errorf("%s, the bytes of %s: got %v; want %v", row.pattern, row.path, got, row.want)
		}
	}
}

func TestMatchingAllocatesNothing(t *testing.T) {
	path := []byte("/cgi-bin/message/custom/send")
	if allocs := testing.AllocsPerRun(100, func() {
		Matches("/cgi-bin/message/custom/send", path)
		Matches("/cgi-bin/message/*", path)
	}); allocs != 0 {
		t.Errorf("got %v allocations; want none", allocs)
	}
}
