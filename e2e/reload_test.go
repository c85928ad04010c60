package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// rewrite replaces the configuration of p, which has not read it yet.
func (p *program) rewrite(toml string) {
	p.t.Helper()
	temporary := filepath.Join(p.cmd.Dir, "new.toml")
	writeFile(p.t, temporary, toml)
	if err := os.Rename(temporary, filepath.Join(p.cmd.Dir, "config.toml")); err != nil {
		p.t.Fatal(err)
	}
}

// mustReload replaces the configuration, has p read it and returns what p says.
func (p *program) mustReload(toml string) answer {
	p.t.Helper()
	p.rewrite(toml)
	a := p.mustAsk("POST", p.admin+"/reload", "")
	if a.code != http.StatusOK {
		p.t.Fatalf("got %d %s; want a reload", a.code, a.body)
	}
	return a
}

func account(name, id string, more ...string) string {
	return fmt.Sprintf("[[account]]\nname = %q\napp_id = %q\nsecret = %q\n%s\n", name, id, appSecret, strings.Join(more, "\n"))
}

const otherID = "wxfedcba9876543210"

func startTwoApps(t *testing.T) weChat {
	return startWeChat(t, wechattest.App{ID: appID, Secret: appSecret}, wechattest.App{ID: otherID, Secret: appSecret})
}

func TestAReloadChangesAccountsClientsAndRoutes(t *testing.T) {
	t.Parallel()
	w := startTwoApps(t)
	p := serving(t, w.URL, account("shop", appID))
	p.awaitReady()
	p.call("GET", "/@club"+userInfo, "").mustBe(t, 404, "unknown_account")

	p.mustReload(account("shop", appID, "default = true") + account("club", otherID))
	if a := p.call("GET", "/@club"+userInfo, ""); a.code != 200 || a.header.Get("Wxproxy-Account") != "club" {
		t.Errorf("an account more: got %d %s; want its answer", a.code, a.body)
	}
	p.mustSucceed()
	if f := w.Fetches(appID); f.Stable != 1 {
		t.Errorf("got %+v; want the account that has not changed to keep its token", f)
	}

	client := "[[client]]\nname = \"orders\"\nkey = \"a-key-of-some-length\"\n"
	p.mustReload(account("shop", appID) + client)
	p.call("GET", userInfo, "").mustBe(t, 401, "unauthenticated")
	p.mustSucceed("Authorization: Bearer a-key-of-some-length")
	p.call("GET", "/@club"+userInfo, "", "Authorization: Bearer a-key-of-some-length").mustBe(t, 404, "unknown_account")

	p.mustReload(account("shop", appID) + "[[route]]\npath = \"/cgi-bin/user/*\"\ncredential = \"deny\"\n")
	p.call("GET", userInfo, "").mustBe(t, 403, "no_credential")
	p.stop()
}

func TestAReloadKeepsTokensOverAnotherUpstreamAndSecret(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"memory:", "file:tokens"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t)
			toml := "[token]\nstore = \"" + store + "\"\n" + account("shop", appID)
			p := serving(t, w.URL, toml)
			p.awaitReady()
			p.mustReload("[upstream]\ntimeout = \"29s\"\n" + toml)
			p.mustSucceed()
			p.mustReload(strings.Replace(toml, appSecret, strings.Repeat("0", 32), 1))
			p.mustSucceed()
			if f := w.Fetches(appID); f.Stable != 1 {
				t.Errorf("got %+v; want one fetch", f)
			}
			p.stop()
		})
	}
}

func TestABadConfigurationIsRefusedWithAllItsMistakesAndTheOldOneGoesOn(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	const canary = "canary-5f4dcc3b5aa765d6"
	p.rewrite("[proxy]\ntls_cert = \"/nowhere/a.pem\"\ntls_key = \"/nowhere/a.key\"\nmax_body = 1\n" + strings.Replace(fourLines, "secret", "secert", 1) + "\n[[client]]\nname = \"" + canary + "\"\n")
	a := p.mustAsk("POST", p.admin+"/reload", "")
	var said struct{ Mistakes []string }
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || a.code != http.StatusUnprocessableEntity {
		t.Fatalf("got %d %s, %v; want 422 and the mistakes", a.code, a.body, err)
	}
	for _, want := range []string{"proxy.max_body", "proxy.tls_cert", "proxy.tls_key", "did you mean `secret`", "client"} {
		if !slices.ContainsFunc(said.Mistakes, func(m string) bool { return strings.Contains(m, want) }) {
			t.Errorf("got %q; want a mistake that says %s", said.Mistakes, want)
		}
	}
	if strings.Contains(a.body, appSecret) || strings.Contains(p.stderr.String(), appSecret) {
		t.Error("got the secret")
	}
	p.mustSucceed()

	p.signal(syscall.SIGHUP)
	p.eventually("the mistakes in the log", func() bool {
		return len(p.logged("configuration not reloaded; the one before goes on")) >= 2*len(said.Mistakes)
	})
	p.mustSucceed()
	p.rewrite(fourLines)
	p.signal(syscall.SIGHUP)
	p.eventually("a reload in the log", func() bool { return len(p.logged("configuration reloaded")) == 1 })
	p.stop()
}

func TestAReloadSaysWhatWaitsForTheNextStart(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	a := p.mustReload("[proxy]\nmax_body = \"1MiB\"\n[token]\nkey_prefix = \"other\"\n" + fourLines)
	if !strings.Contains(a.body, "proxy.max_body") || !strings.Contains(a.body, "token.key_prefix") || strings.Contains(a.body, "listen") {
		t.Errorf("got %s; want the settings that were changed in vain", a.body)
	}
	if again := p.mustAsk("POST", p.admin+"/reload", ""); again.body != a.body {
		t.Errorf("got %s; want the same again, as long as they wait", again.body)
	}
	p.stop()
}

// The listeners stay open until the next start, whatever the file says of them.
func TestAReloadOpensNoListenerToEverybody(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	const (
		key    = "key = \"a-key-of-some-length\"\n"
		client = "[[client]]\nname = \"orders\"\nkey = \"another-key-of-some-length\"\n"
		bearer = "Authorization: Bearer a-key-of-some-length"
	)
	listening := func(host string) string {
		return fmt.Sprintf("[proxy]\nlisten = \"%s:0\"\n[upstream]\nurl = %q\n[admin]\nlisten = \"%[1]s:0\"\n", host, w.URL)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), listening("0.0.0.0")+key+fourLines+client)
	p := start(t, launch{dir: dir})
	p.awaitServing()
	p.awaitReady()
	for _, row := range []struct{ name, toml, want string }{
		{"no clients any more", listening("127.0.0.1") + key + fourLines, "proxy.listen: "},
		{"no key of operators any more", listening("127.0.0.1") + fourLines + client, "admin.listen: "},
	} {
		p.rewrite(row.toml)
		if a := p.mustAsk("POST", p.admin+"/reload", "", bearer); a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, row.want) {
			t.Errorf("%s: got %d %s; want a mistake in %s", row.name, a.code, a.body, row.want)
		}
	}
	p.rewrite(listening("127.0.0.1") + key + fourLines + client)
	if a := p.mustAsk("POST", p.admin+"/reload", "", bearer); a.code != http.StatusOK {
		t.Errorf("got %d %s; want a reload, as both still ask for keys", a.code, a.body)
	}
	if a := p.mustAsk("GET", p.admin+"/status", ""); a.code != http.StatusUnauthorized {
		t.Errorf("got %d; want 401 as long as others can reach it", a.code)
	}
	p.call("GET", userInfo, "").mustBe(t, 401, "unauthenticated")
	p.stop()
}

func TestTheLogLevelAndTheAdminKeyChangeAtOnce(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	p.mustSucceed()
	if n := len(p.logged("request")); n != 0 {
		t.Errorf("got %d lines; want none", n)
	}
	p.mustReload("[admin]\nkey = \"a-key-of-some-length\"\n[log]\nlevel = \"debug\"\n" + fourLines)
	p.mustSucceed()
	p.eventually("a line of a request", func() bool { return len(p.logged("request")) == 1 })
	if a := p.mustAsk("POST", p.admin+"/reload", ""); a.code != http.StatusUnauthorized {
		t.Errorf("got %d; want 401 without the key", a.code)
	}
	if a := p.mustAsk("POST", p.admin+"/reload", "", "Authorization: Bearer a-key-of-some-length"); a.code != http.StatusOK {
		t.Errorf("got %d; want 200 with the key", a.code)
	}
	p.stop()
}

// hammer calls p from some callers until do has ended, and returns how many calls
// succeeded. A call that fails fails the test.
func (p *program) hammer(callers int, do func()) int64 {
	ctx, cancel := context.WithCancel(context.Background())
	var calling sync.WaitGroup
	var succeeded atomic.Int64
	for n := range callers {
		calling.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				body := fmt.Sprintf(`{"touser":"%d-%d"}`, n, i)
				a, err := p.ask("POST", p.proxy+send, body)
				if err != nil || a.code != http.StatusOK || !strings.Contains(a.body, `"errcode":0`) {
					p.t.Errorf("got %d %s, %v; want success", a.code, a.body, err)
					return
				}
				succeeded.Add(1)
			}
		})
	}
	do()
	cancel()
	calling.Wait()
	return succeeded.Load()
}

func TestAHundredReloadsUnderLoadFailNoRequest(t *testing.T) {
	t.Parallel()
	w := startTwoApps(t)
	tomls := []string{
		fourLines,
		"[upstream]\ntimeout = \"29s\"\n" + fourLines,
		account("shop", appID, "default = true") + account("club", otherID),
		"[log]\nlevel = \"warn\"\n" + fourLines + "[[route]]\npath = \"/wxa/x\"\ncredential = \"deny\"\n",
		"secert = 1\n" + fourLines,
	}
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	n := p.hammer(8, func() {
		for i := range 100 {
			p.rewrite(tomls[i%len(tomls)])
			p.mustAsk("POST", p.admin+"/reload", "")
		}
	})
	mustBeDistinct(t, w.Sent(), int(n))
	if f := w.Fetches(appID); f.Stable != 1 {
		t.Errorf("got %+v; want one fetch", f)
	}
	p.stop()
}

func TestARequestUnderWayEndsWithTheConfigurationThatItBeganWith(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Inject(wechattest.Fault{Path: send, Delay: 2 * time.Second})
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	done := make(chan answer, 1)
	go func() { done <- p.call("POST", send, "{}") }()
	p.eventually("the request at WeChat's", func() bool { return w.Calls(send) == 1 })
	p.mustReload("[upstream]\ntimeout = \"28s\"\n" + fourLines + "[[route]]\npath = \"" + send + "\"\ncredential = \"deny\"\n")
	p.call("POST", send, "{}").mustBe(t, 403, "no_credential")
	if a := <-done; a.code != http.StatusOK || a.body != `{"errcode":0,"errmsg":"ok"}` {
		t.Errorf("got %d %s; want the answer", a.code, a.body)
	}
	p.stop()
}

// A client's key is changed in three steps, and no program is refused on the way. The
// old key and its tokens end with the last step.
func TestAReloadChangesAClientsKey(t *testing.T) {
	t.Parallel()
	w := startTwoApps(t)
	const first, second = "orders-key-first-0123456789", "orders-key-second-0123456789"
	with := func(keys ...string) string {
		return account("shop", appID) + "[[client]]\nname = \"orders\"\n" + strings.Join(keys, "\n") + "\n"
	}
	p := serving(t, w.URL, with("key = \""+first+"\""))
	p.awaitReady()
	token := p.fetchToken("", first)
	call := func(step, token string, headers ...string) answer {
		return p.call("GET", userInfo+"&access_token="+token+"&step="+step, "", headers...)
	}
	p.mustReload(with("key = \""+second+"\"", "key_old = \""+first+"\""))
	for _, key := range []string{first, second} {
		if got := call("both", p.fetchToken("", key)); got.code != http.StatusOK || strings.Contains(got.body, "errcode") {
			t.Errorf("a token for either key: got %d %s", got.code, got.body)
		}
	}
	if got := call("old", token); got.code != http.StatusOK || strings.Contains(got.body, "errcode") {
		t.Errorf("a token from before: got %d %s", got.code, got.body)
	}
	p.mustReload(with("key = \"" + second + "\""))
	if got := call("gone", token); !strings.Contains(got.body, `"errcode":40001`) {
		t.Errorf("a token from before, whose key is taken away: got %d %s; want 40001", got.code, got.body)
	}
	p.call("GET", userInfo, "", "Authorization: Bearer "+first).mustBe(t, http.StatusUnauthorized, "unauthenticated")
	p.call("GET", "/"+first, "", "Authorization: Bearer "+second)
	p.stop()
	if strings.Contains(p.stderr.String(), first) {
		t.Error("the log shows a key that was taken away")
	}
}
