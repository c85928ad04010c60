package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest/wecomtest"
)

// A weCom is a WeCom that tests let time pass for.
type weCom struct{ *wecomtest.WeCom }

// awaitQuiet waits until nobody has asked for a token for a while: a question that is under
// way when the clock moves has no answer in time, and is put once more.
func (w weCom) awaitQuiet(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for last, since := w.Calls(""), time.Now(); time.Since(since) < 300*time.Millisecond; time.Sleep(5 * time.Millisecond) {
		if n := w.Calls(""); n != last {
			last, since = n, time.Now()
		}
		if time.Now().After(deadline) {
			t.Fatal("got questions without an end; want a pause")
		}
	}
}

// WeCom bans an address for an hour when many secrets from there are wrong, and with it every
// account behind the proxy. So wrong ones are shown seldom in an hour, whatever callers,
// reloads and restarts do, and the account whose secret is right is served throughout.
func TestManyWrongSecretsOfWeComBanNobody(t *testing.T) {
	t.Parallel()
	const accounts, most = 40, 100 // most: such answers that a process gets in an hour
	w := weCom{wecomtest.New(wecomtest.Rules{})}
	w.Record()
	w.Add(wecomCRM)
	clock := newClock(t)
	store := filepath.Join(t.TempDir(), "tokens")
	var toml strings.Builder
	fmt.Fprintf(&toml, "[token]\nstore = \"file:%s\"\n%s", store, crmLines)
	for i := range accounts {
		fmt.Fprintf(&toml, "[[account]]\nkind = \"wecom\"\nname = \"bad-%d\"\ncorp_id = %q\nagent_id = %d\nsecret = \"wrong-%d-\"\n", i, wecomCorp, 2000+i, i)
	}
	upstream := serveWeCom(t, w.WeCom)
	begin := func() *program {
		return serving(t, "http://127.0.0.1:1", "[upstream.wecom]\nurl = \""+upstream+"\"\n"+toml.String(), clock.env...)
	}
	p := begin()
	before := 0
	mustHaveAskedSeldom := func() {
		t.Helper()
		if n := w.Answers(40001) - before; n == 0 || n > most || w.Answers(45009) > 0 {
			t.Errorf("got %d answers to wrong secrets and %d of a ban; want at most %d of a process, and none", n, w.Answers(45009), most)
		}
		before = w.Answers(40001)
	}
	const user = "/cgi-bin/user/get?userid=zhangsan"
	const step = 5
	for minute := 0; minute < 60; minute += step {
		for i := range 3 {
			if a := p.call("GET", fmt.Sprintf("/@bad-%d", (minute+i)%accounts)+user, ""); a.code != http.StatusServiceUnavailable {
				t.Fatalf("minute %d: got %d %s for an account with a wrong secret; want 503", minute, a.code, a.body)
			}
		}
		if a := p.call("GET", "/@crm"+user, ""); a.code != http.StatusOK || !strings.Contains(a.body, `"zhangsan"`) {
			t.Fatalf("minute %d: got %d %s; want the user", minute, a.code, a.body)
		}
		switch minute % 20 {
		case 5:
			p.mustReload("[upstream.wecom]\nurl = \"" + upstream + "\"\n" + toml.String())
		case 15:
			w.awaitQuiet(t)
			p.stop()
			mustHaveAskedSeldom()
			p = begin()
		}
		w.awaitQuiet(t)
		clock.advance(step * time.Minute)
		w.Advance(step * time.Minute)
	}
	p.eventually("questions after the last minutes", func() bool { return w.Answers(40001) > before })
	w.awaitQuiet(t)
	p.stop()
	mustHaveAskedSeldom()
	shown := map[string]int{}
	for _, r := range w.Requests() {
		if _, secret, found := strings.Cut(r.Target, "corpsecret=wrong-"); found {
			shown[secret]++
		}
	}
	for secret, times := range shown {
		if times > 6 {
			t.Errorf("the wrong secret %s was shown %d times in an hour; want 4, with pauses of 5, 10 and 20 minutes, and hardly more", secret, times)
		}
	}
}
