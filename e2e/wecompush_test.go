package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest/wecomtest"
)

// The second application's keys of pushes.
const (
	otherPushToken  = "other-token-0123456789"
	otherPushAESKey = "ABCDEFGabcdefghijklmnopqrstuvwxyz0123456789"
)

// pushedWeCom returns a configuration of both applications of the corp, whose pushes go to url.
func pushedWeCom(url, forward string) string {
	crm := crmLines + fmt.Sprintf("push_token = %q\npush_aes_key = %q\n", pushToken, pushAESKey)
	shop := fmt.Sprintf("[[account]]\nkind = \"wecom\"\nname = \"desk\"\ncorp_id = %q\nagent_id = %s\nsecret = %q\npush_token = %q\npush_aes_key = %q\n",
		wecomCorp, wecomShop.AgentID, wecomShop.Secret, otherPushToken, otherPushAESKey)
	return crm + shop + fmt.Sprintf("[[forward]]\nurl = %q\n%s\n", url, forward)
}

// startWeComPushed starts a proxy that takes the pushes of both applications, and returns
// what WeCom's console has of them.
func startWeComPushed(t *testing.T, url, forward string) (p *program, crm, desk wecomtest.Callback) {
	t.Helper()
	w := wecomtest.New(wecomtest.Rules{})
	w.Add(wecomCRM)
	w.Add(wecomShop)
	p = serving(t, "http://127.0.0.1:1", "[upstream.wecom]\nurl = \""+serveWeCom(t, w)+"\"\n"+pushedWeCom(url, forward), "WXPROXY_PUSH_LISTEN=127.0.0.1:0")
	crm = wecomtest.Callback{CorpID: wecomCorp, AgentID: wecomCRM.AgentID, URL: p.push + "/push/crm", Token: pushToken, AESKey: pushAESKey}
	desk = wecomtest.Callback{CorpID: wecomCorp, AgentID: wecomShop.AgentID, URL: p.push + "/push/desk", Token: otherPushToken, AESKey: otherPushAESKey}
	for _, c := range []wecomtest.Callback{crm, desk} {
		if err := c.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return p, crm, desk
}

// Programs written with an SDK take WeCom's pushes behind the proxy as they do before it.
func TestReceiversOfWeComsPushesWorkBehindTheProxy(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs(filepath.Join("testdata", "sdk", "npm", "receiver.js"))
	if err != nil {
		t.Fatal(err)
	}
	receivers(t) // which skips where node's packages are missing
	for _, name := range []string{"easywechat-work", "wecom-crypto"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startReceiverOf(t, wecomCorp, []string{"node", script, name}, programAESKey, programToken)
			p, crm, desk := startWeComPushed(t, r.url+"/wecom", fmt.Sprintf("token = %q\naes_key = %q\n", programToken, programAESKey))
			for _, c := range []wecomtest.Callback{crm, desk} {
				if d := c.Push(t.Context(), c.Text("zhangsan", "你好")); d.Fault != "" || !strings.Contains(string(d.Reply), "you said: 你好") {
					t.Errorf("a text: got %q and fault %q; want the words again", d.Reply, d.Fault)
				}
				if d := c.Push(t.Context(), c.Event("zhangsan", "enter_agent")); d.Fault != "" || d.Reply != nil || len(d.Tries) != 1 {
					t.Errorf("an event: got %q, fault %q, %d tries; want success", d.Reply, d.Fault, len(d.Tries))
				}
			}
			p.eventually("both events", func() bool { return r.times("evententer_agent ") == 2 })
			if refused := strings.Count(r.lines.String(), "refused"); refused > 0 {
				t.Errorf("the SDK refused %d; want none", refused)
			}
			p.stop()
		})
	}
}

// What others push with WeCom's own code is taken, and they can read the reply.
func TestWeComsOwnCodePushes(t *testing.T) {
	t.Parallel()
	receivers(t)
	program := handle(t, replying)
	p, crm, desk := startWeComPushed(t, program.URL, "")
	for _, c := range []wecomtest.Callback{crm, desk} {
		out, err := exec.Command("node", filepath.Join("testdata", "sdk", "npm", "wecompush.js"), c.URL, c.CorpID, c.AgentID, c.Token, c.AESKey).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != aReply {
			t.Errorf("got %v: %s; want %s", err, out, aReply)
		}
	}
	p.stop()
}

// async and copy work as for WeChat's pushes, and /status tells of them.
func TestPushesOfWeComWaitInTheInbox(t *testing.T) {
	t.Parallel()
	program := handle(t, func(http.ResponseWriter, *http.Request) {})
	copies := fmt.Sprintf("name = \"later\"\nasync = true\n[[forward]]\nname = \"archive\"\nurl = %q\ncopy = true\n", program.URL)
	p, crm, desk := startWeComPushed(t, program.URL, copies)
	for _, c := range []wecomtest.Callback{crm, desk} {
		if d := c.Push(t.Context(), c.Text("zhangsan", "hello")); d.Fault != "" || d.Reply != nil || len(d.Tries) != 1 {
			t.Errorf("got %q, fault %q, %d tries; want success", d.Reply, d.Fault, len(d.Tries))
		}
	}
	stranger := crm
	stranger.AESKey, stranger.Token = desk.AESKey, desk.Token
	if got := stranger.Push(t.Context(), crm.Text("zhangsan", "hello")).Tries[0]; got.Status != http.StatusForbidden {
		t.Errorf("another application's push: got %d; want 403", got.Status)
	}
	for deadline := time.Now().Add(patience); len(program.got()) < 4 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if got := program.got(); len(got) != 4 {
		t.Errorf("got %q; want each twice", got)
	}
	var status struct {
		Accounts []struct {
			Name   string
			Pushes struct{ Today int }
		}
	}
	text := p.mustAsk("GET", p.admin+"/status", "").body
	if err := json.Unmarshal([]byte(text), &status); err != nil || len(status.Accounts) != 2 || status.Accounts[0].Pushes.Today == 0 || status.Accounts[1].Pushes.Today == 0 {
		t.Errorf("got %s, %v; want pushes of both accounts", text, err)
	}
	p.stop()
}
