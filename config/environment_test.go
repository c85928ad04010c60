package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestTheEnvironmentAloneIsEnough(t *testing.T) {
	for _, row := range []struct {
		name string
		env  []string
	}{
		{"with the secret in a variable", []string{"WXPROXY_SECRET", canary}},
		{"with the secret in a file", []string{"WXPROXY_SECRET_FILE", write(t, "secret", canary+"\n")}},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg, err := Load("", lookup(append(row.env, "WXPROXY_APP_ID", "wx0123456789abcdef")...))
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Accounts) != 1 {
				t.Fatalf("got %d accounts; want 1", len(cfg.Accounts))
			}
			a := cfg.Accounts[0]
			if a.Name != "default" || a.AppID != "wx0123456789abcdef" || a.Secret.Reveal() != canary || !a.Default {
				t.Errorf("got account %+v", a)
			}
			if again, err := a.Source.Read(); err != nil || again.Reveal() != canary {
				t.Errorf("reading the secret again: got %q, %v", again.Reveal(), err)
			}
			want := Default()
			want.Accounts, want.files = cfg.Accounts, cfg.files
			if !reflect.DeepEqual(*cfg, want) {
				t.Errorf("got  %+v\nwant %+v", *cfg, want)
			}
		})
	}
}

func TestMistakesInTheEnvironmentNameTheVariable(t *testing.T) {
	const account = "WXPROXY_APP_ID=wx1 WXPROXY_SECRET=" + canary + " "
	for _, row := range []struct {
		name, env string
		want      []string
	}{
		{"nothing at all", "", []string{"there is no account: set WXPROXY_APP_ID and WXPROXY_SECRET (or WXPROXY_SECRET_FILE), or write a file and give it with -config; or try `wxproxy demo`"}},
		{"no secret", "WXPROXY_APP_ID=wx1", []string{"WXPROXY_SECRET: missing; set it to the AppSecret, or WXPROXY_SECRET_FILE"}},
		{"an empty secret", "WXPROXY_APP_ID=wx1 WXPROXY_SECRET=", []string{"WXPROXY_SECRET: missing"}},
		{"no AppID", "WXPROXY_SECRET=" + canary, []string{"WXPROXY_APP_ID: missing; write the AppID"}},
		{"a bad AppID", "WXPROXY_APP_ID=../wx WXPROXY_SECRET=" + canary, []string{"WXPROXY_APP_ID: must be 1 to 64"}},
		{"two secrets", account + "WXPROXY_SECRET_FILE=/run/x", []string{"WXPROXY_SECRET: WXPROXY_SECRET_FILE is set, too; keep one of them"}},
		{"no such secret file", "WXPROXY_APP_ID=wx1 WXPROXY_SECRET_FILE=/nowhere", []string{"WXPROXY_SECRET_FILE: reading the file: no such file"}},
		{"listen", account + "WXPROXY_LISTEN=8080", []string{"WXPROXY_LISTEN: is not an address"}},
		{"listen beyond loopback", account + "WXPROXY_LISTEN=:8080", []string{"WXPROXY_LISTEN: would let every machine"}},
		{"admin beyond loopback", account + "WXPROXY_ADMIN_LISTEN=:8081", []string{"WXPROXY_ADMIN_LISTEN: is reachable beyond loopback and needs a key"}},
		{"the rest", account + "WXPROXY_STORE=disk WXPROXY_UPSTREAM_URL=x WXPROXY_LOG_LEVEL=loud",
			[]string{"WXPROXY_STORE: is not a store", "WXPROXY_UPSTREAM_URL: has to begin with", "WXPROXY_LOG_LEVEL: is not known"}},
		{"a store without a host", account + "WXPROXY_STORE=redis://u:" + canary + "@", []string{"WXPROXY_STORE: is not a URL of Redis"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Load("", lookup(pairs(row.env)...))
			mustReport(t, err, "environment", row.want)
		})
	}
}

// pairs splits "A=1 B=2" into what lookup takes.
func pairs(env string) []string {
	var split []string
	for pair := range strings.FieldsSeq(env) {
		name, value, _ := strings.Cut(pair, "=")
		split = append(split, name, value)
	}
	return split
}

func TestVariablesReplaceTheFile(t *testing.T) {
	const file = `
[proxy]
listen = "nonsense, but replaced"
[admin]
listen = "127.0.0.1:9"
key_file = "/nowhere"
[token]
store = "nonsense, but replaced"
[log]
level = "warn"
` + good
	cfg := mustLoad(t, file, pairs("WXPROXY_LISTEN=127.0.0.1:7000 WXPROXY_ADMIN_LISTEN=:7001 WXPROXY_ADMIN_KEY=admin-"+canary+
		" WXPROXY_STORE=file:data WXPROXY_UPSTREAM_URL=https://wechat.example WXPROXY_LOG_LEVEL=error")...)
	for _, row := range []struct{ name, got, want string }{
		{"listen", cfg.Proxy.Listen, "127.0.0.1:7000"},
		{"admin listen", cfg.Admin.Listen, ":7001"},
		{"admin key", cfg.Admin.Key.Reveal(), "admin-" + canary},
		{"store", cfg.Token.Store.Reveal(), "file:data"},
		{"upstream url", cfg.Upstream.URL, "https://wechat.example"},
		{"log level", cfg.Log.Level.String(), "ERROR"},
		{"account", cfg.Accounts[0].Name, "shop"},
	} {
		if row.got != row.want {
			t.Errorf("%s: got %q; want %q", row.name, row.got, row.want)
		}
	}
}

func TestAnEmptyVariableTurnsOffTheAdminListenerAlone(t *testing.T) {
	cfg := mustLoad(t, good, "WXPROXY_LISTEN", "", "WXPROXY_ADMIN_LISTEN", "", "WXPROXY_STORE", "", "WXPROXY_LOG_LEVEL", "")
	if cfg.Admin.Listen != "" {
		t.Errorf("admin: got %q; want it off", cfg.Admin.Listen)
	}
	if cfg.Proxy.Listen != Default().Proxy.Listen || cfg.Token.Store.Reveal() != "memory:" {
		t.Errorf("got %q and %q; want the defaults", cfg.Proxy.Listen, cfg.Token.Store.Reveal())
	}
}

func TestAVariableDoesNotHideAWrongTable(t *testing.T) {
	path := write(t, "config.toml", "proxy = 1\n"+good)
	_, err := Load(path, lookup("WXPROXY_LISTEN", "127.0.0.1:7000"))
	mustReport(t, err, path, []string{"proxy: is a number; write it once, as [proxy]"})
}
