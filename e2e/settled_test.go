package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// atOnce starts a proxy with the configuration, of which the environment overrides
// nothing, and waits until it is ready.
func atOnce(t *testing.T, toml string) *program {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), toml)
	p := start(t, launch{dir: dir})
	p.awaitServing()
	p.awaitReady()
	return p
}

// sections are a configuration by its tables, so that one can be changed.
type sections struct{ proxy, admin, token, log, rest string }

func (s sections) toml(upstream string) string {
	return fmt.Sprintf("[proxy]\n%s\n[admin]\n%s\n[upstream]\nurl = %q\n[token]\n%s\n[log]\n%s\n%s", s.proxy, s.admin, upstream, s.token, s.log, s.rest)
}

// A setting that a reload cannot change goes on as it was, and the answer names it.
func TestWhatWaitsForTheNextStartGoesOnAsItWas(t *testing.T) {
	t.Parallel()
	const anywhere = "listen = \"127.0.0.1:0\"\n"
	a := newAuthority(t)
	a.leaf("server")
	a.leaf("orders")
	https := anywhere + fmt.Sprintf("tls_cert = %q\ntls_key = %q\n", a.path("server.pem"), a.path("server.key"))
	mutual := https + fmt.Sprintf("tls_client_ca = %q\n", a.path("ca.pem"))
	plain := sections{proxy: anywhere, admin: anywhere, rest: fourLines}
	with := func(change func(*sections)) sections {
		s := plain
		change(&s)
		return s
	}
	proxy := func(line string) sections { return with(func(s *sections) { s.proxy = line }) }
	token := func(line string) sections { return with(func(s *sections) { s.token = line }) }
	tokens := t.TempDir()
	for _, row := range []struct {
		name          string
		before, after sections
		late          string // the setting that waits
		certificate   string // of callers over HTTPS
	}{
		{"HTTPS goes", proxy(https), plain, "proxy.tls_cert", ""},
		{"HTTPS and certificates of callers go", proxy(mutual), plain, "proxy.tls_cert", "orders"},
		{"HTTPS comes", plain, proxy(https), "proxy.tls_cert", ""},
		{"HTTPS with certificates of callers comes", plain, proxy(mutual), "proxy.tls_cert", ""},
		{"another address", plain, proxy("listen = \"127.0.0.1:1\"\n"), "proxy.listen", ""},
		{"a socket", plain, proxy("listen = \"unix:" + t.TempDir() + "/s\"\n"), "proxy.listen", ""},
		{"nothing, for it is a mistake", plain, proxy(anywhere + "max_body = 1\n"), "", ""},
		{"a smaller body", plain, proxy(anywhere + "max_body = \"1B\"\n"), "proxy.max_body", ""},
		{"fewer connections", plain, proxy(anywhere + "max_connections = 1\n"), "proxy.max_connections", ""},
		{"a shorter rest", plain, proxy(anywhere + "idle_timeout = \"1ms\"\n"), "proxy.idle_timeout", ""},
		{"fasthttp's connections", plain, proxy(anywhere + "plain_io = true\n"), "proxy.plain_io", ""},
		{"no admin listener", plain, with(func(s *sections) { s.admin = "listen = \"\"\n" }), "admin.listen", ""},
		{"another admin listener", plain, with(func(s *sections) { s.admin = "listen = \"127.0.0.1:2\"\n" }), "admin.listen", ""},
		{"another store", plain, token("store = \"file:" + tokens + "\"\n"), "token.store", ""},
		{"a store that is away", plain, token("store = \"redis://127.0.0.1:1\"\n"), "token.store", ""},
		{"another prefix", plain, token("key_prefix = \"other\"\n"), "token.key_prefix", ""},
		{"another format of the log", plain, with(func(s *sections) { s.log = "format = \"text\"\n" }), "log.format", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t)
			p := atOnce(t, row.before.toml(w.URL))
			if strings.Contains(row.before.proxy, "tls_cert") {
				p.proxy, p.client = strings.Replace(p.proxy, "http://", "https://", 1), a.client(row.certificate)
			}
			p.mustSucceed()
			token := p.call("GET", "/cgi-bin/token?grant_type=client_credential&appid="+appID, "")
			p.rewrite(row.after.toml(w.URL))
			said := p.mustAsk("POST", p.admin+"/reload", "")
			var answer struct {
				Late []string `json:"at_next_start"`
			}
			json.Unmarshal([]byte(said.body), &answer)
			if row.late == "" {
				if said.code != http.StatusUnprocessableEntity {
					t.Errorf("got %d %s; want a mistake", said.code, said.body)
				}
			} else if said.code != http.StatusOK || !slices.Equal(answer.Late, []string{row.late}) {
				t.Errorf("got %d %s; want that %s waits", said.code, said.body, row.late)
			}
			for range 2 {
				p.mustSucceed()
				p.client.CloseIdleConnections() // and over a new connection
			}
			if a := p.call("POST", send, `{"touser":"o"}`); a.code != http.StatusOK {
				t.Errorf("got %d %s; want a body taken as before", a.code, a.body)
			}
			if again := p.call("GET", "/cgi-bin/token?grant_type=client_credential&appid="+appID, ""); len(again.body) != len(token.body) {
				t.Errorf("got %s; want a token as before, %s", again.body, token.body)
			}
			if a := p.mustAsk("GET", p.admin+"/readyz", ""); a.code != http.StatusOK {
				t.Errorf("/readyz: got %d; want 200", a.code)
			}
			p.eventually("a line in the log's format", func() bool { return row.late == "" || len(p.logged("configuration reloaded")) > 0 })
			p.stop()
		})
	}
}
