package e2e

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
)

func TestFourLinesAreEnoughToCallWithoutAToken(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)

	a := p.call("POST", send, `{"touser":"OPENID"}`)
	if a.code != http.StatusOK || a.body != `{"errcode":0,"errmsg":"ok"}` {
		t.Errorf("got %d %s; want 200 and ok", a.code, a.body)
	}
	if account, attempts := a.header.Get("Wxproxy-Account"), a.header.Get("Wxproxy-Attempts"); account != "shop" || attempts != "1" {
		t.Errorf("got account %q, attempts %q; want shop, 1", account, attempts)
	}
	if got := w.Sent(); len(got) != 1 || string(got[0].Body) != `{"touser":"OPENID"}` || got[0].AppID != appID {
		t.Errorf("got the effects %+v; want the one message", got)
	}
	for _, prefix := range []string{"/@shop", "/@" + appID} {
		if a := p.call("GET", prefix+userInfo, ""); a.code != http.StatusOK || !strings.Contains(a.body, "OPENID") {
			t.Errorf("%s: got %d %s; want the user", prefix, a.code, a.body)
		}
	}
	p.call("GET", "/@nobody"+userInfo, "").mustBe(t, http.StatusNotFound, "unknown_account")
	p.stop()
	if p.stdout.String() != "" {
		t.Errorf("got on stdout: %s", p.stdout.String())
	}
}

func TestTheEnvironmentAloneIsEnough(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	secretFile := filepath.Join(t.TempDir(), "secret")
	writeFile(t, secretFile, appSecret+" \r\n")

	for name, secret := range map[string]string{
		"the secret itself": "WXPROXY_SECRET=" + appSecret,
		"a file":            "WXPROXY_SECRET_FILE=" + secretFile,
	} {
		t.Run(name, func(t *testing.T) {
			p := serving(t, w.URL, "", "WXPROXY_APP_ID="+appID, secret)
			if got := p.mustSucceed().header.Get("Wxproxy-Account"); got != "default" {
				t.Errorf("got account %q; want default", got)
			}
			p.stop()
		})
	}
}

func TestTheConfigurationIsFoundByFlagThenVariable(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	dir := t.TempDir()
	byFlag, byVariable := filepath.Join(dir, "flag.toml"), filepath.Join(dir, "variable.toml")
	writeFile(t, byFlag, fourLines)
	writeFile(t, byVariable, strings.ReplaceAll(fourLines, "shop", "other"))
	env := []string{
		"WXPROXY_CONFIG=" + byVariable, "WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=", "WXPROXY_UPSTREAM_URL=" + w.URL,
	}
	for account, args := range map[string][]string{
		"shop":  {"serve", "-config", byFlag},
		"other": nil,
	} {
		p := start(t, launch{args: args, env: env})
		p.awaitServing()
		if p.admin != "http://" {
			t.Errorf("got an admin listener on %s; want none", p.admin)
		}
		if got := p.mustSucceed().header.Get("Wxproxy-Account"); got != account {
			t.Errorf("%v: got account %q; want %q", args, got, account)
		}
		p.stop()
	}
}

func TestVariablesOverrideTheFile(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	tokens := t.TempDir()
	p := serving(t, w.URL, `
[proxy]
listen = "127.0.0.1:1"
[admin]
listen = "127.0.0.1:2"
key    = "another-key-of-the-file"
[upstream]
url           = "http://127.0.0.1:3"
fallback_urls = ["http://127.0.0.1:4"]
[token]
store = "memory:"
[log]
level = "error"
`+fourLines,
		"WXPROXY_STORE=file:"+tokens, "WXPROXY_LOG_LEVEL=debug", "WXPROXY_ADMIN_LISTEN=0.0.0.0:0", "WXPROXY_ADMIN_KEY=key-of-the-environment")
	p.admin = "http://127.0.0.1:" + p.admin[strings.LastIndex(p.admin, ":")+1:]

	p.mustSucceed()
	if a := p.mustAsk("GET", p.admin+"/status", ""); a.code != http.StatusUnauthorized {
		t.Errorf("status without a key: got %d; want 401", a.code)
	}
	if a := p.mustAsk("GET", p.admin+"/status", "", "Authorization: Bearer another-key-of-the-file"); a.code != http.StatusUnauthorized {
		t.Errorf("status with the file's key: got %d; want 401", a.code)
	}
	a := p.mustAsk("GET", p.admin+"/status", "", "Authorization: Bearer key-of-the-environment")
	if a.code != http.StatusOK || !strings.Contains(a.body, w.URL) || strings.Contains(a.body, `"http://127.0.0.1:4"`) {
		t.Errorf("status with the key: got %d %s; want 200 and one upstream", a.code, a.body)
	}
	p.awaitReady() // for which nobody needs the key
	p.stop()
	if _, err := os.Stat(filepath.Join(tokens, appID+".json")); err != nil {
		t.Errorf("the store: %v", err)
	}
}

func TestTheAdminListenerSaysWhatTheSpecificationSays(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	p.mustSucceed()
	w.Revoke(appID)
	if got := p.mustSucceed().header.Get("Wxproxy-Attempts"); got != "2" {
		t.Errorf("after a revocation: got %q attempts; want 2", got)
	}
	for path, want := range map[string]string{"/healthz": `{"status":"ok"}`, "/readyz": `{"ready":true}`} {
		a := p.mustAsk("GET", p.admin+path, "")
		if got := strings.Join(strings.Fields(a.body), ""); a.code != http.StatusOK || got != want {
			t.Errorf("%s: got %d %s; want 200 %s", path, a.code, got, want)
		}
	}
	a := p.mustAsk("GET", p.admin+"/status", "")
	var status map[string]any
	if err := json.Unmarshal([]byte(a.body), &status); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	mustHaveKeys(t, status, "version", "uptime", "accounts", "upstream", "store", "requests_in_flight",
		"failures", "clients", "config") // the last three are docs/behaviour.md's
	account := status["accounts"].([]any)[0].(map[string]any)
	mustHaveKeys(t, account, "name", "app_id", "state", "expires_in", "refreshed_at", "next_refresh",
		"token_fetches_today", "rejections", "last_error")
	for key, want := range map[string]any{
		"name": "shop", "app_id": appID, "state": "fresh", "token_fetches_today": 2.0, "rejections": 1.0, "last_error": nil,
	} {
		if account[key] != want {
			t.Errorf("%s: got %v; want %v", key, account[key], want)
		}
	}
	if life := account["expires_in"].(float64); life < 7000 || life > 7200 {
		t.Errorf("got expires_in %v; want nearly 7200", life)
	}
	upstream := status["upstream"].([]any)[0].(map[string]any)
	if upstream["url"] != w.URL || upstream["state"] != "up" {
		t.Errorf("got upstream %v; want %s, up", upstream, w.URL)
	}
	p.stop()
}

// mustHaveKeys fails the test unless the object has exactly these keys.
func mustHaveKeys(t *testing.T, object map[string]any, want ...string) {
	t.Helper()
	got := slices.Sorted(maps.Keys(object))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got the keys %v; want %v", got, want)
	}
}

func TestUnixSocketsAreServed(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	dir := t.TempDir()
	socket, adminSocket := filepath.Join(dir, "wxproxy.sock"), filepath.Join(dir, "admin.sock")
	env := []string{"WXPROXY_LISTEN=unix:" + socket, "WXPROXY_ADMIN_LISTEN=unix:" + adminSocket}
	leaveSocket(t, socket)

	p := serving(t, w.URL, fourLines, env...)
	for _, path := range []string{socket, adminSocket} {
		if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o660 {
			t.Errorf("%s: got mode %v, %v; want Srw-rw----", path, info.Mode(), err)
		}
	}
	p.onSocket(socket)
	p.proxy = "http://localhost"
	p.mustSucceed()

	second := start(t, launch{dir: p.cmd.Dir, env: p.cmd.Env})
	second.mustEnd(exitFailure)
	if got := second.stderr.String(); !strings.Contains(got, "unix:"+socket) || !strings.Contains(got, "another process") {
		t.Errorf("got %q; want words about the other process", got)
	}
	p.mustSucceed()
	if healthy := start(t, launch{args: []string{"health"}, dir: p.cmd.Dir, env: p.cmd.Env}); healthy.wait() != exitOK {
		t.Errorf("health over the socket: got exit code %d; want 0", healthy.wait())
	}
	p.stop()
	if _, err := os.Stat(socket); err == nil {
		t.Errorf("the socket is still there after the end")
	}
}

// leaveSocket leaves a socket at path that nobody listens on, as a process does
// that was killed.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
}

func TestAFileAtTheSocketsPathIsNotRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "precious")
	writeFile(t, path, "precious")
	p := runs(t, exitFailure, launch{env: []string{
		"WXPROXY_APP_ID=" + appID, "WXPROXY_SECRET=" + appSecret, "WXPROXY_LISTEN=unix:" + path, "WXPROXY_ADMIN_LISTEN=127.0.0.1:0",
	}})
	if got, err := os.ReadFile(path); err != nil || string(got) != "precious" {
		t.Errorf("got %q, %v; want the file as it was", got, err)
	}
	if !strings.Contains(p.stderr.String(), path) {
		t.Errorf("got %q; want the path in it", p.stderr.String())
	}
}

func TestClientsNeedTheirKeyAndGetTheirRights(t *testing.T) {
	t.Parallel()
	const blogID = "wxfedcba9876543210"
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret}, wechattest.App{ID: blogID, Secret: appSecret})
	w.Record()
	p := serving(t, w.URL, fourLines+`
[[account]]
name   = "blog"
app_id = "`+blogID+`"
secret = "`+appSecret+`"

[[client]]
name     = "orders"
key      = "key-of-the-orders-program"
accounts = ["shop"]
allow    = ["/cgi-bin/message/*", "/cgi-bin/user/*"]
deny     = ["/cgi-bin/user/get"]

[[client]]
name = "office"
key  = "key-of-the-office"

[[route]]
path       = "/cgi-bin/menu/*"
credential = "deny"
`)
	const orders, office = "Authorization: Bearer key-of-the-orders-program", "Authorization: Bearer key-of-the-office"

	p.call("GET", userInfo, "").mustBe(t, http.StatusUnauthorized, "unauthenticated")
	p.call("GET", userInfo, "", "Authorization: Bearer wrong").mustBe(t, http.StatusUnauthorized, "unauthenticated")
	p.call("GET", userInfo, "", "Authorization: Basic key-of-the-office").mustBe(t, http.StatusUnauthorized, "unauthenticated")
	p.call("GET", "/@blog"+userInfo, "", orders).mustBe(t, http.StatusForbidden, "forbidden_account")
	p.call("GET", userInfo, "", orders, "Wxproxy-Account: "+blogID).mustBe(t, http.StatusForbidden, "forbidden_account")
	p.call("GET", "/cgi-bin/user/get", "", orders).mustBe(t, http.StatusForbidden, "forbidden_path")
	p.call("GET", "/cgi-bin/menu/get", "", orders).mustBe(t, http.StatusForbidden, "forbidden_path")
	p.call("GET", "/cgi-bin/menu/get", "", office).mustBe(t, http.StatusNotFound, "unknown_account")
	p.call("GET", "/@blog/cgi-bin/menu/get", "", office).mustBe(t, http.StatusForbidden, "no_credential")
	if n := w.Calls("/cgi-bin/user/*") + w.Calls("/cgi-bin/menu/*"); n != 0 {
		t.Errorf("got %d refused requests at WeChat; want none", n)
	}

	if got := p.mustSucceed(orders).header.Get("Wxproxy-Account"); got != "shop" {
		t.Errorf("the client's only account: got %q; want shop", got)
	}
	if got := p.mustSucceed(office, "Wxproxy-Account: blog").header.Get("Wxproxy-Account"); got != "blog" {
		t.Errorf("the account that the header names: got %q; want blog", got)
	}
	for _, r := range w.Requests() {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Wxproxy-Account") != "" {
			t.Errorf("%s: the headers addressed to the proxy reached WeChat", r.Target)
		}
	}
	p.stop()
}

func TestAHostThatRefusesIsReplacedByTheNext(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	refused := "http://" + refusing(t)
	p := serving(t, "", `
[upstream]
url             = "`+refused+`"
fallback_urls   = ["`+w.URL+`"]
connect_timeout = "1s"
`+fourLines)
	p.awaitReady()
	if a := p.call("POST", send, `{}`); a.code != http.StatusOK || a.header.Get("Wxproxy-Attempts") != "1" {
		t.Errorf("got %d %s; want the answer of the second host", a.code, a.body)
	}
	if n := len(w.Sent()); n != 1 {
		t.Errorf("got %d messages; want 1", n)
	}
	status := p.mustAsk("GET", p.admin+"/status", "").body
	if !strings.Contains(strings.Join(strings.Fields(status), ""), `{"url":"`+refused+`","state":"down","since":"`) || !strings.Contains(status, "connection refused") {
		t.Errorf("got %s; want the first host down, and why", status)
	}
	p.stop()
}

func TestWeChatsCertificateMustBeTrusted(t *testing.T) {
	t.Parallel()
	simulated := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	server, err := simulated.StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, ca, string(server.CA))

	p := serving(t, server.URL, "[upstream]\nca_file = \""+ca+"\"\n"+fourLines)
	p.awaitReady()
	p.mustSucceed()
	p.stop()

	p = serving(t, server.URL, fourLines)
	p.eventually("a failure", func() bool { return len(p.logged("token not refreshed")) > 0 })
	a := p.call("GET", userInfo, "")
	a.mustBe(t, http.StatusServiceUnavailable, "token_unavailable")
	if !strings.Contains(a.body, "upstream.ca_file") {
		t.Errorf("got %s; want what to do about the certificate", a.body)
	}
	p.call("GET", "/sns/jscode2session?js_code=x", "").mustBe(t, http.StatusBadGateway, "upstream_unreachable")
	if n := simulated.Calls("*"); n != 2 {
		t.Errorf("got %d requests at WeChat; want the 2 that trusted it", n)
	}
	p.stop()
}

func TestTheLogIsTextForThoseWhoAskForIt(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := start(t, launch{env: []string{
		"WXPROXY_CONFIG=" + textLog(t), "WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + w.URL,
	}})
	p.eventually("a line of text", func() bool { return strings.Contains(p.stderr.String(), `msg="token refreshed" account=shop`) })
	if got := p.stderr.String(); !strings.Contains(got, "level=WARN msg=configuration warning=") || !strings.Contains(got, "chmod o-r") {
		t.Errorf("got %s; want the warning about the file's mode", got)
	}
	p.stop()
}

// textLog returns a configuration with a log of text, that everyone can read.
func textLog(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text.toml")
	writeFile(t, path, "[log]\nformat = \"text\"\n"+fourLines)
	chmod(t, path, 0o644)
	return path
}
