package words

import (
	"strings"
	"testing"
)

func TestNearestFindsWhatWasMeant(t *testing.T) {
	account := []string{"name", "app_id", "secret", "secret_env", "secret_file", "token_api", "default"}
	proxy := []string{"listen", "allow_anonymous", "max_body", "max_connections", "idle_timeout"}
	for _, row := range []struct {
		misspelt string
		known    []string
		want     string
	}{
		{"app_secert", account, "secret"},
		{"app_secret", account, "secret"},
		{"appsecret", account, "secret"},
		{"AppSecret", account, "secret"},
		{"secert", account, "secret"},
		{"Secret-File", account, "secret_file"},
		{"appid", account, "app_id"},
		{"APP_ID", account, "app_id"},
		{"anme", account, "name"},
		{"defautl", account, "default"},
		{"corpsecret", account, "secret"},
		{"EncodingAESKey", []string{"push_aes_key", "push_aes_key_old"}, "push_aes_key"},
		{"agentid", []string{"corp_id", "agent_id"}, "agent_id"},
		{"addr", proxy, "listen"},
		{"idletimeout", proxy, "idle_timeout"},
		{"max_conections", proxy, "max_connections"},
		{"colour", account, ""},
		{"x", account, ""},
		{"", account, ""},
		{"小店", account, ""},
		{strings.Repeat("secret", 1000), account, ""},
		{"secret", nil, ""},
	} {
		if got := Nearest(row.misspelt, row.known); got != row.want {
			t.Errorf("%.20q: got %q; want %q", row.misspelt, got, row.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "abc", 0}, {"abc", "", 3}, {"", "abc", 3},
		{"abc", "acb", 1}, {"abc", "ab", 1}, {"abc", "xabc", 1}, {"abc", "axc", 1},
		{"secert", "secret", 1}, {"ca", "abc", 3}, {"kitten", "sitting", 3},
	} {
		if got := distance(row.a, row.b); got != row.want {
			t.Errorf("%q to %q: got %d; want %d", row.a, row.b, got, row.want)
		}
	}
}
