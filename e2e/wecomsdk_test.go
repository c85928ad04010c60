package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/wechattest/wecomtest"
)

// The corp of these tests, which has two applications.
const wecomCorp = "ww0123456789abcdef"

// The applications, as WeCom's console has them.
var (
	wecomCRM  = wecomtest.App{CorpID: wecomCorp, AgentID: "1000002", Secret: "crm0crm0crm0crm0crm0crm0crm0crm0"}
	wecomShop = wecomtest.App{CorpID: wecomCorp, AgentID: "1000003", Secret: "shop0shop0shop0shop0shop0shop000"}
)

// wecomSDKs returns the programs that make calls to WeCom with an SDK of others': those that
// docs/wecom.md names.
func wecomSDKs(t *testing.T) []sdk {
	t.Helper()
	inGo := sdks(t)[0].command[0]
	script, err := filepath.Abs(filepath.Join("testdata", "sdk", "npm", "wecom.js"))
	if err != nil {
		t.Fatal(err)
	}
	return []sdk{
		{"go-workwx", []string{inGo, "wecom", "go-workwx"}},
		{"silenceper", []string{inGo, "wecom", "silenceper"}},
		{"PowerWeChat", []string{inGo, "wecom", "powerwechat"}},
		{"fastwego", []string{inGo, "wecom", "fastwego"}},
		{"go-wecom", []string{inGo, "wecom", "go-wecom"}},
		{"easywechat", []string{"node", script}},
	}
}

// serveWeCom serves WeCom until the test ends, and returns its URL.
func serveWeCom(t *testing.T, w *wecomtest.WeCom, configure ...func(*http.Server)) string {
	t.Helper()
	s, err := w.Start(configure...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.URL
}

// runWeCom has the SDK make its calls to WeCom as an application, at base, in a directory
// of its own for its caches.
func (s sdk) runWeCom(t *testing.T, base string, a wecomtest.App, secret string) {
	t.Helper()
	c := exec.Command(s.command[0], append(s.command[1:len(s.command):len(s.command)], base, a.CorpID, secret, a.AgentID)...)
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), "TMPDIR="+c.Dir)
	out, err := c.CombinedOutput()
	if calls := strings.Count(string(out), ": ok\n"); err != nil || calls < 6 {
		t.Errorf("%s: %v, %d calls succeeded:\n%s", s.name, err, calls, out)
	}
}

// mustHaveServed checks what the SDK's calls have done: each application has sent one
// message and uploaded one file, whole, with its own token alone.
func mustHaveServed(t *testing.T, w *wecomtest.WeCom, apps ...*wecomtest.Application) {
	t.Helper()
	sent := map[*wecomtest.Application]int{}
	for _, m := range w.Sent() {
		sent[m.App]++
	}
	if len(w.Sent()) != len(apps) || len(w.Uploads()) != len(apps) {
		t.Errorf("got %d messages and %d uploads; want %d each", len(w.Sent()), len(w.Uploads()), len(apps))
	}
	for _, a := range apps {
		if sent[a] != 1 {
			t.Errorf("got %d messages of %s; want one", sent[a], a.AgentID)
		}
	}
	file := bytes.Repeat([]byte("\x00\xff\x89-\n"), 4<<20)
	for _, upload := range w.Uploads() {
		if !bytes.Equal(upload, file) {
			t.Errorf("got an upload of %d bytes; want the file of %d", len(upload), len(file))
		}
	}
	if n := w.Doubled(); n != 0 {
		t.Errorf("got %d requests with several tokens; want none", n)
	}
}

// The programs work with WeCom itself, so that what they say of the proxy means something.
func TestWeComSDKsWorkAtWeCom(t *testing.T) {
	t.Parallel()
	for _, s := range wecomSDKs(t) {
		if s.name == "fastwego" {
			continue // its uploads are chunked, which the proxy mends, and of which nobody knows what WeCom thinks
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := wecomtest.New(wecomtest.Rules{})
			crm, shop := w.Add(wecomCRM), w.Add(wecomShop)
			base := serveWeCom(t, w)
			var running sync.WaitGroup
			running.Go(func() { s.runWeCom(t, base, wecomCRM, wecomCRM.Secret) })
			running.Go(func() { s.runWeCom(t, base, wecomShop, wecomShop.Secret) })
			running.Wait()
			mustHaveServed(t, w, crm, shop)
		})
	}
}

// A server of others' understands what the simulated WeCom pushes, and is understood.
func TestAServerOfOthersTakesWeComsPushes(t *testing.T) {
	t.Parallel()
	command := receivers(t)["easywechat"]
	r := startReceiver(t, append(command[:2:2], "easywechat-work"), programAESKey, programToken)
	c := wecomtest.Callback{CorpID: appID, AgentID: wecomCRM.AgentID, URL: r.url + "/", Token: programToken, AESKey: programAESKey, CheckTimeout: patience, Timeout: patience}
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if d := c.Push(t.Context(), c.Text("zhangsan", "你好")); d.Fault != "" || !strings.Contains(string(d.Reply), "you said: 你好") {
		t.Errorf("a text: got %q and fault %q; want the words again", d.Reply, d.Fault)
	}
	if d := c.Push(t.Context(), c.Event("zhangsan", "enter_agent")); d.Fault != "" || d.Reply != nil {
		t.Errorf("an event: got %q and fault %q; want neither", d.Reply, d.Fault)
	}
	for end := time.Now().Add(patience); r.times("evententer_agent ") != 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("got no event; want one") // what it prints comes a moment after its answer
		}
	}
}
