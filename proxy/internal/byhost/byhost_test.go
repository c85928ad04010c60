package byhost

import "testing"

func TestWhatAHostStandsFor(t *testing.T) {
	var table Table[string]
	table.Add([]string{"qyapi.example", "qyapi.example:443", "both.example"}, "b")
	table.Add([]string{"api.example", "Both.example", "api.example"}, "a")
	table.Add([]string{"both.example"}, "c")
	for _, row := range []struct{ uri, host, want string }{
		{"/x", "qyapi.example", "b"},
		{"/x", "QYAPI.example:443", "b"},
		{"/x", "qyapi.example:80", ""},
		{"/x", "api.example", "a"},
		{"/x", "other.example", ""},
		{"/x", "", ""},
		{"/x", "both.example", ""}, // which is the host of all, and so of none
		{"http://qyapi.example/x", "api.example", "b"},
		{"http://other.example/x", "api.example", ""},
		{"https://QYAPI.example?x", "api.example", "b"},
		{"*", "api.example", "a"},
		{"", "api.example", "a"},
	} {
		if got := table.Of([]byte(row.uri), []byte(row.host)); got != row.want {
			t.Errorf("%s at %s: got %q; want %q", row.uri, row.host, got, row.want)
		}
	}
}

func TestLookingUpAllocatesNothing(t *testing.T) {
	var table Table[string]
	table.Add([]string{"qyapi.example", "api.example"}, "b")
	uri, host := []byte("/x"), []byte("api.example")
	if n := testing.AllocsPerRun(100, func() { table.Of(uri, host) }); n != 0 {
		t.Errorf("got %v allocations; want none", n)
	}
}
