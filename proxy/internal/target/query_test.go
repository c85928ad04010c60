package target

import (
	"testing"
)

func TestFirstParameterOfANameGivesItsValue(t *testing.T) {
	rows := []struct {
		name, query, want string
		found             bool
	}{
		{"alone", "?from_appid=wx1", "wx1", true},
		{"among others", "?a&from_appid=wx1&from_appid=wx2", "wx1", true},
		{"encoded", "?From%5fappid=w%78+1", "wx 1", true},
		{"without a value", "?from_appid", "", true},
		{"absent", "?a=from_appid", "", false},
		{"no query", "", "", false},
		{"with a value that cannot be decoded", "?from_appid=%zz", "", true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, found := QueryValue([]byte(row.query), "from_appid")
			if got != row.want || found != row.found {
				t.Errorf("got %q, %v; want %q, %v", got, found, row.want, row.found)
			}
		})
	}
}
