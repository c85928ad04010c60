package config

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestAMistakeSaysTheValue(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "nowhere", "shop-secret")
	account := "\n[[account]]\nname = \"shop\"\napp_id = \"wx0123456789abcdef\"\nsecret = \"" + canary + "\"\n"
	client := "\n[[client]]\nname = \"orders\"\nkey = \"orders-" + canary + "\"\n"
	for _, row := range []struct{ file, want string }{
		{account + strings.Replace(account, "wx0123", "wx9999", 1), `account[2].name: is taken by account[1] already; each needs its own (it is "shop")`},
		{account + strings.Replace(account, `"shop"`, `"club"`, 1), `account[2].app_id: is taken by account[1] already; each needs its own (it is "wx0123456789abcdef")`},
		{account + client + strings.Replace(client, canary, "2-"+canary, 1), `client[2].name: is taken by client[1] already; each needs its own (it is "orders")`},
		{account + client + "accounts = [\"shop\", \"shoe\"]", "client[1].accounts[2]: there is no account `shoe`"},
		{account + "[[route]]\npath = \"/wxa/a\"\ncredential = \"none\"\n[[route]]\npath = \"/WXA/a/\"\ncredential = \"none\"\n", `route[2].path: is taken by route[1] already; each needs its own (it is "/WXA/a/")`},
		{strings.Replace(account, "secret = \""+canary, "secret_file = \""+missing, 1), `account[1].secret_file: reading the file: no such file or directory (it is "` + missing + `")`},
		{account + strings.Replace(client, "key = \"orders-"+canary, "key_file = \"./keys/orders", 1), `client[1].key_file: reading the file: no such file or directory (it is "./keys/orders")`},
		{"[upstream]\nca_file = \"roots.pem\"" + account, `upstream.ca_file: cannot be read: no such file or directory (it is "roots.pem")`},
		{"[proxy]\nlisten = \"0.0.0.0:8080\"" + account, `if the network is all yours (it is "0.0.0.0:8080")`},
		{"[proxy]\nlisten = \"localhost:99999\"" + account, `proxy.listen: has no valid port; write a number from 1 to 65535 after the colon (it is "localhost:99999")`},
		{"[admin]\nlisten = \"127.0.0.1:8080\"" + account, `admin.listen: is the address of proxy.listen, too; take another port (it is "127.0.0.1:8080")`},
		{"[proxy]\nidle_timeout = \"75 s\"" + account, `(it is "75 s")`},
		{"[upstream]\ntimeout = 30" + account, `upstream.timeout: has no unit; write 30 seconds as "30s" (it is 30)`},
		{"[token]\nrefresh_before = \"2h\"" + account, `token.refresh_before: must be between "10s" and "1h" (it is "2h")`},
		{"[proxy]\nmax_body = \"16 MB\"" + account, `(it is "16 MB")`},
		{"[proxy]\nmax_connections = 0" + account, `proxy.max_connections: must be between 1 and 2147483647 (it is 0)`},
		{"[log]\nlevel = \"loud\"" + account, `(it is "loud")`},
		{"[upstream]\nurl = \"https://wechat.example/api\"" + account, `(it is "https://wechat.example/api")`},
		{"[upstream]\nfallback_urls = [\"https://a.example\", \"wechat.example\"]" + account, `upstream.fallback_urls[2]: has to begin with https:// or http://; write scheme and host only, as "https://api.weixin.qq.com" (it is "wechat.example")`},
		{"[token]\nretry_errcodes = [40001, 0]" + account, `(it is 0)`},
		{account + client + "allow = [\"/a\", \"/b/*/c\"]", `client[1].allow[2]: has a "*" that is not at its end (it is "/b/*/c")`},
		{account + client + "rate = \"fast\"", `(it is "fast")`},
	} {
		path := write(t, "config.toml", row.file)
		_, err := Load(path, lookup())
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s\ngot %v; want one mistake: %s", row.file, err, row.want)
		}
	}
	_, err := Load(write(t, "config.toml", "[proxy]\ntls_cert = \""+missing+".crt\"\ntls_key = \""+missing+".key\""+account), lookup())
	for _, want := range []string{"tls_cert: cannot be read: no such file or directory (it is \"" + missing + ".crt\")", "tls_key: cannot be read: no such file or directory (it is \"" + missing + ".key\")"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
	}
	_, err = Load(write(t, "config.toml", account), lookup("WXPROXY_LISTEN", "nowhere"))
	if err == nil || !strings.Contains(err.Error(), `environment: WXPROXY_LISTEN: is not an address; `) || !strings.HasSuffix(err.Error(), `(it is "nowhere")`) {
		t.Errorf("got %v; want the variable's value", err)
	}
}

// A secret in the place of another setting is the likeliest mistake of all.
func TestAValueThatCouldBeASecretIsNeverSaid(t *testing.T) {
	random := func(n int) []byte {
		b := make([]byte, n)
		_, _ = rand.Read(b)
		return b
	}
	shapes := map[string]func() string{
		"an AppSecret":   func() string { return hex.EncodeToString(random(16)) },
		"a hash":         func() string { return hex.EncodeToString(random(32)) },
		"a client's key": func() string { return base64.RawURLEncoding.EncodeToString(random(32)) },
		"a key without digits": func() string {
			digits := strings.NewReplacer("0", "q", "1", "Q", "2", "r", "3", "R", "4", "s", "5", "S", "6", "t", "7", "T", "8", "u", "9", "U")
			return digits.Replace(base64.RawURLEncoding.EncodeToString(random(32)))
		},
		"an encryption key":         func() string { return base64.StdEncoding.EncodeToString(random(32)) },
		"a URL of Redis":            func() string { return "redis://:" + hex.EncodeToString(random(6)) + "@redis:6379/0" },
		"a URL with a password":     func() string { return "https://me:" + hex.EncodeToString(random(4)) + "@wechat.example" },
		"a URL with a token":        func() string { return "https://wechat.example/?token=" + hex.EncodeToString(random(4)) },
		"a file named by a secret":  func() string { return "/run/" + hex.EncodeToString(random(16)) },
		"a key in a line":           func() string { return "key = " + base64.RawURLEncoding.EncodeToString(random(32)) },
		"a text in several lines":   func() string { return "first\n" + hex.EncodeToString(random(4)) },
		"an AppSecret in a pattern": func() string { return hex.EncodeToString(random(16)) + "/*" },
	}
	keys := map[string][]string{}
	for _, name := range []string{"proxy", "admin", "upstream", "token", "log", "account", "platform", "client", "route"} {
		keys[name] = documented{table: name}.readAlone(nil).known
	}
	for shape, secret := range shapes {
		t.Run(shape, func(t *testing.T) {
			for range 2 {
				for name, known := range keys {
					for _, key := range known {
						value := secret()
						for _, setting := range []any{value, []any{value}, []any{"/a", value}} {
							mustHide(t, name, key, setting, value)
						}
					}
				}
			}
		})
	}
}

// mustHide loads a document with one odd setting and fails the test if a mistake or
// a remark shows the secret in it, or a good part of it.
func mustHide(t *testing.T, name, key string, setting any, secret string) {
	t.Helper()
	values := map[string]any{key: setting}
	document := map[string]any{name: values}
	switch name {
	case "account", "platform", "client", "route":
		document[name] = []map[string]any{values}
	}
	l := newLoader("config.toml", lookup())
	cfg, err := l.load(document)
	said := fmt.Sprint(err)
	if cfg != nil {
		said = strings.Join(cfg.Warnings(), "\n")
	}
	if part := secret[len(secret)/2:]; strings.Contains(said, secret) || len(part) > 10 && strings.Contains(said, part) {
		t.Errorf("%s.%s = %q: %s shows it", name, key, setting, said)
	}
}
