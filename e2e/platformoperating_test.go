package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest/platformtest"
)

// A platformView is what an operator sees of a platform: /status, the list of its accounts,
// the page in both languages, the log.
type platformView struct {
	State     string
	TicketAge *int   `json:"ticket_age"`
	Token     string `json:"token_state"`
	LastError *struct {
		Errcode        int
		Errmsg, Remedy string
		RemedyZH       string `json:"remedy_zh"`
	} `json:"last_error"`
	Authorizers map[string]int
}

func (p *program) platformView() platformView {
	p.t.Helper()
	var said struct{ Platforms []platformView }
	if err := json.Unmarshal([]byte(p.mustAsk("GET", p.admin+"/status", "").body), &said); err != nil || len(said.Platforms) != 1 {
		p.t.Fatalf("got %+v, %v; want a platform", said, err)
	}
	return said.Platforms[0]
}

// mustSay fails the test unless the words are all in what is said about something.
func (p *program) mustSay(of, said string, words ...string) {
	p.t.Helper()
	for _, word := range words {
		if !strings.Contains(said, word) {
			p.t.Errorf("%s: got %.900s; want %q in it", of, said, word)
		}
	}
}

// An operator who is woken at 3 a.m. reads in one place what happened, to which account, and
// what to do; and the process stays ready, since whatever befalls a platform ends no other
// account.
func TestOperatorsReadWhatIsWrongWithAPlatform(t *testing.T) {
	t.Parallel()
	const second, third = "wx2222222222222222", "wx3333333333333333"
	w, saas := newSaas(t)
	store := filepath.Join(t.TempDir(), "tokens")
	p := serveSaas(t, w, saas, "[token]\nstore = \"file:"+store+"\"\n"+platformLines)
	check := func(name, state, headline string, words ...string) {
		t.Helper()
		s := p.platformView()
		if s.State != state {
			t.Errorf("%s: got %+v; want the platform %s", name, s, state)
		}
		if state != "ready" && s.LastError != nil {
			p.mustSay(name+": /status", s.LastError.Remedy+s.LastError.RemedyZH+fmt.Sprint(s.LastError.Errcode, s.LastError.Errmsg), words...)
		} else if state != "ready" {
			t.Errorf("%s: /status has no last_error", name)
		}
		page := p.mustAsk("GET", p.admin+"/", "").body
		p.mustSay(name+": the page", page, append([]string{headline}, words...)...)
		if a := p.mustAsk("GET", p.admin+"/readyz?all=1", ""); a.code != 200 {
			t.Errorf("%s: /readyz says %d %s; want it ready", name, a.code, a.body)
		}
	}
	one := func(account string) string {
		return p.mustAsk("GET", p.admin+"/platforms/saas/authorizers?q="+account, "").body
	}

	check("no ticket", "no_ticket", "without a usable ticket: 1", "/push/saas")
	p.mustSay("no ticket: a call", p.call("GET", "/@saas/wxa/gettemplatelist", "").body, "no_ticket", "/push/saas", "请检查")

	mustDeliver(t, saas.PushTicket(t.Context()))
	for i, account := range []string{merchantID, second, third} {
		if i == 1 { // whose tokens end soon
			saas.Change(func(s *platformtest.Settings) { s.Life = 4 * time.Second })
		}
		_, d := saas.Authorize(t.Context(), account)
		mustDeliver(t, d)
		p.eventually("the account can be called", func() bool { return p.call("GET", "/@"+account+userInfo, "").code == 200 })
	}
	saas.Change(func(s *platformtest.Settings) { s.Life = 0 })
	check("all is well", "ready", "All is well")

	// The address is not on the list: seen by the first call, hours before a token is due.
	saas.Change(func(s *platformtest.Settings) { s.AllowIPs = []string{"203.0.113.7"} })
	p.mustSay("61004: a call", p.call("GET", "/@"+merchantID+userInfo, "").body, "61004")
	check("61004", "failing", "Third-party platforms with a problem: 1", "61004", "127.0.0.1", "allow-list")
	p.mustSay("61004: the log", p.stderr.String(), "WeChat refuses calls from this machine's address", "白名单")
	p.mustSay("61004: metrics", p.mustAsk("GET", p.admin+"/metrics", "").body, `wxproxy_secret_refusals_total{account="saas",errcode="61004"} 1`)
	saas.Change(func(s *platformtest.Settings) { s.AllowIPs = nil })
	p.mustServe("GET", "/@"+merchantID+userInfo, "")
	check("61004 is over", "ready", "All is well")

	// A refresh token that nobody has any more, and a merchant who left while nobody listened.
	saas.LoseRefresh(second)
	saas.Revoke(third)
	p.eventually("the token that was lost has ended", func() bool {
		return p.call("GET", "/@"+second+userInfo, "").header.Get("Wxproxy-Error") == "not_authorized"
	})
	p.eventually("so has the other", func() bool {
		return p.call("GET", "/@"+third+userInfo, "").header.Get("Wxproxy-Error") == "not_authorized"
	})
	if a := p.mustAsk("POST", p.admin+"/platforms/saas/recover", ""); a.code != 200 || !strings.Contains(a.body, `"listed": 2`) {
		t.Errorf("got %d %s; want a list of two", a.code, a.body)
	}
	p.mustSay("lost", one(second), "needs_authorization", "no refresh token", "authorize-url", "请商家")
	p.mustSay("left", one(third), `"unauthorized"`, "the merchant has ended the authorization", "已取消授权")
	check("lost and left", "ready", "Accounts of third-party platforms with a problem: 1 of 2", "needs authorization", "no refresh token", "authorize-url")

	// The store takes nothing: WeChat is told so, and what is in memory is served on.
	if err := os.Rename(store, store+".away"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, store, "")
	if d := saas.PushTicket(t.Context()); d.Fault == "" {
		t.Error("a ticket that could not be stored was taken")
	}
	p.eventually("the store is said to be of no use", func() bool {
		return strings.Contains(p.mustAsk("GET", p.admin+"/", "").body, "token store is of no use")
	})
	check("no store", "ready", "The token store is of no use", "token.store")
	p.mustSay("no store: the log", p.stderr.String(), "an event of a platform could not be stored", "token.store")
	p.mustServe("GET", "/@"+merchantID+userInfo, "")
	if err := os.Remove(store); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(store+".away", store); err != nil {
		t.Fatal(err)
	}
	mustDeliver(t, saas.PushTicket(t.Context()))

	// The secret was reset: the next token does not come, and merchants' tokens go on.
	saas.Change(func(s *platformtest.Settings) { s.Secret = "another-component-secret" })
	saas.RevokeTokens(componentID)
	p.call("GET", "/@saas/wxa/gettemplatelist", "").mustBe(t, 503, "token_unavailable")
	check("secret", "failing", "Third-party platforms with a problem: 1", "40125", "check secret of this platform")
	p.mustServe("GET", "/@"+merchantID+userInfo, "")

	for _, secret := range saas.Secrets() {
		if printed := p.stdout.String() + p.stderr.String(); strings.Contains(printed, secret) {
			t.Errorf("the proxy has printed %s", secret)
		}
	}
	p.stop()
}
