package push

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/wecomtest"
)

// Two applications of one corp, each with its own keys.
const (
	corpID    = "ww0123456789abcdef"
	crmToken  = "crm-token-0123456789"
	shopToken = "QDG6eK"
	shopKey   = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	crmKey    = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	memberXML = "<xml><ToUserName><![CDATA[zhangsan]]></ToUserName><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content></xml>"
)

// ofCorp is a configuration with both applications.
func ofCorp(forwards ...Forward) Config {
	return Config{Forwards: forwards, Accounts: []Account{
		{Name: "crm", ID: corpID, Token: secret.New(crmToken), Key: secret.New(crmKey), IsWeCom: true},
		{Name: "shop", ID: corpID, Token: secret.New(shopToken), Key: secret.New(shopKey), IsWeCom: true},
	}}
}

// crm returns what WeCom's console knows of the first application.
func (b *bench) crm() wecomtest.Callback {
	return wecomtest.Callback{CorpID: corpID, AgentID: "1000002", URL: b.base + "/push/crm", Token: crmToken, AESKey: crmKey}
}

func (b *bench) shopOfCorp() wecomtest.Callback {
	return wecomtest.Callback{CorpID: corpID, AgentID: "1000003", URL: b.base + "/push/shop", Token: shopToken, AESKey: shopKey}
}

func TestEachApplicationOfACorpHasItsOwnPushes(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, ofCorp(Forward{Account: "crm", URL: p.URL + "/crm"}, Forward{Account: "shop", URL: p.URL + "/shop", Match: []string{"event:enter_agent", "text"}}))
	for path, c := range map[string]wecomtest.Callback{"/crm": b.crm(), "/shop": b.shopOfCorp()} {
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		p.set(replying(200, "", memberXML))
		message := c.Text("zhangsan", "你好 ]]> <b>")
		d := c.Push(t.Context(), message)
		if d.Fault != "" || string(d.Reply) != memberXML || len(d.Tries) != 1 {
			t.Errorf("%s: got the reply %s, fault %q, %d tries", path, d.Reply, d.Fault, len(d.Tries))
		}
		got := p.last(t)
		if got.body != string(message) || got.path != path || got.header.Get("Wxproxy-Account") != path[1:] || got.header.Get("Wxproxy-App-Id") != corpID {
			t.Errorf("%s: got %+v", path, got)
		}
		p.set(nil)
		if d := c.Push(t.Context(), c.Event("zhangsan", "enter_agent")); d.Fault != "" || d.Reply != nil || !strings.Contains(p.last(t).body, "<AgentID>"+c.AgentID+"<") {
			t.Errorf("%s, an event: got the reply %s, fault %q and %s", path, d.Reply, d.Fault, p.last(t).body)
		}
	}
	if b.counted("crm", "event:enter_agent", empty) != 1 || b.counted("shop", "text", answered) != 1 {
		t.Errorf("got %v", b.Snapshot().Pushes)
	}
}

func TestPushesOfWeComThatAreNotForTheApplicationAreRefused(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, ofCorp(Forward{URL: p.URL}))
	captured := b.crm().Push(t.Context(), b.crm().Text("zhangsan", "what nobody else may read")).Tries[0]
	before := len(p.got())
	members, err := wechattest.Members(captured.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*wecomtest.Callback){
		"another application's keys": func(c *wecomtest.Callback) { c.Token, c.AESKey = shopToken, shopKey },
		"another token":              func(c *wecomtest.Callback) { c.Token = "another" },
		"another key":                func(c *wecomtest.Callback) { c.AESKey = strings.Repeat("A", 43) },
		"another corp":               func(c *wecomtest.Callback) { c.ReceiveID = "ww1" },
		"no receiveid, as of robots": func(c *wecomtest.Callback) { c.ReceiveID = "another" },
		"no signature":               func(c *wecomtest.Callback) { c.Tamper = func(r *http.Request) { r.URL.RawQuery = "" } },
		"an unknown application":     func(c *wecomtest.Callback) { c.URL = b.base + "/push/nobody" },
		"in the clear": func(c *wecomtest.Callback) {
			c.Tamper = func(r *http.Request) {
				r.URL.RawQuery = "signature=" + wechattest.Sign(crmToken, "1", "2") + "&timestamp=1&nonce=2"
			}
		},
	} {
		c := b.crm()
		change(&c)
		c.Tries = 1
		want := http.StatusForbidden
		if strings.HasSuffix(c.URL, "nobody") {
			want = http.StatusNotFound
		}
		if got := c.Push(t.Context(), c.Text("zhangsan", "hello")).Tries[0]; got.Status != want || len(got.Answer) > 0 {
			t.Errorf("%s: got %d %q; want %d and nothing", name, got.Status, got.Answer, want)
		}
		if err := c.Check(t.Context()); err == nil {
			t.Errorf("%s: the URL check went well", name)
		}
	}
	if len(p.got()) != before {
		t.Error("one was forwarded")
	}
	// Who has seen a push knows a signature of what is encrypted, and could ask what it says.
	asked, err := http.Get(b.base + "/push/crm?" + captured.URL.RawQuery + "&echostr=" + url.QueryEscape(members["Encrypt"]))
	if err != nil {
		t.Fatal(err)
	}
	asked.Body.Close()
	if asked.StatusCode != http.StatusForbidden {
		t.Errorf("a push in the place of an echostr: got %d; want 403", asked.StatusCode)
	}
	log := b.log.String()
	for _, line := range []string{"set push_token to the Token of WeCom's console", "it is for another corp_id", "tries to have it decrypted; let WeCom push over https"} {
		if !strings.Contains(log, line) {
			t.Errorf("the log does not say: %s", line)
		}
	}
	if strings.Contains(log, "nobody else may read") {
		t.Error("the log has the message")
	}
}

func TestWeComsEnvelopeReachesProgramsThatInsistOnOne(t *testing.T) {
	p := newProgram(t, nil)
	const programToken, programKey = "program", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	insists := Forward{URL: p.URL, Token: secret.New(programToken), AESKey: secret.New(programKey)}
	later := insists
	later.Name, later.Copy = "later", true
	b := start(t, ofCorp(later, insists))
	c := b.shopOfCorp()
	message := c.Text("zhangsan", "hello")
	if d := c.Push(t.Context(), message); d.Fault != "" {
		t.Fatal(d.Fault)
	}
	waiting := b.inbox.all()
	if len(waiting) != 1 || b.Deliver(t.Context(), &waiting[0]) != nil {
		t.Fatalf("got %d copies; want one that is delivered", len(waiting))
	}
	for _, got := range p.got() {
		members, err := wechattest.Members([]byte(got.body))
		if err != nil || members["ToUserName"] != corpID || members["AgentID"] != "1000003" {
			t.Errorf("got %s, %v; want WeCom's envelope", got.body, err)
		}
		if want := wechattest.Sign(programToken, got.query.Get("timestamp"), got.query.Get("nonce"), members["Encrypt"]); got.query.Get("msg_signature") != want {
			t.Errorf("got %v; want the signature %s", got.query, want)
		}
		if plain, err := wechattest.Decrypt(programKey, members["Encrypt"], corpID); err != nil || string(plain) != string(message) {
			t.Errorf("got %s, %v; want what WeCom pushed", plain, err)
		}
	}
	sealed := wecomtest.Callback{CorpID: corpID, Token: programToken, AESKey: programKey}
	p.set(replying(200, "text/xml", string(sealed.Seal([]byte(memberXML)))))
	if d := c.Push(t.Context(), c.Text("zhangsan", "again")); d.Fault != "" || string(d.Reply) != memberXML {
		t.Errorf("got the reply %s, fault %q", d.Reply, d.Fault)
	}
}
