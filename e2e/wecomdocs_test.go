package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"wxproxy/internal/wechattest/wecomtest"
)

// wecomPages are about WeCom, one in each language.
var wecomPages = [2]string{"docs/wecom.md", "docs/wecom.zh-CN.md"}

// What docs/wecom.md has people write works with a simulated WeCom: the configurations, the
// calls, what SDKs send, check -live before and after an address is trusted, pushes.
func TestThePageOnWeComIsTrue(t *testing.T) {
	t.Parallel()
	for _, name := range wecomPages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newWeComPage(t, name)
			g.mustCheckLive(name == wecomPages[1])
			p := g.serve(g.block("toml config", "default     = true"))
			calls := g.blocks["sh wecom"]
			if len(calls) < 4 {
				t.Fatalf("got %d blocks that call; want more", len(calls))
			}
			for _, b := range calls {
				g.mustSucceed(b)
			}
			if got := g.run(calls[len(calls)-2]); !strings.Contains(got, `"corpid":"`+wecomCorp+`"`) || !strings.Contains(got, `"agentid":1000002`) {
				t.Errorf("the signatures: got %s; want one with corpid and agentid", got)
			}
			if sent := g.w.Sent(); len(sent) != 3 || sent[0].App != g.shop || sent[1].App != nil {
				t.Errorf("WeCom was sent %+v; want a message of shop's, and two of a robot's", sent)
			}
			p.stop()
			g.mustHoldNoSecret(p)

			p = g.serve(g.block("toml config", `name       = "portal"`))
			g.mustSucceed(g.block("sh keys", "PORTAL_KEY"))
			p.call("GET", "/@shop/cgi-bin/user/get?userid=zhangsan", "", "Authorization: Bearer "+pageKeys["SALES_KEY"]).mustBe(t, 403, "forbidden_account")
			p.stop()
			g.mustHoldNoSecret(p)
			g.mustPush()
		})
	}
}

// Whoever puts wxproxy behind a relay of his own as docs/wecom.md says changes no program: the
// tokens that it has go on to work, and so does the secret that it shows.
func TestMovingFromARelayAsThePageSaysChangesNoProgram(t *testing.T) {
	t.Parallel()
	for _, name := range wecomPages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newWeComPage(t, name)
			old := relayed{t, g.relay("nginx before", "https://qyapi.weixin.qq.com", g.upstream), ""}
			old.fetch()
			old.mustCall()

			p := g.serve(g.blocks["toml config"][0])
			old.site = g.relay("nginx after", "http://127.0.0.1:8080", p.proxy)
			old.mustCall() // with WeCom's own token
			old.fetch()
			if !strings.HasPrefix(old.token, "wxp_") {
				t.Errorf("got the token %s; want a virtual one", old.token)
			}
			old.mustCall()

			client := block{text: fmt.Sprintf("%s[[client]]\nname = \"relay\"\nkey_sha256 = \"%x\"\n", g.blocks["toml config"][0].text, sha256.Sum256([]byte(pageKeys["RELAY_KEY"])))}
			p.stop()
			p = g.serve(client)
			old.site = g.relay("nginx relay", "http://127.0.0.1:8080", p.proxy)
			old.fetch()
			old.mustCall()
			p.call("GET", "/@crm/cgi-bin/user/get?userid=zhangsan", "").mustBe(t, 401, "unauthenticated")
			p.stop()
			g.mustHoldNoSecret(p)
			if n := g.w.Answers(40001); n > 0 {
				t.Errorf("WeCom was shown %d wrong secrets; want none", n)
			}
		})
	}
}

// pageKeys are the keys of the clients on the pages.
var pageKeys = map[string]string{"SALES_KEY": "sales-key-0123456789", "PORTAL_KEY": "portal-key-0123456789", "RELAY_KEY": "relay-key-0123456789"}

// A wecomPage is a page about WeCom, with a simulated one.
type wecomPage struct {
	*page
	w         *wecomtest.WeCom
	crm, shop *wecomtest.Application
	upstream  string
}

func newWeComPage(t *testing.T, name string) *wecomPage {
	t.Helper()
	g := &wecomPage{page: newPage(t, name), w: wecomtest.New(wecomtest.Rules{})}
	g.crm, g.shop = g.w.Add(wecomCRM), g.w.Add(wecomShop)
	g.w.AddRobot("ROBOT_KEY")
	g.upstream = serveWeCom(t, g.w)
	for file, content := range map[string]string{
		"crm-secret": wecomCRM.Secret, "shop-secret": wecomShop.Secret, "crm-push-token": pushToken + "\n", "crm-push-aes-key": pushAESKey + "\n", "a.txt": "a file",
	} {
		writeFile(t, g.etc+"/"+file, content)
	}
	return g
}

// serve starts a proxy with a configuration of the page's, and has its addresses replaced.
func (g *wecomPage) serve(toml block) *program {
	g.t.Helper()
	g.writeFor(toml)
	p := start(g.t, launch{args: []string{"serve", "-config", g.etc + "/config.toml"}, env: []string{
		"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_PUSH_LISTEN=127.0.0.1:0",
	}})
	p.awaitServing()
	p.awaitReady()
	g.replacer = strings.NewReplacer("http://127.0.0.1:8080", p.proxy, "http://127.0.0.1:8081", p.admin,
		"SALES_KEY", pageKeys["SALES_KEY"], "PORTAL_KEY", pageKeys["PORTAL_KEY"])
	return p
}

// writeFor writes a configuration of the page's, for the simulated WeCom.
func (g *wecomPage) writeFor(toml block) {
	g.replacer = strings.NewReplacer("/etc/wxproxy", g.etc, "file:/var/lib/wxproxy", "file:"+g.etc+"/state", "127.0.0.1:9000", g.program.address)
	for _, key := range []string{"SALES_KEY", "PORTAL_KEY"} {
		toml.text = withHash(toml.text, pageKeys[key])
	}
	toml.text += "\n[upstream.wecom]\nurl = \"" + g.upstream + "\"\n"
	g.write(toml)
}

// mustSucceed fails the test unless each line of a block succeeds.
func (g *wecomPage) mustSucceed(b block) {
	g.t.Helper()
	if got := g.run(b); got == "" || failed.MatchString(got) {
		g.t.Errorf("line %d: %s\ngot %s; want answers without an error", b.line, b.text, got)
	}
}

// mustCheckLive fails the test unless check -live says what the page has, before and after
// the address is trusted.
func (g *wecomPage) mustCheckLive(chinese bool) {
	g.t.Helper()
	g.writeFor(g.block("toml config", "default     = true"))
	for _, row := range []struct {
		info, trusted string
		good          bool
	}{{"sh live", "192.0.2.7", false}, {"sh trusted", "127.0.0.1", true}} {
		g.crm.Trust(row.trusted)
		g.w.Advance(61e9)
		b := g.blocks[row.info][0]
		if chinese {
			b.text = "export LANG=zh_CN.UTF-8\n" + b.text
		}
		got, err := g.try(b)
		got = regexp.MustCompile(`(token for |有效期 )[0-9hms]+`).ReplaceAllString(got, "${1}2h0m0s") // WeCom's clock is ahead
		if (err == nil) != row.good {
			g.t.Errorf("%s: got %v, %s; want success: %v", row.info, err, got, row.good)
		}
		for _, line := range regexp.MustCompile(`(?m)^# ( .*)$`).FindAllStringSubmatch(b.text, -1) {
			for piece := range strings.SplitSeq(strings.ReplaceAll(line[1], "203.0.113.7", "127.0.0.1"), "...") {
				if !strings.Contains(got, strings.Trim(piece, " ()[]")) {
					g.t.Errorf("%s: got %s; want %q in it", row.info, got, piece)
				}
			}
		}
	}
}

// mustPush fails the test unless WeCom's pushes reach the program, and its reply a member.
func (g *wecomPage) mustPush() {
	g.t.Helper()
	p := g.serve(g.block("toml config", "[[forward]]"))
	c := wecomtest.Callback{CorpID: wecomCorp, AgentID: wecomCRM.AgentID, URL: p.push + "/push/crm", Token: pushToken, AESKey: pushAESKey, CheckTimeout: patience, Timeout: patience}
	if err := c.Check(g.t.Context()); err != nil {
		g.t.Error(err)
	}
	if d := c.Push(g.t.Context(), c.Text("zhangsan", "hello")); d.Fault != "" || !strings.Contains(string(d.Reply), "hello back") {
		g.t.Errorf("a message: got %s, %s; want the program's reply", d.Reply, d.Fault)
	}
	if got := g.program.await("text"); got.header.Get("Wxproxy-Account") != "crm" || got.path != "/wecom" || !strings.Contains(got.body, "<AgentID>1000002</AgentID>") {
		g.t.Errorf("of a message: got %+v", got)
	}
	p.stop()
	g.mustHoldNoSecret(p)
}

func (g *wecomPage) mustHoldNoSecret(p *program) {
	g.t.Helper()
	for _, app := range []*wecomtest.Application{g.crm, g.shop} {
		for _, secret := range app.Secrets() {
			if strings.Contains(p.stdout.String()+p.stderr.String(), secret) {
				g.t.Errorf("the proxy has printed %s", secret)
			}
		}
	}
}

// relay starts nginx with lines of the page's, in which from is replaced by to.
func (g *wecomPage) relay(info, from, to string) *site {
	g.t.Helper()
	b := g.blocks[info][0]
	return startNginx(g.t, strings.NewReplacer("listen 9080;", "listen 443 ;", from, to, "RELAY_KEY", pageKeys["RELAY_KEY"]).Replace(b.text), "")
}

// A relayed program calls WeCom through a relay, with a secret and tokens of its own.
type relayed struct {
	t     *testing.T
	site  *site
	token string
}

func (r *relayed) get(path string, answer any) {
	r.t.Helper()
	response, err := r.site.client.Get("http://relay" + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(content, answer) != nil {
		r.t.Fatalf("%s: got %d %s, %v", path, response.StatusCode, content, err)
	}
}

func (r *relayed) fetch() {
	r.t.Helper()
	var answer struct {
		Errcode int
		Token   string `json:"access_token"`
	}
	if r.get("/cgi-bin/gettoken?corpid="+wecomCorp+"&corpsecret="+wecomCRM.Secret, &answer); answer.Errcode != 0 || answer.Token == "" {
		r.t.Fatalf("got %+v; want a token", answer)
	}
	r.token = answer.Token
}

func (r *relayed) mustCall() {
	r.t.Helper()
	var answer struct {
		Errcode int
		UserID  string
	}
	if r.get("/cgi-bin/user/get?userid=zhangsan&access_token="+r.token, &answer); answer.UserID != "zhangsan" {
		r.t.Errorf("got %+v; want the member", answer)
	}
}
