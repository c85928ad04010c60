package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
)

func TestARestartFetchesNoTokenThatIsStillGood(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t)
			dir := filepath.Join(t.TempDir(), "tokens")
			for run := range 3 {
				p := serving(t, w.URL, fourLines+"token_api = \""+api+"\"\n", "WXPROXY_STORE=file:"+dir)
				p.mustSucceed()
				p.stop()
				if f := w.Fetches(appID); f.Stable+f.Classic != 1 {
					t.Errorf("after start %d: got %+v; want one fetch", run+1, f)
				}
			}
			info, err := os.Stat(filepath.Join(dir, appID+".json"))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the token's file: got %v, %v; want mode 0600", info, err)
			}
		})
	}
}

func TestADamagedTokenFileIsReportedAndReplaced(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"empty":              "",
		"cut off":            `{"app_id":"` + appID + `","access_token":"wechattest_cana`,
		"not JSON":           "\x00\xff\xfe wechattest_canary",
		"another type":       `["wechattest_canary"]`,
		"of another account": `{"app_id":"wxfedcba9876543210","access_token":"wechattest_canary","expires_at":"2999-01-01T00:00:00Z"}`,
		"a token no URL has": `{"app_id":"` + appID + `","access_token":"wechattest_canary\r\nHost: evil","expires_at":"2999-01-01T00:00:00Z"}`,
		"without expiry":     `{"app_id":"` + appID + `","access_token":"wechattest_canary"}`,
		"very long":          strings.Repeat("wechattest_canary", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t)
			dir := t.TempDir()
			path := filepath.Join(dir, appID+".json")
			writeFile(t, path, damage)

			p := serving(t, w.URL, fourLines, "WXPROXY_STORE=file:"+dir)
			if got := p.mustSucceed().header.Get("Wxproxy-Attempts"); got != "1" {
				t.Errorf("got %q attempts; want 1", got)
			}
			p.stop()
			if lines := p.logged("stored token ignored"); len(lines) != 1 || !strings.Contains(lines[0]["err"].(string), path) {
				t.Errorf("got the log lines %v; want one that names %s", lines, path)
			}
			if strings.Contains(p.stderr.String(), wechattest.TokenPrefix) {
				t.Error("got a token in the log")
			}
			var stored struct {
				AccessToken string `json:"access_token"`
			}
			content, err := os.ReadFile(path)
			if err != nil || json.Unmarshal(content, &stored) != nil || stored.AccessToken != w.Tokens(appID)[0] {
				t.Errorf("got %q, %v in the file; want the new token", content, err)
			}
		})
	}
}

func TestAWrittenTokenThatWeChatNoLongerHonoursIsReplaced(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	store := "WXPROXY_STORE=file:" + t.TempDir()
	p := serving(t, w.URL, fourLines, store)
	p.awaitReady()
	p.stop()
	w.Revoke(appID)

	p = serving(t, w.URL, fourLines, store)
	if got := p.mustSucceed().header.Get("Wxproxy-Attempts"); got != "2" {
		t.Errorf("got %q attempts; want 2", got)
	}
	if f := w.Fetches(appID); f.Stable != 2 {
		t.Errorf("got %+v; want two fetches", f)
	}
	p.stop()
}

func TestAProxyWithoutWeChatServesAndRecoversByItself(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Close()
	p := serving(t, w.URL, fourLines)
	p.eventually("an attempt to fetch a token", func() bool { return len(p.logged("token not refreshed")) > 0 })

	if a := p.mustAsk("GET", p.admin+"/healthz", ""); a.code != http.StatusOK {
		t.Errorf("/healthz: got %d; want 200", a.code)
	}
	a := p.mustAsk("GET", p.admin+"/readyz", "")
	var ready struct {
		Ready   bool `json:"ready"`
		Without []struct {
			Name      string `json:"name"`
			LastError struct {
				Errmsg string `json:"errmsg"`
				Remedy string `json:"remedy"`
			} `json:"last_error"`
		} `json:"without_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &ready); err != nil || a.code != http.StatusServiceUnavailable || ready.Ready || len(ready.Without) != 1 {
		t.Fatalf("/readyz: got %d %s; want 503 and the account without a token", a.code, a.body)
	}
	if why := ready.Without[0]; why.Name != "shop" || !strings.Contains(why.LastError.Errmsg, "refused") || !strings.Contains(why.LastError.Remedy, "upstream.url") {
		t.Errorf("/readyz: got %+v; want shop, that the connection is refused, and what to do", why)
	}

	a = p.call("GET", userInfo, "")
	a.mustBe(t, http.StatusServiceUnavailable, "token_unavailable")
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
		t.Errorf("got Retry-After %q; want seconds", a.header.Get("Retry-After"))
	}
	if !strings.Contains(a.body, "account shop") || !strings.Contains(a.body, "check upstream.url") {
		t.Errorf("got %s; want the account and what to do", a.body)
	}

	if err := w.Restart(); err != nil {
		t.Fatal(err)
	}
	p.awaitReady()
	p.mustSucceed()
	p.stop()
}

func TestAValidTokenIsServedWhileTheTokenAPIIsAway(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Status: http.StatusBadGateway})
	w.Inject(wechattest.Fault{Path: "/cgi-bin/user/info", Errcode: 42001, Times: 1})

	if a := p.call("GET", userInfo, ""); a.code != http.StatusOK || a.header.Get("Wxproxy-Attempts") != "2" || strings.Contains(a.body, "42001") {
		t.Errorf("a rejection of a good token: got %d %s; want success at the second attempt", a.code, a.body)
	}
	p.awaitReady()
	status := func() string { return p.mustAsk("GET", p.admin+"/status", "").body }
	if got := status(); !strings.Contains(got, `"state": "due"`) || !strings.Contains(got, "502") {
		t.Errorf("before WeChat has accepted a call: got %s; want the state due and the reason", got)
	}
	p.eventually("a token that WeChat accepts to be fresh again: nothing else had the token API asked", func() bool {
		p.mustSucceed()
		got := status()
		return strings.Contains(got, `"state": "fresh"`) && !strings.Contains(got, "502")
	})
	p.stop()
}

// A token that dies as soon as it was issued is not replaced for half a minute. That is
// said everywhere, and its calls are not doubled.
func TestATokenThatDiesAtOnceIsSaidToBeGone(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	w.Inject(wechattest.Fault{Path: "/cgi-bin/user/info", Errcode: 40001})
	w.Inject(wechattest.Fault{Path: "/cgi-bin/get_api_domain_ip", Errcode: 40001})
	for range 5 {
		a := p.call("GET", userInfo, "")
		if a.header.Get("Wxproxy-Attempts") != "1" || !strings.Contains(a.body, "40001") {
			t.Errorf("got %s attempts and %s; want one, and WeChat's refusal", a.header.Get("Wxproxy-Attempts"), a.body)
		}
	}
	if a := p.mustAsk("GET", p.admin+"/readyz", ""); a.code != http.StatusServiceUnavailable || !strings.Contains(a.body, "half a minute") {
		t.Errorf("/readyz: got %d %s; want 503 and what to do", a.code, a.body)
	}
	if got := p.mustAsk("GET", p.admin+"/status", "").body; !strings.Contains(got, `"state": "gone"`) || !strings.Contains(got, "less than 30 s ago") {
		t.Errorf("/status: got %s; want the state gone, and why", got)
	}
	if f := w.Fetches(appID); f.Stable != 2 || f.Forced != 0 {
		t.Errorf("got %+v; want two fetches, and none by force", f)
	}
	p.stop()
}

// Operators who have mended the cause of a failed fetch reload, or refresh by hand.
// Both fetch at once, whatever the back-off.
func TestAReloadAndARefreshByHandEndABackOff(t *testing.T) {
	t.Parallel()
	for name, mended := range map[string]func(p *program){
		"a reload":  func(p *program) { p.mustReload(fourLines) },
		"a refresh": func(p *program) { p.mustAsk("POST", p.admin+"/accounts/shop/refresh", "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
			w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Errcode: 40164, Times: 1})
			p := serving(t, w.URL, fourLines)
			p.eventually("a fetch that fails", func() bool { return len(p.logged("token not refreshed")) > 0 })
			mended(p)
			p.awaitReady() // the back-off is a minute
			p.mustSucceed()
			p.stop()
		})
	}
}
