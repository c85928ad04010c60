package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/internal/wechattest/platformtest"
)

// platformNamed is a configuration of the platform of most tests under a name.
func platformNamed(name, more string) string {
	return strings.Replace(platformLines, `name = "saas"`, `name = "`+name+`"`, 1) + more
}

// mustAnswerCheck has WeChat check a platform before it is published, and fails the test
// unless the user of that gets this.
func mustAnswerCheck(t *testing.T, saas *platformtest.Platform, want string) {
	t.Helper()
	c := saas.Messages(platformtest.TestAccounts()[0])
	if d := c.Push(t.Context(), c.Text("OPENID", "TESTCOMPONENT_MSG_TYPE_TEXT")); d.Fault != "" || !strings.Contains(string(d.Reply), want) || (want == "") != (len(d.Reply) == 0) {
		t.Errorf("WeChat's check: got %q, %s; want %q", d.Reply, d.Fault, want)
	}
}

// What a reload changes of a platform counts at once, and nothing else ends with it.
func TestAPlatformObeysTheSettingsOfAReload(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	store := "[token]\nstore = \"file:" + t.TempDir() + "\"\n"
	p := startPlatform(t, w, saas, store)
	_, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	p.awaitMerchant()

	const checked = "TESTCOMPONENT_MSG_TYPE_TEXT_callback"
	mustAnswerCheck(t, saas, checked)
	p.mustReload(platformNamed("saas", "publish_check = false\n") + store)
	mustAnswerCheck(t, saas, "")
	p.mustReload(platformNamed("saas", "publish_check = true\n") + store)
	mustAnswerCheck(t, saas, checked)

	const askForToken = "/cgi-bin/component/api_authorizer_token"
	body := fmt.Sprintf(`{"component_appid":%q,"authorizer_appid":%q,"authorizer_refresh_token":"x"}`, componentID, merchantID)
	p.mustReload("[proxy]\ntoken_endpoint = \"real\"\n" + platformLines + store)
	if a := p.call("GET", "/cgi-bin/token?grant_type=client_credential&appid="+merchantID, ""); a.code != 200 || !strings.Contains(a.body, saas.Tokens(merchantID)[0]) {
		t.Errorf("token_endpoint real: got %d %s; want WeChat's own token", a.code, a.body)
	}
	p.mustReload("[proxy]\ntoken_endpoint = \"deny\"\n" + platformLines + store)
	p.call("POST", askForToken, body).mustBe(t, 403, "no_credential")
	p.mustReload(platformLines + store)
	if a := p.call("POST", askForToken, body); a.code != 200 || strings.Contains(a.body, saas.Tokens(merchantID)[0]) {
		t.Errorf("token_endpoint virtual: got %d %s; want a virtual token", a.code, a.body)
	}

	fetched := saas.Counts()
	p.mustReload(platformLines + store + "refresh_before = \"59m50s\"\n")
	p.mustServe("GET", "/@"+merchantID+userInfo, "")
	if c := saas.Counts(); c.Refreshes != fetched.Refreshes {
		t.Errorf("got %+v after %+v; want no refresh before it is due", c, fetched)
	}

	const newKey = "BBCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefG"
	saas.Change(func(s *platformtest.Settings) { s.Token, s.AESKey = "another-push-token", newKey })
	if d := saas.Cancel(t.Context(), "wx2222222222222222"); d.Fault == "" {
		t.Error("got success for an event that nobody can prove yet")
	}
	keys := strings.NewReplacer(pushToken, "another-push-token", pushAESKey, newKey)
	p.mustReload(keys.Replace(platformLines) + store)
	mustDeliver(t, saas.PushTicket(t.Context()))

	saas.Change(func(s *platformtest.Settings) { s.Secret = strings.Repeat("d", 32) })
	saas.RevokeTokens(componentID)
	info := fmt.Sprintf(`{"component_appid":%q,"authorizer_appid":%q}`, componentID, merchantID)
	p.call("POST", "/cgi-bin/component/api_get_authorizer_info", info)
	p.mustReload(strings.NewReplacer(componentSecret, strings.Repeat("d", 32)).Replace(keys.Replace(platformLines)) + store)
	p.eventually("the new AppSecret is used", func() bool {
		return strings.Contains(p.call("POST", "/cgi-bin/component/api_get_authorizer_info", info).body, merchantID)
	})
	p.stop()
}

// A renamed platform is the same one: it keeps its token and its accounts, and only what it
// is called is another word.
func TestARenamedPlatformGoesOn(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	store := "[token]\nstore = \"file:" + t.TempDir() + "\"\n"
	p := startPlatform(t, w, saas, store)
	_, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	p.awaitMerchant()

	p.mustReload(platformNamed("mall", store))
	p.mustServe("GET", "/@"+merchantID+userInfo, "")
	p.mustServe("GET", "/@mall:"+merchantID+userInfo, "")
	p.call("GET", "/@saas:"+merchantID+userInfo, "").mustBe(t, 404, "unknown_account")
	if d := saas.PushTicket(t.Context()); d.Fault == "" || d.Tries[0].Status != 404 {
		t.Errorf("a push to the old name: got %+v; want 404", d)
	}
	saas.Change(func(s *platformtest.Settings) {
		s.EventURL, s.MessageURL = p.push+"/push/mall", p.push+"/push/mall/$APPID$"
	})
	mustDeliver(t, saas.PushTicket(t.Context()))
	const cafe = "wx2222222222222222"
	_, d = saas.Authorize(t.Context(), cafe)
	mustDeliver(t, d)
	p.eventually("an account of the renamed platform can be called", func() bool { return p.call("GET", "/@"+cafe+userInfo, "").code == 200 })
	if a := p.mustAsk("GET", p.admin+"/status", ""); !strings.Contains(a.body, `"mall"`) || strings.Contains(a.body, `"saas"`) {
		t.Errorf("got %s; want the new name alone", a.body)
	}
	if c := saas.Counts(); c.ComponentTokens != 1 || c.QueryAuths != 2 || c.RefusedQueryAuths != 0 {
		t.Errorf("got %+v; want one platform", c)
	}
	p.stop()
}

// Another upstream.url is where a platform asks from then on, too, for its own token and for
// those of its accounts.
func TestAPlatformAsksTheUpstreamOfAReload(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	elsewhere := serveWeChat(t, w.WeChat)
	toml := func(url string) string { return fmt.Sprintf("[upstream]\nurl = %q\n", url) + platformLines }
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), toml(w.URL))
	p := start(t, launch{dir: dir, env: []string{"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_PUSH_LISTEN=127.0.0.1:0"}})
	p.awaitServing()
	saas.Change(func(s *platformtest.Settings) {
		s.EventURL, s.Token, s.AESKey, s.Transport = p.push+"/push/saas", pushToken, pushAESKey, p.client.Transport
	})
	mustDeliver(t, saas.PushTicket(t.Context()))
	_, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	p.awaitMerchant()

	p.mustReload(toml(elsewhere.URL))
	w.Close()
	saas.RevokeTokens(componentID)
	p.mustServe("POST", "/@saas/cgi-bin/component/api_create_preauthcode", fmt.Sprintf(`{"component_appid":%q}`, componentID))
	const cafe = "wx2222222222222222"
	_, d = saas.Authorize(t.Context(), cafe)
	mustDeliver(t, d)
	p.eventually("a code is redeemed there", func() bool { return p.call("GET", "/@"+cafe+userInfo, "").code == 200 })
	p.stop()
}

// merchantOf returns the app id of a merchant of many.
func merchantOf(n int) string { return fmt.Sprintf("wx%016x", n+1) }

// Whatever reloads do to platforms, no event is lost or acted upon twice, callers get answers,
// and nothing of what was replaced goes on.
func TestAStormOfReloadsLosesNoEventOfAPlatform(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	program := handle(t, replying)
	rest := fmt.Sprintf("[token]\nstore = \"file:%s\"\n[[forward]]\nurl = %q\nmatch = [\"info:*\"]\nasync = true\n", t.TempDir(), program.URL)
	p := startPlatform(t, w, saas, rest)
	second := strings.NewReplacer(`"saas"`, `"second"`, componentID, "wxbbbbbbbbbbbbbbbb").Replace(platformLines)
	configurations := []struct{ name, toml string }{
		{"mall", platformNamed("mall", rest)},
		{"saas", platformLines + second + rest},
		{"", strings.Replace(fourLines+rest, `match = ["info:*"]`, "", 1)},
		{"second", platformNamed("second", "publish_check = false\n") + fourLines + rest},
		{"", second + rest},
		{"saas", "[proxy]\ntoken_endpoint = \"real\"\n" + platformLines + rest + "[upstream]\ntimeout = \"29s\"\n"},
	}
	goroutines, _ := p.scrape().value("go_goroutines")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var under sync.WaitGroup
	var granted atomic.Int64
	under.Go(func() { // merchants authorize all the time, and WeChat pushes until somebody takes it
		for ctx.Err() == nil {
			e := saas.Grant(merchantOf(int(granted.Load()))).Event
			for saas.Push(context.WithoutCancel(ctx), e).Fault != "" {
				time.Sleep(5 * time.Millisecond)
			}
			granted.Add(1)
		}
	})
	for n := range 2 {
		under.Go(func() {
			for i := n; ctx.Err() == nil; i++ {
				a, err := p.ask("GET", p.proxy+"/@"+merchantOf(i%(int(granted.Load())+1))+userInfo, "")
				if strings.Contains(a.body, "not redeemed yet") {
					continue
				}
				if err != nil || a.code != 200 && a.code != 404 || a.code == 200 && !strings.Contains(a.body, "openid") {
					t.Errorf("a caller got %d %s, %v; want WeChat's answer, or that the account is unknown", a.code, a.body, err)
					return
				}
			}
		})
	}
	for i := range 30 {
		c := configurations[i%len(configurations)]
		p.mustReload(c.toml)
		if c.name != "" {
			saas.Change(func(s *platformtest.Settings) { s.EventURL = p.push + "/push/" + c.name })
		} else if granted.Load() > 0 {
			p.eventually("accounts of a removed platform are unknown", func() bool { return p.call("GET", "/@"+merchantOf(0)+userInfo, "").code == 404 })
		}
		time.Sleep(time.Duration(i%7) * 30 * time.Millisecond)
	}
	p.mustReload(platformLines + rest)
	saas.Change(func(s *platformtest.Settings) { s.EventURL = p.push + "/push/saas" })
	cancel()
	under.Wait()

	all := int(granted.Load())
	for n := range all {
		p.eventually("each merchant can be called", func() bool { return p.call("GET", "/@"+merchantOf(n)+userInfo, "").code == 200 })
	}
	if c := saas.Counts(); c.QueryAuths != all || c.RefusedQueryAuths != 0 {
		t.Errorf("got %+v of %d merchants; want each code redeemed once", c, all)
	}
	forwarded := func() int { // those for a platform that has another name now wait for that
		times := map[string]int{}
		for _, body := range program.got() {
			times[body]++
		}
		return len(times)
	}
	p.eventually("each event is forwarded, or waits for a platform of the name that it came to", func() bool {
		waiting, _ := p.scrape().value("wxproxy_push_inbox")
		return forwarded()+int(waiting) == all
	})
	p.eventually("nothing of what was replaced goes on", func() bool {
		now, _ := p.scrape().value("go_goroutines")
		return now < goroutines+20
	})
	p.stop()
}
