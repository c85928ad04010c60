package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wxproxy/internal/wechattest/wecomtest"
)

// Nothing else than these may WeCom, or who calls, get to see of the applications.
const (
	canaryCorpSecret = "canary_corpsecret-of-crm-0123456789-AbCdEf0"
	canaryRobot      = "693a91f6-7xxx-4bc4-canary-0ec2sifa5aaa"
	canaryPushToken  = "canary-push-token-4c1a"
	canaryCorpKey    = "canary-key-of-the-corp-client"
	canaryWrong      = "canary_wrong_secret-9876543210-9876543210-X"
)

// wecomGiven are what nobody may see.
type wecomGiven struct {
	apps []*wecomtest.Application
	all  map[string]bool
}

// note keeps what WeCom has given out so far.
func (g *wecomGiven) note() {
	for _, a := range g.apps {
		for _, value := range a.Secrets() {
			g.all[value] = true
		}
	}
}

// mustBeUnsaid fails the test if what was said has one of them, in whatever spelling.
func (g *wecomGiven) mustBeUnsaid(t *testing.T, said string) {
	t.Helper()
	g.note()
	if len(g.all) < 12 {
		t.Errorf("got %d secrets; want those of a whole life", len(g.all))
	}
	for value := range g.all {
		spellings := []string{value, url.QueryEscape(value), base64.StdEncoding.EncodeToString([]byte(value))[:20], fmt.Sprintf("%x", value), fmt.Sprintf("%v", []byte(value))}
		for _, spelling := range spellings {
			if at := strings.Index(said, spelling); at >= 0 {
				t.Errorf("got %q in: %s", spelling, said[max(0, at-300):min(len(said), at+200)])
				break
			}
		}
	}
}

// A wecomLife is a program in front of a WeCom, all of whose answers are heard.
type wecomLife struct {
	*silence
	*wecomGiven
	p       *program
	weCom   *wecomtest.WeCom
	through []string // header lines of a client
}

func (l *wecomLife) ask(method, path, body string, headers ...string) answer {
	return l.hear(l.p.call(method, path, body, append(headers, l.through...)...))
}

func (l *wecomLife) admin() {
	for _, path := range []string{"/status", "/status?apis=1", "/apis", "/metrics", "/", "/?lang=zh", "/pushes/failed", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1", "/debug/pprof/cmdline"} {
		l.hear(l.p.mustAsk("GET", l.p.admin+path, "", byAdmin))
	}
	for _, body := range []string{"", `{"force":true}`, `{"access_token":"x"}`} {
		l.hear(l.p.mustAsk("POST", l.p.admin+"/accounts/crm/refresh", body, byAdmin))
	}
}

// quoting has the next answers of a path quote what is secret: all that there is, or what WeCom
// itself has given out.
func (l *wecomLife) quoting(errcode int, path string, all bool) (clear func()) {
	l.note()
	secrets := map[string]bool{}
	for _, a := range l.apps {
		for _, value := range a.Secrets() {
			secrets[value] = true
		}
	}
	if all {
		secrets = l.all
	}
	var quoted strings.Builder
	for value := range secrets {
		quoted.WriteString(" [" + value + "] " + url.QueryEscape(value))
	}
	body, err := json.Marshal(map[string]any{"errcode": errcode, "errmsg": "invalid" + quoted.String()})
	if err != nil || len(body) > 4<<10 {
		l.t.Fatalf("got %d bytes, %v; want an answer that is held", len(body), err)
	}
	return l.weCom.Inject(wecomtest.Fault{Path: path, Body: body})
}

const wecomUser = "/@crm/cgi-bin/user/get?userid=zhangsan"

// Whatever happens in the life of an application, nothing that the process prints or answers
// holds what is WeCom's and the application's alone.
func TestNoSecretOfAnApplicationIsSaidInItsWholeLife(t *testing.T) {
	t.Parallel()
	w := wecomtest.New(wecomtest.Rules{Unlimited: true, BanAfter: 1000})
	w.AddRobot(canaryRobot)
	crm := w.Add(wecomtest.App{CorpID: wecomCorp, AgentID: wecomCRM.AgentID, Secret: canaryCorpSecret})
	upstream, err := w.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(upstream.Close)
	program := handle(t, replying)
	toml := fmt.Sprintf("[upstream.wecom]\nurl = %q\n[log]\naccess = true\nlevel = \"debug\"\n[token]\nstore = \"file:%s\"\n", upstream.URL, t.TempDir()) +
		strings.Replace(crmLines, wecomCRM.Secret, canaryCorpSecret, 1) + fmt.Sprintf("push_token = %q\npush_aes_key = %q\n", canaryPushToken, pushAESKey) +
		strings.NewReplacer(wecomCRM.Secret, canaryWrong, "crm", "till", wecomCRM.AgentID, "1000009").Replace(crmLines) +
		fmt.Sprintf("[[client]]\nname = \"corp\"\nkey = %q\n[[forward]]\nurl = %q\n", canaryCorpKey, program.URL)
	p := serving(t, "http://127.0.0.1:1", toml, "WXPROXY_PUSH_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_KEY="+canaryAdminKey)
	l := &wecomLife{p: p, weCom: w, silence: &silence{t: t}, through: []string{"Authorization: Bearer " + canaryCorpKey}, wecomGiven: &wecomGiven{[]*wecomtest.Application{crm}, map[string]bool{
		canaryRobot: true, canaryPushToken: true, pushAESKey: true, canaryCorpKey: true, canaryAdminKey: true, canaryWrong: true,
	}}}
	p.eventually("an answer for each account", func() bool {
		return len(p.logged("token refreshed")) == 1 && len(p.logged("token not refreshed")) == 1
	})

	if a := l.ask("GET", wecomUser, ""); !strings.Contains(a.body, "zhangsan") {
		t.Errorf("got %d %s; want WeCom's answer", a.code, a.body)
	}
	for _, path := range []string{"/@crm/cgi-bin/get_jsapi_ticket", "/@crm/cgi-bin/ticket/get?type=agent_config"} {
		p.call("GET", path, "", l.through...) // which answers the ticket
	}
	l.ask("GET", "/@crm/wxproxy/jsapi-signature?url="+url.QueryEscape("https://a.example/"), "")
	l.ask("GET", "/@crm/wxproxy/jsapi-signature?type=agent_config&url="+url.QueryEscape("https://a.example/"), "")
	l.admin()
	for _, end := range []func(){crm.Revoke, crm.Expire, crm.Revoke} {
		l.note()
		end()
		l.ask("GET", wecomUser, "")
	}
	for _, errcode := range []int{-1, 40001, 40014, 42001, 45009, 60020, 50003} {
		clear := l.quoting(errcode, "/cgi-bin/user/*", true)
		l.quotesItsOwn(wecomUser)
		clear()
	}
	clear := l.quoting(-1, "/cgi-bin/gettoken", false) // which is shown none of the others, and of which /status has the beginning
	crm.Revoke()
	l.ask("GET", wecomUser, "")
	l.admin()
	clear()
	l.robot()
	l.misplaced()
	l.pushes(program)
	l.checks(toml)
	crm.ResetSecret("canary_corpsecret-after-it-was-reset-0000000")
	crm.Revoke()
	l.ask("GET", wecomUser, "")
	l.admin()
	upstream.Close()
	l.ask("GET", wecomUser, "")
	l.ask("POST", "/@crm/cgi-bin/webhook/send?key="+canaryRobot, "{}")
	l.admin()
	p.signal(syscall.SIGTERM)
	p.mustEnd(exitOK)
	l.mustBeUnsaid(t, l.said.String()+p.stdout.String()+p.stderr.String())
}

// quotesItsOwn asks for what WeCom answers with a quotation of all there is. Of that the proxy
// knows, and takes out, what was sent with the request; the log has nothing of it.
func (l *wecomLife) quotesItsOwn(path string) {
	l.t.Helper()
	a := l.p.call("GET", path, "", l.through...)
	sent := l.apps[0].Tokens()
	if len(sent) == 0 || strings.Contains(a.body+fmt.Sprint(a.header), sent[0]) {
		l.t.Errorf("got %d %.300s; want an answer without the token that was sent", a.code, a.body)
	}
}

// robot uses a robot of a chat, whose key is in the query.
func (l *wecomLife) robot() {
	l.t.Helper()
	const send = "/cgi-bin/webhook/send?key=" + canaryRobot
	for _, path := range []string{"/@crm" + send, "/@crm/cgi-bin/webhook/send?debug=1&KEY=" + canaryRobot, "/@crm/cgi-bin/webhook/upload_media?type=file&key=" + canaryRobot, "/@nobody" + send, "/@till" + send} {
		l.ask("POST", path, `{"msgtype":"text","text":{"content":"hello"}}`)
	}
	l.ask("POST", send, `{"msgtype":"text"}`, "Host: qyapi.weixin.qq.com")
	l.hear(l.p.call("POST", "/@crm"+send, "{}")) // without a key
	for _, f := range []wecomtest.Fault{{CloseAfter: true}, {Errcode: 93000}, {Status: http.StatusBadGateway, Body: []byte("key=" + "x")}} {
		f.Path, f.Times = "/cgi-bin/webhook/*", 1
		clear := l.weCom.Inject(f)
		l.ask("POST", "/@crm"+send, "{}")
		clear()
	}
	if len(l.weCom.Sent()) == 0 {
		l.t.Error("no message of a robot's arrived")
	}
}

// misplaced shows each secret wherever a caller may.
func (l *wecomLife) misplaced() {
	l.note()
	dead := map[string]bool{}
	for _, value := range l.apps[0].Secrets() {
		dead[value] = value != canaryCorpSecret && !slices.Contains(l.apps[0].Tokens(), value)
	}
	for value := range l.all {
		escaped := url.QueryEscape(value)
		for _, path := range []string{
			"/@crm/cgi-bin/" + url.PathEscape(value) + "/x", "/@" + escaped + "/cgi-bin/user/get", wecomUser + "&access_token=" + escaped, wecomUser + "&suite_access_token=" + escaped,
			"/cgi-bin/gettoken?corpid=" + wecomCorp + "&corpsecret=" + escaped, "/cgi-bin/gettoken?corpid=" + escaped + "&corpsecret=" + escaped,
			"/cgi-bin/gettoken?corpid=" + wecomCorp + "&corpsecret=" + escaped + ":crm", "/@crm/cgi-bin/service/get_suite_token?x=" + escaped, "/@crm/wxproxy/jsapi-signature?url=x&" + escaped + "=1",
			"/@crm/cgi-bin/ticket/get?type=" + escaped,
		} {
			if value == canaryCorpKey && strings.HasPrefix(path, "/cgi-bin/gettoken") {
				continue // it opens
			}
			l.ask("GET", path, "")
			l.hear(l.p.call("GET", path, ""))
		}
		l.ask("GET", wecomUser, "", "Wxproxy-Account: "+value)
		if value != canaryRobot && !dead[value] { // which nobody can know for what they are
			l.ask("GET", wecomUser, "", "X-Request-Id: "+value)
		}
		l.ask("POST", "/@crm/cgi-bin/message/send", `{"agentid":"`+value+`"}`)
	}
}

// pushes sends pushes, good ones and others.
func (l *wecomLife) pushes(program *handled) {
	l.t.Helper()
	c := wecomtest.Callback{CorpID: wecomCorp, AgentID: wecomCRM.AgentID, URL: l.p.push + "/push/crm", Token: canaryPushToken, AESKey: pushAESKey, Tries: 1}
	if err := c.Check(l.t.Context()); err != nil {
		l.t.Error(err)
	}
	for name, change := range map[string]func(*wecomtest.Callback){
		"good": func(*wecomtest.Callback) {}, "token": func(c *wecomtest.Callback) { c.Token += "x" }, "key": func(c *wecomtest.Callback) { c.AESKey = programAESKey },
		"corp": func(c *wecomtest.Callback) { c.ReceiveID = "ww1" }, "name": func(c *wecomtest.Callback) { c.URL = l.p.push + "/push/" + canaryPushToken },
	} {
		changed := c
		change(&changed)
		got := changed.Push(l.t.Context(), changed.Text("zhangsan", canaryPushToken)).Tries[0]
		if (got.Status == http.StatusOK) != (name == "good") {
			l.t.Errorf("%s: got %d", name, got.Status)
		}
		fmt.Fprintf(&l.said, "%v %s\n", got.Header, got.Answer)
	}
	if len(program.got()) != 1 {
		l.t.Errorf("the program got %d pushes; want one", len(program.got()))
	}
}

// checks has the configuration read by check and by reloads, also with mistakes.
func (l *wecomLife) checks(toml string) {
	for _, lines := range []string{
		toml, toml + "x = 1\n", strings.ReplaceAll(toml, "corp_id", "secret_env"), strings.ReplaceAll(toml, "corp_id = \""+wecomCorp, "corp_id = \""+canaryCorpSecret), strings.ReplaceAll(toml, "agent_id = ", "agent_id = \""+canaryCorpSecret+"\" #"),
		strings.ReplaceAll(toml, "name = \"crm\"", "name = \""+canaryCorpSecret+"\""), strings.ReplaceAll(toml, "kind = \"wecom\"", "kind = \""+canaryCorpSecret+"\""), strings.ReplaceAll(toml, "push_aes_key =", "push_aes_key_old ="), toml,
	} {
		l.p.rewrite(lines)
		l.hear(l.p.mustAsk("POST", l.p.admin+"/reload", "", byAdmin))
		for _, args := range [][]string{{"check"}, {"check", "-live"}} {
			ran := start(l.t, launch{args: args, dir: l.p.cmd.Dir, env: l.p.cmd.Env})
			ran.wait()
			l.said.WriteString(ran.stdout.String() + ran.stderr.String())
		}
	}
}
