package e2e

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"wxproxy/internal/wechattest/platformtest"
)

// platformPages are about platforms, one in each language.
var platformPages = [2]string{"docs/platforms.md", "docs/platforms.zh-CN.md"}

const (
	pageComponent  = "wxfedcba9876543210" // the platform's app_id on the pages
	secondMerchant = "wx2222222222222222" // beside merchantID
)

// What docs/platforms.md has people write works with a simulated platform: the configuration,
// the calls, what SDKs send, what operators ask for, an export and its import.
func TestThePageOnPlatformsIsTrue(t *testing.T) {
	t.Parallel()
	for _, name := range platformPages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newPlatformPage(t, name)
			p := g.serve(g.block("toml config", `name = "authorizations"`), g.w.URL)
			saas := g.saas
			saas.Change(func(s *platformtest.Settings) {
				s.EventURL, s.MessageURL, s.Transport = p.push+"/push/saas", p.push+"/push/saas/$APPID$", p.client.Transport
			})
			calls := g.blocks["sh platform"]
			if len(calls) < 6 {
				t.Fatalf("got %d blocks that call; want more", len(calls))
			}
			if got := g.run(calls[0]); !strings.Contains(got, `"no_ticket"`) {
				t.Errorf("before a ticket: got %s", got)
			}
			mustDeliver(t, saas.PushTicket(t.Context()))
			if got := g.run(calls[0]); !strings.Contains(got, `"ready"`) {
				t.Errorf("with a ticket: got %s", got)
			}
			g.mustAuthorize(calls[1])
			if got := g.program.await("info"); got.header.Get("Wxproxy-Account") != "saas" || got.path != "/authorizations" ||
				!strings.Contains(got.body, "<InfoType><![CDATA[authorized]]></InfoType>") {
				t.Errorf("the program got %v %s; want the event", got.header, got.body)
			}
			for _, b := range calls[2:] {
				if got := g.run(b); got == "" || regexp.MustCompile(`"errcode":\s*(-|[1-9])`).MatchString(got) {
					t.Errorf("line %d: %s\ngot %s; want answers without an error", b.line, b.text, got)
				}
			}
			messages := saas.Messages(merchantID)
			if d := messages.Push(t.Context(), messages.Text("oABC", "hello")); d.Fault != "" || !strings.Contains(string(d.Reply), "hello back") {
				t.Errorf("a message: got %s, %s; want the program's reply", d.Reply, d.Fault)
			}
			if got := g.program.await("text"); got.header.Get("Wxproxy-Account") != merchantID || got.header.Get("Wxproxy-App-Id") != merchantID || got.path != "/messages" {
				t.Errorf("of a message: got %v", got.header)
			}
			g.mustExport()
			p.stop()
			g.mustHoldNoSecret(p)
			g.mustRecover(name)
		})
	}
}

// Whoever moves as docs/platforms.md says loses no event, no merchant and no call: the old
// program hears of everything, and its calls work on either side of each step.
func TestMovingAPlatformAsThePageSaysLosesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range platformPages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newPlatformPage(t, name)
			saas := g.saas
			saas.NewTicket()
			old := oldOwner{g: g, base: g.w.URL}
			old.fetchComponentToken(componentSecret, saas.Ticket())
			list := g.blocks["text merchants"][0].text
			for _, id := range []string{merchantID, secondMerchant} {
				granted := old.redeem(saas.Grant(id).Code)
				list = regexp.MustCompile("(?m)^"+id+",.*").ReplaceAllString(list, id+","+granted.Refresh)
			}
			writeFile(t, g.etc+"/merchants.csv", list)
			toml := g.block("toml config", "old-events")
			g.write(toml)
			if got, want := g.run(g.blocks["sh import"][0]), "2 imported, 0 there already"; !strings.Contains(got, want) {
				t.Errorf("got %s; want %s", got, want)
			}
			p := g.serve(toml, g.w.URL)
			if got := g.state(p); got != "no_ticket" {
				t.Errorf("before the events: got %s", got)
			}
			old.mustCall(merchantID)

			lines := "server {\nlisten 443 ssl;\nserver_name push.example.com;\nssl_certificate /etc/nginx/push.crt;\nssl_certificate_key /etc/nginx/push.key;\naccess_log /var/log/nginx/push.log;\n" +
				strings.ReplaceAll(g.blocks["nginx locations"][0].text+g.blocks["nginx locations"][1].text, "127.0.0.1:9000", g.program.address) + "}\n"
			site := startNginx(t, lines, strings.TrimPrefix(p.push, "http://"))
			saas.Change(func(s *platformtest.Settings) {
				s.EventURL, s.MessageURL, s.Transport = "https://push.example.com/wechat/ticket", "https://push.example.com/wechat/$APPID$/message", site.client.Transport
			})
			mustDeliver(t, saas.PushTicket(t.Context()))
			p.eventually("the platform is ready", func() bool { return g.state(p) == "ready" })
			byPath, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://push.example.com/wechat/message?nonce=1", strings.NewReader("by its path"))
			if err != nil {
				t.Fatal(err)
			}
			byPath.Header.Set("Wxproxy-App-Id", merchantID)
			if response, err := site.client.Do(byPath); err != nil || response.Body.Close() != nil || g.program.await("by its path").path != "/wechat/"+merchantID+"/message" {
				t.Errorf("got %+v, %v; want the app id in the path", response, err)
			}
			old.mustCall(secondMerchant) // with its own tokens, beside wxproxy
			p.mustServe("GET", "/@"+merchantID+userInfo, "")
			p.mustServe("GET", "/@"+secondMerchant+userInfo, "")

			third, d := saas.Authorize(t.Context(), "wx3333333333333333")
			mustDeliver(t, d)
			if got := g.program.await("Encrypt"); !strings.Contains(got.body, "<Encrypt>") || got.path != "/wechat/ticket" {
				t.Errorf("the old program got %s %s; want an event that is encrypted", got.path, got.body)
			}
			old.base = p.proxy
			old.fetchComponentToken("any", "ticket@@@wxproxy")
			if got := old.redeem(third.Code); got.AppID != "wx3333333333333333" || got.Refresh != "refreshtoken@@@wxproxy" {
				t.Errorf("the code through wxproxy: got %+v", got)
			}
			old.mustCall("wx3333333333333333")
			messages := saas.Messages(merchantID)
			if d := messages.Push(t.Context(), messages.Text("oABC", "hello")); d.Fault != "" {
				t.Errorf("a message: got %s", d.Fault)
			}
			const another = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
			saas.Change(func(s *platformtest.Settings) { s.Secret = another })
			writeFile(t, g.etc+"/saas-secret", another+"\n")
			saas.RevokeTokens(componentID)
			p.eventually("the new AppSecret is taken", func() bool {
				return p.call("GET", "/wxa/gettemplatelist", "").code == 200
			})
			p.stop()
			if got := saas.Counts(); got.QueryAuths != 3 || got.RefusedQueryAuths != 0 {
				t.Errorf("got %+v; want three codes redeemed, each once", got)
			}
			g.mustHoldNoSecret(p)
		})
	}
}

// Environments share a platform as docs/platforms.md says: each program gets what is for it, and
// may call for its own merchants alone.
func TestEnvironmentsShareAPlatformAsThePageSays(t *testing.T) {
	t.Parallel()
	g, staging := newPlatformPage(t, platformPages[0]), startHeardProgram(t)
	keys := []string{"production-key-0123456789", "staging-key-0123456789"}
	toml := g.block("toml config", `name = "staging"`)
	for _, key := range keys {
		toml.text = withHash(toml.text, key)
	}
	toml.text = strings.ReplaceAll(toml.text, "https://staging.example.com", "http://"+staging.address)
	p, saas := g.serve(toml, g.w.URL), g.saas
	saas.Change(func(s *platformtest.Settings) {
		s.EventURL, s.MessageURL, s.Transport = p.push+"/push/saas", p.push+"/push/saas/$APPID$", p.client.Transport
	})
	mustDeliver(t, saas.PushTicket(t.Context()))
	staging.await("ticket@@@wxproxy")
	for _, id := range []string{merchantID, secondMerchant} {
		_, d := saas.Authorize(t.Context(), id)
		mustDeliver(t, d)
		g.program.await(id)
		staging.await(id)
		messages := saas.Messages(id)
		if d := messages.Push(t.Context(), messages.Text("oABC", "hello "+id)); d.Fault != "" || len(d.Reply) == 0 {
			t.Errorf("a message to %s: got %s, %s", id, d.Reply, d.Fault)
		}
	}
	if got := g.program.await("hello "+merchantID).path + staging.await("hello "+secondMerchant).path; got != "/messages/messages" {
		t.Errorf("got messages at %s; want each at its own program", got)
	}
	production, other := "Authorization: Bearer "+keys[0], "Authorization: Bearer "+keys[1]
	p.mustServe("GET", "/@"+merchantID+userInfo, "", production)
	p.mustServe("POST", "/wxa/deletetemplate", `{"template_id":1}`, production)
	p.mustServe("GET", userInfo, "", other)
	p.call("GET", "/@"+merchantID+userInfo, "", other).mustBe(t, 403, "forbidden_account")
	p.call("GET", "/wxa/gettemplatelist", "", other).mustBe(t, 403, "forbidden_account")
	p.stop()
	for _, one := range []*heardProgram{g.program, staging} {
		one.mu.Lock()
		defer one.mu.Unlock()
		for _, got := range one.heard {
			if strings.Contains(got.body, saas.Ticket()) {
				t.Errorf("a program got the real ticket: %s", got.body)
			}
		}
	}
}

// A merchant's program that is held to paths is held to them as it calls them: of the two ways
// to log in, it may take the one that docs/platforms.md allows it.
func TestAMerchantsProgramMayDoWhatThePageSays(t *testing.T) {
	t.Parallel()
	g := newPlatformPage(t, platformPages[0])
	toml := g.block("toml config", `name = "bakery"`)
	for _, key := range []string{"backend-key-0123456789", "console-key-0123456789", "bakery-key-0123456789"} {
		toml.text = withHash(toml.text, key)
	}
	p, saas := g.serve(toml, g.w.URL), g.saas
	saas.Change(func(s *platformtest.Settings) { s.EventURL, s.Transport = p.push+"/push/saas", p.client.Transport })
	mustDeliver(t, saas.PushTicket(t.Context()))
	_, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	p.awaitMerchant("Authorization: Bearer backend-key-0123456789")
	const bakery, login = "Authorization: Bearer bakery-key-0123456789", "jscode2session?appid=" + merchantID + "&js_code=CODE1&grant_type=authorization_code"
	p.mustServe("GET", "/sns/component/"+login, "", bakery)
	p.call("GET", "/@"+merchantID+"/sns/"+login, "", bakery).mustBe(t, 403, "forbidden_path")
	p.call("GET", "/@"+merchantID+userInfo, "", bakery).mustBe(t, 403, "forbidden_path")
	p.stop()
}

// A page is one whose blocks are run.
type page struct {
	t        *testing.T
	blocks   map[string][]block
	etc, bin string
	program  *heardProgram
	replacer *strings.Replacer // of what the page has by what there is
}

func newPage(t *testing.T, name string) *page {
	t.Helper()
	g := &page{t: t, blocks: map[string][]block{}, etc: t.TempDir(), bin: t.TempDir(), program: startHeardProgram(t)}
	for _, b := range readBlocks(t, name) {
		g.blocks[b.info] = append(g.blocks[b.info], b)
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, g.bin+"/wxproxy", "#!/bin/sh\nexec env "+asProgram+"=1 '"+executable+"' \"$@\"\n")
	chmod(t, g.bin+"/wxproxy", 0o700)
	return g
}

// A platformPage is a page about platforms, with a simulated WeChat.
type platformPage struct {
	*page
	w    weChat
	saas *platformtest.Platform
}

func newPlatformPage(t *testing.T, name string) *platformPage {
	t.Helper()
	g := &platformPage{page: newPage(t, name)}
	// There is no such user: the folder is the test's, and so is the process.
	writeFile(t, g.bin+"/install", "#!/bin/sh\n[ \"$1 $2 $3 $4 $5 $6 $7\" = '-d -o wxproxy -g wxproxy -m 700' ] && exec mkdir -p -m 700 \"$8\"\n")
	writeFile(t, g.bin+"/runuser", "#!/bin/sh\n[ \"$1 $2 $3\" = '-u wxproxy --' ] && shift 3 && exec \"$@\"\n")
	chmod(t, g.bin+"/install", 0o700)
	chmod(t, g.bin+"/runuser", 0o700)
	for file, content := range map[string]string{
		"saas-secret": componentSecret, "saas-push-token": pushToken + "\n", "saas-push-aes-key": pushAESKey + "\n",
		"token-key": base64.StdEncoding.EncodeToString([]byte(appSecret)),
	} {
		writeFile(t, filepath.Join(g.etc, file), content)
	}
	g.w, g.saas = newSaas(t)
	g.saas.Change(func(s *platformtest.Settings) { s.Token, s.AESKey = pushToken, pushAESKey })
	g.replacer = strings.NewReplacer("/etc/wxproxy", g.etc, "/var/lib/wxproxy", g.etc+"/state", "127.0.0.1:9000", g.program.address, pageComponent, componentID)
	return g
}

// block returns the only block of a kind that has a text in it.
func (g *page) block(info, has string) block {
	g.t.Helper()
	for _, b := range g.blocks[info] {
		if strings.Contains(b.text, has) {
			return b
		}
	}
	g.t.Fatalf("got no %s with %s", info, has)
	return block{}
}

func (g *page) write(toml block) {
	writeFile(g.t, g.etc+"/config.toml", g.replacer.Replace(toml.text))
}

// serve starts a proxy with a configuration of the page's, and has its addresses replaced.
func (g *platformPage) serve(toml block, upstream string) *program {
	g.t.Helper()
	g.write(toml)
	p := start(g.t, launch{args: []string{"serve", "-config", g.etc + "/config.toml"}, env: []string{
		"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_PUSH_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + upstream,
	}})
	p.awaitServing()
	p.awaitReady()
	g.replacer = strings.NewReplacer("/etc/wxproxy", g.etc, "/var/lib/wxproxy", g.etc+"/state", "http://127.0.0.1:8080", p.proxy, "http://127.0.0.1:8081", p.admin, pageComponent, componentID)
	return p
}

// run returns what a block prints.
func (g *page) run(b block) string {
	g.t.Helper()
	out, err := g.try(b)
	if err != nil {
		g.t.Errorf("line %d: %s\ngot %v: %s", b.line, b.text, err, out)
	}
	return out
}

// try does so, also of what fails.
func (g *page) try(b block) (string, error) {
	text := strings.NewReplacer("curl ", "curl -sS ", "curl -s ", "curl -sS ").Replace(g.replacer.Replace(b.text))
	c := exec.CommandContext(g.t.Context(), "sh", "-e", "-c", text)
	c.Dir, c.Env = g.etc, []string{"PATH=" + g.bin + ":" + os.Getenv("PATH"), "HOME=" + g.etc, "GOCOVERDIR=" + g.t.TempDir()}
	out, err := c.CombinedOutput()
	return string(out), err
}

// mustAuthorize has a merchant visit the page whose address a block prints.
func (g *platformPage) mustAuthorize(b block) {
	g.t.Helper()
	authorized, err := g.saas.Visit(strings.TrimSpace(g.run(b)), merchantID)
	if err != nil {
		g.t.Fatal(err)
	}
	mustDeliver(g.t, g.saas.Push(g.t.Context(), authorized.Event))
}

// mustExport fails the test unless the export of the page is encrypted, and an import takes
// it into an empty store.
func (g *platformPage) mustExport() {
	g.t.Helper()
	if got := g.run(g.blocks["sh export"][0]); !strings.Contains(got, "1 exported") {
		g.t.Errorf("the export: got %s", got)
	}
	files, err := filepath.Glob(g.etc + "/saas-2*.csv")
	if err != nil || len(files) != 1 {
		g.t.Fatalf("got %v, %v; want an export", files, err)
	}
	exported := read(g.t, files[0])
	for _, secret := range g.saas.Secrets() {
		if strings.Contains(exported, secret) {
			g.t.Errorf("the export has %s in the clear", secret)
		}
	}
	if err := os.Rename(g.etc+"/state", g.etc+"/state-before"); err != nil {
		g.t.Fatal(err)
	}
	again := g.blocks["sh import"][0]
	again.text = strings.ReplaceAll(again.text, "merchants.csv", files[0])
	if got := g.run(again); !strings.Contains(got, "1 imported") {
		g.t.Errorf("the import of an export: got %s", got)
	}
}

// mustRecover fails the test unless a proxy with an empty store knows the merchant when it has
// a ticket, by WeChat's list.
func (g *platformPage) mustRecover(name string) {
	g.t.Helper()
	again := newPlatformPage(g.t, name)
	p := again.serve(again.block("toml config", `name = "authorizations"`), g.w.URL)
	g.saas.Change(func(s *platformtest.Settings) { s.EventURL, s.Transport = p.push+"/push/saas", p.client.Transport })
	mustDeliver(g.t, g.saas.PushTicket(g.t.Context()))
	p.awaitMerchant()
	p.stop()
}

// state returns what /status says of the platform.
func (g *platformPage) state(p *program) string {
	g.t.Helper()
	var status struct{ Platforms []struct{ State string } }
	if a := p.mustAsk("GET", p.admin+"/status", ""); json.Unmarshal([]byte(a.body), &status) != nil || len(status.Platforms) != 1 {
		g.t.Fatalf("/status: got %s", a.body)
	}
	return status.Platforms[0].State
}

func (g *platformPage) mustHoldNoSecret(p *program) {
	g.t.Helper()
	for _, secret := range g.saas.Secrets() {
		if strings.Contains(p.stdout.String()+p.stderr.String(), secret) {
			g.t.Errorf("the proxy has printed %s", secret)
		}
	}
}

// An oldOwner is a program that manages the platform's tokens itself.
type oldOwner struct {
	g         *platformPage
	base      string
	component string
}

// ask calls an API of platforms, with what the caller shows in the query.
func (o *oldOwner) ask(path string, ask map[string]string, answer any) {
	o.g.t.Helper()
	ask["component_appid"] = componentID
	body, err := json.Marshal(ask)
	if err != nil {
		o.g.t.Fatal(err)
	}
	response, err := http.Post(o.base+"/cgi-bin/component/"+path+"?component_access_token="+o.component, "application/json", strings.NewReader(string(body)))
	if err != nil {
		o.g.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || json.Unmarshal(content, answer) != nil || strings.Contains(string(content), `"errcode":`) {
		o.g.t.Fatalf("%s: got %s, %v", path, content, err)
	}
}

func (o *oldOwner) fetchComponentToken(secret, ticket string) {
	o.g.t.Helper()
	var answer struct {
		Token string `json:"component_access_token"`
	}
	o.component = ""
	o.ask("api_component_token", map[string]string{"component_appsecret": secret, "component_verify_ticket": ticket}, &answer)
	o.component = answer.Token
}

// An oldGrant is what the program gets for a code.
type oldGrant struct {
	AppID   string `json:"authorizer_appid"`
	Token   string `json:"authorizer_access_token"`
	Refresh string `json:"authorizer_refresh_token"`
}

func (o *oldOwner) redeem(code string) oldGrant {
	o.g.t.Helper()
	var answer struct {
		Info oldGrant `json:"authorization_info"`
	}
	o.ask("api_query_auth", map[string]string{"authorization_code": code}, &answer)
	return answer.Info
}

// mustCall fails the test unless the program can call for an account.
func (o *oldOwner) mustCall(appID string) {
	o.g.t.Helper()
	var granted oldGrant
	refresh := o.g.saas.RefreshToken(appID)
	if o.base != o.g.w.URL {
		refresh = "refreshtoken@@@wxproxy"
	}
	o.ask("api_authorizer_token", map[string]string{"authorizer_appid": appID, "authorizer_refresh_token": refresh}, &granted)
	response, err := http.Get(o.base + userInfo + "&access_token=" + granted.Token)
	if err != nil {
		o.g.t.Fatal(err)
	}
	defer response.Body.Close()
	if content, err := io.ReadAll(response.Body); err != nil || response.StatusCode != 200 || strings.Contains(string(content), `"errcode":4`) {
		o.g.t.Errorf("%s of the old program: got %d %s, %v", appID, response.StatusCode, content, err)
	}
}

// A heardProgram is a program that pushes are forwarded to.
type heardProgram struct {
	t       *testing.T
	address string
	mu      sync.Mutex
	heard   []heard
}

type heard struct {
	path, body string
	header     http.Header
}

func startHeardProgram(t *testing.T) *heardProgram {
	t.Helper()
	h := &heardProgram{t: t}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.heard = append(h.heard, heard{r.URL.Path, string(body), r.Header})
		h.mu.Unlock()
		if strings.Contains(string(body), "<MsgType><![CDATA[text]]>") {
			io.WriteString(w, "<xml><ToUserName>oABC</ToUserName><FromUserName>gh_1</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType><Content>hello back</Content></xml>")
		}
	}))
	t.Cleanup(s.Close)
	h.address = strings.TrimPrefix(s.URL, "http://")
	return h
}

// await returns the first push in which a text stands.
func (h *heardProgram) await(has string) (found heard) {
	h.t.Helper()
	(&program{t: h.t}).eventually("a push with "+has, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		at := slices.IndexFunc(h.heard, func(one heard) bool { return strings.Contains(strings.ToLower(one.body), strings.ToLower(has)) })
		if at >= 0 {
			found = h.heard[at]
		}
		return at >= 0
	})
	return found
}
