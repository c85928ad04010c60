package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// closed is an API that answers 40001 whatever the token, because it is not open
// to the account.
const closed = "/cgi-bin/menu/get"

func TestHammeringAnAPIThatIsNotOpenDisturbsNobody(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t)
			w.Inject(wechattest.Fault{Path: closed, Errcode: 40001})
			p := serving(t, w.URL, fourLines+"token_api = \""+api+"\"\n")
			p.awaitReady()
			until := time.Now().Add(2 * time.Second)
			var hammers sync.WaitGroup
			var requests atomic.Int64
			for range 4 {
				hammers.Go(func() {
					for time.Now().Before(until) {
						a, err := p.ask("GET", p.proxy+closed, "")
						if err != nil || a.code != http.StatusOK || !strings.Contains(a.body, "40001") {
							t.Errorf("got %d %s, %v; want WeChat's refusal", a.code, a.body, err)
						}
						requests.Add(1)
					}
				})
			}
			for time.Now().Before(until) {
				p.mustSucceed()
			}
			hammers.Wait()
			f := w.Fetches(appID)
			if f.Stable > 2 || f.Classic > 1 || f.Forced > 0 {
				t.Errorf("%d refusals cost %+v; want one call of stable_token at most, and no new token", requests.Load(), f)
			}
			if probes := w.Calls("/cgi-bin/get_api_domain_ip"); probes > 2 {
				t.Errorf("got %d probes; want one look", probes)
			}
			if sent := int64(w.Calls(closed)); sent > requests.Load()+8 {
				t.Errorf("%d requests were sent %d times; want once each, but for the first", requests.Load(), sent)
			}
			lines := p.logged("WeChat refuses a token here that it honours elsewhere: this API may not be open to the account")
			if len(lines) == 0 || len(lines) > 4 || lines[0]["path"] != closed || lines[0]["account"] != "shop" {
				t.Errorf("got %v in the log; want a line with the path", lines)
			}
			if s := p.mustAsk("GET", p.admin+"/status", "").body; !strings.Contains(s, `"state": "fresh"`) || strings.Contains(s, `"rejections": 0`) {
				t.Errorf("got %s; want a fresh token and its rejections", s)
			}
			p.stop()
		})
	}
}

func TestFlappingIsNotSeen(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Inject(wechattest.Fault{Path: "/cgi-bin/user/info", Flap: true})
	p := serving(t, w.URL, fourLines)
	for range 50 {
		p.mustSucceed()
	}
	if f := w.Fetches(appID); f.Stable > 2 || f.Forced > 0 {
		t.Errorf("got %+v; want no new token", f)
	}
	p.stop()
}

// storeWithOldToken has the program fetch the tokens of the accounts in toml, and
// returns the setting of the store that has them, as if that had been a minute ago:
// whoever starts with it believes that they are dead, as they are not young.
func storeWithOldToken(t *testing.T, w weChat, toml string) (setting string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tokens")
	setting = "WXPROXY_STORE=file:" + dir
	p := serving(t, w.URL, toml, setting)
	p.awaitReady()
	p.stop()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got the files %v, %v; want those of the tokens", files, err)
	}
	for _, path := range files {
		age(t, path)
	}
	return setting
}

// age makes the token in a file a minute older.
func age(t *testing.T, path string) {
	t.Helper()
	var stored map[string]any
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, &stored)
	}
	expires, _ := stored["expires_at"].(string)
	at, parsed := time.Parse(time.RFC3339, expires)
	if err := cmp.Or(err, parsed); err != nil {
		t.Fatal(err)
	}
	stored["expires_at"] = at.Add(-time.Minute).Format(time.RFC3339)
	if content, err = json.Marshal(stored); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(content))
}

func TestADeadTokenThatWeChatRepeatsIsReplacedByForceOnceIn30s(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	store := storeWithOldToken(t, w, fourLines)
	p := serving(t, w.URL, fourLines, store)
	p.awaitReady()
	w.Kill(appID)
	p.mustSucceed()
	if f := w.Fetches(appID); f.Forced != 1 {
		t.Errorf("got %+v; want one forced refresh", f)
	}
	p.eventually("a line about it", func() bool {
		return len(p.logged("WeChat repeated a dead token; a forced refresh replaced it")) == 1
	})
	p.stop()

	p = serving(t, w.URL, fourLines, store) // which remembers
	p.awaitReady()
	w.Kill(appID)
	for range 3 {
		if a := p.call("GET", userInfo, ""); a.code != http.StatusOK || !strings.Contains(a.body, "40001") {
			t.Errorf("dead again within 30 s: got %d %s; want WeChat's refusal", a.code, a.body)
		}
	}
	if f := w.Fetches(appID); f.Forced != 1 {
		t.Errorf("got %+v; want no forced refresh more", f)
	}
	status := p.mustAsk("GET", p.admin+"/status", "").body
	for _, want := range []string{`"state": "gone"`, "issued or asked for less than 30 s ago", "fetches or resets this account's token", "等待半分钟"} {
		if !strings.Contains(status, want) {
			t.Errorf("got %s; want %q in it", status, want)
		}
	}
	if a := p.mustAsk("GET", p.admin+"/readyz", ""); a.code != http.StatusServiceUnavailable {
		t.Errorf("/readyz: got %d; want 503", a.code)
	}
	p.stop()
}

func TestANewSecretIsFoundInItsFile(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	file := filepath.Join(t.TempDir(), "secret")
	writeFile(t, file, "not-the-secret\n")
	p := serving(t, w.URL, "[[account]]\nname = \"shop\"\napp_id = \""+appID+"\"\nsecret_file = \""+file+"\"\n")
	p.eventually("a refusal", func() bool { return len(p.logged("token not refreshed")) == 1 })
	p.call("GET", userInfo, "").mustBe(t, http.StatusServiceUnavailable, "token_unavailable")
	writeFile(t, file, appSecret+"\n")
	began := time.Now()
	p.awaitReady()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v; want it found within 5 s", took)
	}
	p.mustSucceed()
	p.stop()
}

func TestCallersMakeTheTokenComeBackSoonAfterAnOutage(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	end := w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Status: http.StatusBadGateway})
	p := serving(t, w.URL, fourLines)
	for range 40 {
		p.call("GET", userInfo, "").mustBe(t, http.StatusServiceUnavailable, "token_unavailable")
		time.Sleep(100 * time.Millisecond)
	}
	if got := w.Calls("/cgi-bin/stable_token"); got > 5 {
		t.Errorf("got %d token calls in 4 s; want a few", got)
	}
	end()
	began := time.Now()
	p.eventually("success", func() bool { return p.call("GET", userInfo, "").code == http.StatusOK })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v; want 5 s at most", took)
	}
	p.stop()
}

func wantReady(t *testing.T, p *program, want int) {
	t.Helper()
	if a := p.mustAsk("GET", p.admin+"/readyz", ""); a.code != want {
		t.Errorf("/readyz: got %d %s; want %d", a.code, a.body, want)
	}
}

func TestAnAccountIsWellAgainWhenAStormIsOver(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines, storeWithOldToken(t, w, fourLines))
	p.awaitReady()
	var ends []func()
	for path, errcode := range map[string]int{"/cgi-bin/user/info": 40001, "/cgi-bin/get_api_domain_ip": 40001, "/cgi-bin/stable_token": 45009} {
		ends = append(ends, w.Inject(wechattest.Fault{Path: path, Errcode: errcode}))
	}
	p.call("GET", userInfo, "").mustBe(t, http.StatusServiceUnavailable, "token_unavailable")
	wantReady(t, p, http.StatusServiceUnavailable)
	for _, want := range []string{`"state": "gone"`, `"expires_in": 0`} {
		if s := p.mustAsk("GET", p.admin+"/status", "").body; !strings.Contains(s, want) {
			t.Errorf("in the storm: got %s; want %s", s, want)
		}
	}
	for _, end := range ends {
		end()
	}
	p.mustSucceed()
	wantReady(t, p, http.StatusOK)
	for _, want := range []string{`"state": "fresh"`, `"last_error": null`, `"expires_in": 71`} {
		if s := p.mustAsk("GET", p.admin+"/status", "").body; !strings.Contains(s, want) {
			t.Errorf("after the storm: got %s; want %s", s, want)
		}
	}
	if lines := p.logged("WeChat honours the token again"); len(lines) != 1 {
		t.Errorf("got %d lines about it; want one", len(lines))
	}
	p.stop()
}

func TestLoginsThatFailAreSeenThoughTheTokenIsFresh(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	for _, errcode := range []int{40125, 40164, 40243} {
		end := w.Inject(wechattest.Fault{Path: login, Errcode: errcode})
		for range 3 {
			if a := p.call("GET", login+"?js_code=c", ""); !strings.Contains(a.body, fmt.Sprint(errcode)) {
				t.Errorf("got %s; want WeChat's answer", a.body)
			}
		}
		status := p.mustAsk("GET", p.admin+"/status", "").body
		for _, want := range []string{`"state": "fresh"`, fmt.Sprintf(`"errcode": %d`, errcode), `"remedy": "`} {
			if !strings.Contains(status, want) {
				t.Errorf("got %s; want %s", status, want)
			}
		}
		wantReady(t, p, http.StatusOK)
		if page := p.mustAsk("GET", p.admin+"/", "").body; !strings.Contains(page, "failing fair") || !strings.Contains(page, fmt.Sprint(errcode)) {
			t.Errorf("got a page without %d", errcode)
		}
		end()
		if lines := p.logged("WeChat refuses the AppSecret in requests of callers; logins fail while the token goes on"); len(lines) == 0 {
			t.Errorf("got no line about %d", errcode)
		}
	}
	if lines := p.logged("WeChat refuses the AppSecret in requests of callers; logins fail while the token goes on"); len(lines) != 3 {
		t.Errorf("got %d lines; want one for each errcode", len(lines))
	}
	if a := p.call("GET", login+"?js_code=c", ""); !strings.Contains(a.body, "openid") {
		t.Fatalf("got %s; want a login", a.body)
	}
	if s := p.mustAsk("GET", p.admin+"/status", "").body; !strings.Contains(s, `"last_error": null`) {
		t.Errorf("after a login: got %s; want no error", s)
	}
	p.stop()
}
