package logged

import (
	"slices"
	"strings"
	"testing"
)

func noSecret([]byte) bool { return false }

func TestOnlyNamesThatLookLikeNamesAreLogged(t *testing.T) {
	long := strings.Repeat("x", maxName)
	for query, want := range map[string][]string{
		"":                                     {},
		"?":                                    {},
		"?&&":                                  {},
		"?a=b":                                 {"a"},
		"?grant_type=x&&openid=":               {"grant_type", "openid"},
		"?" + long + "=y&" + long + "x=y":      {long, "?"},
		"?5f4dcc3b5aa765d61d8327deb882cf99=":   {"?"},
		"?c2VjcmV0LXZhbHVl==":                  {"?"},
		"?flag&=value&a%62=c&a\"b=c&a=b=c&A=b": {"?", "?", "?", "?", "a", "?"},
		"?" + strings.Repeat("a=b&", 33):       append(slices.Repeat([]string{"a"}, maxNames), "..."),
		"?" + strings.Repeat("a=b&", 32) + "&": slices.Repeat([]string{"a"}, maxNames),
	} {
		if got := Names([]byte(query), noSecret); !slices.Equal(got, want) || got == nil {
			t.Errorf("%s: got %q; want %q", query, got, want)
		}
	}
}

// Whatever a query is, what is logged of it are few short names of small letters.
func FuzzParameterNames(f *testing.F) {
	for _, query := range []string{"?a=b&c", "?&&=&a%62=c", "?" + strings.Repeat("x=&", 40), "?\xff\x00=\r\n&=?", "x"} {
		f.Add([]byte(query))
	}
	f.Fuzz(func(t *testing.T, query []byte) {
		names := Names(query, noSecret)
		if len(names) > maxNames+1 {
			t.Errorf("got %d names", len(names))
		}
		for _, name := range names {
			if name != "?" && name != "..." && (len(name) > maxName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "") {
				t.Errorf("got %q", name)
			}
		}
	})
}
