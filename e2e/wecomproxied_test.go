package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"wxproxy/internal/wechattest/wecomtest"
)

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
			for name, rules := range map[string]wecomtest.Rules{
				"while WeCom revokes the token between calls":    {},
				"while WeCom ends the token and says it expired": {Revoked: 42001, SaysFull: true, NoHeaders: true},
			} {
				t.Run(name, func(t *testing.T) {
					w := wecomtest.New(rules)
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
			}
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
			t.Run("two clients with applications of two corps at once", func(t *testing.T) {
				w := wecomtest.New(wecomtest.Rules{})
				w.Record()
				elsewhere := wecomShop
				elsewhere.CorpID = "wwfedcba9876543210"
				crm, shop := w.Add(wecomCRM), w.Add(elsewhere)
				p := servingWeCom(t, serveWeCom(t, w), crmLines+strings.NewReplacer(wecomCorp, elsewhere.CorpID, "crm\"", "store\"",
					wecomCRM.AgentID, elsewhere.AgentID, wecomCRM.Secret, elsewhere.Secret).Replace(crmLines)+
					"[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789\"\naccounts = [\"crm\"]\n"+
					"[[client]]\nname = \"games\"\nkey = \"games-key-0123456789\"\naccounts = [\"store\"]\n")
				var running sync.WaitGroup
				running.Go(func() { s.runWeCom(t, p.proxy, wecomCRM, "orders-key-0123456789") })
				running.Go(func() { s.runWeCom(t, p.proxy, elsewhere, "games-key-0123456789") })
				running.Wait()
				p.stop()
				mustHaveServed(t, w, crm, shop)
				mustKeepSecrets(t, w)
			})
		})
	}
}
