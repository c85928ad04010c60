package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"wxproxy/internal/wechattest/wecomtest"
)

// The corp of these tests, which has two applications.
const wecomCorp = "ww0123456789abcdef"

// The applications, as WeCom's console has them.
var (
	wecomCRM  = wecomtest.App{CorpID: wecomCorp, AgentID: "1000002", Secret: "crm0crm0crm0crm0crm0crm0crm0crm0"}
	wecomShop = wecomtest.App{CorpID: wecomCorp, AgentID: "1000003", Secret: "shop0shop0shop0shop0shop0shop000"}
)

// wecomSDKs returns the programs that make calls to WeCom with an SDK of others'.
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

// Lines of accounts of these applications.
var (
	crmLines = fmt.Sprintf("[[account]]\nkind = \"wecom\"\nname = \"crm\"\ncorp_id = %q\nagent_id = %s\nsecret = %q\n",
		wecomCorp, wecomCRM.AgentID, wecomCRM.Secret)
	shopLines = fmt.Sprintf("[[account]]\nkind = \"wecom\"\nname = \"store\"\ncorp_id = %q\nagent_id = %s\nsecret = %q\n",
		wecomCorp, wecomShop.AgentID, wecomShop.Secret)
)

// servingWeCom starts a proxy before a WeCom.
func servingWeCom(t *testing.T, upstream, toml string) *program {
	t.Helper()
	return serving(t, "http://127.0.0.1:1", "[upstream.wecom]\nurl = \""+upstream+"\"\n"+toml)
}

// mustKeepSecrets fails the test if WeCom got something that is ours alone.
func mustKeepSecrets(t *testing.T, w *wecomtest.WeCom) {
	t.Helper()
	for _, r := range w.Requests() {
		if head := r.Target + fmt.Sprint(r.Header); strings.Contains(head, "-key-0123456789") || strings.Contains(head, "wxp_") {
			t.Errorf("WeCom got %s %s; want no key and no token of ours", r.Method, r.Target)
		}
	}
}

// Every SDK does what it does at WeCom's, with nothing changed but its base URL and, where
// there are clients, its secret.
func TestWeComSDKsWorkUnchanged(t *testing.T) {
	t.Parallel()
	for _, s := range wecomSDKs(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			t.Run("alone", func(t *testing.T) {
				w := wecomtest.New(wecomtest.Rules{})
				w.Record()
				crm := w.Add(wecomCRM)
				p := servingWeCom(t, serveWeCom(t, w), crmLines)
				s.runWeCom(t, p.proxy, wecomCRM, "whatever")
				p.stop()
				mustHaveServed(t, w, crm)
				mustKeepSecrets(t, w)
				if n := w.Calls("/cgi-bin/gettoken"); n != 1 {
					t.Errorf("got %d calls of gettoken; want 1", n)
				}
			})
			t.Run("while WeCom revokes the token between calls", func(t *testing.T) {
				w := wecomtest.New(wecomtest.Rules{})
				crm := w.Add(wecomCRM)
				upstream := serveWeCom(t, w, func(server *http.Server) {
					server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						w.ServeHTTP(rw, r)
						if r.URL.Path != "/cgi-bin/gettoken" && r.URL.Path != "/cgi-bin/get_api_domain_ip" {
							crm.Revoke()
						}
					})
				})
				p := servingWeCom(t, upstream, crmLines)
				s.runWeCom(t, p.proxy, wecomCRM, "whatever")
				p.stop()
				mustHaveServed(t, w, crm)
				if n := w.Calls("/cgi-bin/gettoken"); n < 4 {
					t.Errorf("got %d calls of gettoken; want one after each token that was revoked", n)
				}
			})
			t.Run("two clients with two applications of one corp at once", func(t *testing.T) {
				w := wecomtest.New(wecomtest.Rules{})
				w.Record()
				crm, shop := w.Add(wecomCRM), w.Add(wecomShop)
				p := servingWeCom(t, serveWeCom(t, w), crmLines+shopLines+
					"[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789\"\naccounts = [\"crm\"]\n"+
					"[[client]]\nname = \"games\"\nkey = \"games-key-0123456789\"\naccounts = [\"store\"]\n")
				var running sync.WaitGroup
				running.Go(func() { s.runWeCom(t, p.proxy, wecomCRM, "orders-key-0123456789") })
				running.Go(func() { s.runWeCom(t, p.proxy, wecomShop, "games-key-0123456789") })
				running.Wait()
				p.stop()
				mustHaveServed(t, w, crm, shop)
				mustKeepSecrets(t, w)
			})
			t.Run("one client with two applications, which its secret tells apart", func(t *testing.T) {
				w := wecomtest.New(wecomtest.Rules{})
				w.Record()
				crm, shop := w.Add(wecomCRM), w.Add(wecomShop)
				p := servingWeCom(t, serveWeCom(t, w), crmLines+shopLines+"[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789\"\n")
				var running sync.WaitGroup
				running.Go(func() { s.runWeCom(t, p.proxy, wecomCRM, "orders-key-0123456789:crm") })
				running.Go(func() { s.runWeCom(t, p.proxy, wecomShop, "orders-key-0123456789:"+wecomShop.AgentID) })
				running.Wait()
				p.stop()
				mustHaveServed(t, w, crm, shop)
				mustKeepSecrets(t, w)
			})
		})
	}
}
