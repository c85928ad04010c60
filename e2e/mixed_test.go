package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/internal/wechattest/wecomtest"
)

const (
	mixedKey    = "everything-key-0123456789" // of a client that may call for all
	storeKey    = "storefront-key-0123456789" // of one for WeChat's accounts
	officeKey   = "backoffice-key-0123456789" // of one for WeCom's
	byMixed     = "Authorization: Bearer " + mixedKey
	mixedRounds = 40
)

// A mixed is a process with accounts of every kind, which all are called at once.
type mixed struct {
	*program
	weChat    weChat
	saas      *platformtest.Platform
	weCom     *wecomtest.WeCom
	crm, desk *wecomtest.Application
	forwarded *handled

	callbacks []wecomtest.Callback // of both applications
	toml      string

	mu       sync.Mutex
	answered map[string]bool // the messages that got a good answer, by their names
	failures []string
}

func startMixed(t *testing.T) *mixed {
	t.Helper()
	m := &mixed{answered: map[string]bool{}, forwarded: handle(t, func(http.ResponseWriter, *http.Request) {})}
	m.weChat, m.saas = newSaas(t)
	m.weCom = wecomtest.New(wecomtest.Rules{})
	m.weCom.Record()
	m.crm, m.desk = m.weCom.Add(wecomCRM), m.weCom.Add(wecomShop)
	keys := fmt.Sprintf("push_token = %q\npush_aes_key = %q\n", pushToken, pushAESKey)
	otherKeys := fmt.Sprintf("push_token = %q\npush_aes_key = %q\n", otherPushToken, otherPushAESKey)
	m.toml = fmt.Sprintf("[upstream.wecom]\nurl = %q\n[token]\nstore = \"file:%s\"\n[log]\nlevel = \"debug\"\naccess = true\n", serveWeCom(t, m.weCom), t.TempDir()) +
		fourLines + keys + platformLines + crmLines + otherKeys + strings.Replace(shopLines, "\"store\"", "\"desk\"", 1) + otherKeys +
		fmt.Sprintf("[[forward]]\nurl = %q\n", m.forwarded.URL) +
		fmt.Sprintf("[[client]]\nname = \"mixed\"\nkey = %q\n", mixedKey) +
		fmt.Sprintf("[[client]]\nname = \"storefront\"\nkey = %q\naccounts = [\"shop\"]\n", storeKey) +
		fmt.Sprintf("[[client]]\nname = \"backoffice\"\nkey = %q\naccounts = [\"crm\", \"desk\"]\n", officeKey)
	m.program = serveSaas(t, m.weChat, m.saas, m.toml)
	mustDeliver(t, m.saas.PushTicket(t.Context()))
	_, d := m.saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	m.awaitMerchant(byMixed)
	for name, app := range map[string]wecomtest.App{"crm": wecomCRM, "desk": wecomShop} {
		m.callbacks = append(m.callbacks, wecomtest.Callback{CorpID: wecomCorp, AgentID: app.AgentID, URL: m.push + "/push/" + name, Token: otherPushToken, AESKey: otherPushAESKey})
	}
	return m
}

// message sends a message of this name for an account, and notes how that went.
func (m *mixed) message(account, path, body, name string) {
	a, err := m.ask("POST", m.proxy+"/@"+account+path, strings.Replace(body, "NAME", name, 1), byMixed)
	if err == nil && a.code == http.StatusOK && strings.Contains(a.body, `"errcode":0`) {
		m.mu.Lock()
		m.answered[name] = true
		m.mu.Unlock()
		return
	}
	if !strings.Contains(a.body, `"errcode":40001`) { // as WeChat's callers see when a token is revoked that is not 30 s old
		m.failed("%s: %d %s, %v", name, a.code, a.body, err)
	}
}

func (m *mixed) failed(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures = append(m.failures, fmt.Sprintf(format, args...))
}

// read makes a call that has no effect, and notes unless its answer has want.
func (m *mixed) read(path, want string, headers ...string) {
	if a, err := m.ask("GET", m.proxy+path, "", append(headers, byMixed)...); err != nil || !strings.Contains(a.body, want) && !strings.Contains(a.body, `"errcode":40001`) {
		m.failed("%s: %d %s, %v; want %s", path, a.code, a.body, err, want)
	}
}

// asSDK fetches a token as an SDK does, and calls with it.
func (m *mixed) asSDK(fetch, path, want string) {
	a, err := m.ask("GET", m.proxy+fetch, "")
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err == nil {
		err = json.Unmarshal([]byte(a.body), &token)
	}
	if err != nil || !strings.HasPrefix(token.AccessToken, "wxp_") {
		m.failed("%s: %d %s, %v; want a virtual token", fetch, a.code, a.body, err)
		return
	}
	if a, err := m.ask("GET", m.proxy+path+"&access_token="+token.AccessToken, ""); err != nil || !strings.Contains(a.body, want) && !strings.Contains(a.body, `"errcode":40001`) {
		m.failed("%s: %d %s, %v; want %s", path, a.code, a.body, err, want)
	}
}

const (
	textOfWeChat = `{"touser":"OPENID","msgtype":"text","text":{"content":"NAME"}}`
	userOfWeCom  = "/cgi-bin/user/get?userid=zhangsan"
)

// textOfWeCom returns a message of an application's.
func textOfWeCom(app wecomtest.App) string {
	return `{"touser":"zhangsan","msgtype":"text","agentid":` + app.AgentID + `,"text":{"content":"NAME"}}`
}

// callers are what callers of every kind do in one round.
func (m *mixed) callers() []func(round int) {
	signature := "/wxproxy/jsapi-signature?url=" + url.QueryEscape("https://shop.example/")
	return []func(round int){
		func(i int) { m.message("shop", send, textOfWeChat, fmt.Sprint("shop-", i, "-")) },
		func(i int) { m.message(merchantID, send, textOfWeChat, fmt.Sprint("merchant-", i, "-")) },
		func(i int) {
			m.message("crm", "/cgi-bin/message/send", textOfWeCom(wecomCRM), fmt.Sprint("crm-", i, "-"))
		},
		func(i int) {
			m.message("desk", "/cgi-bin/message/send", textOfWeCom(wecomShop), fmt.Sprint("desk-", i, "-"))
		},
		func(int) { m.read("/@shop"+userInfo, `"OPENID"`); m.read("/@crm"+userOfWeCom, `"zhangsan"`) },
		func(int) { m.read("/@shop"+signature, `"signature"`); m.read("/@crm"+signature, wecomCorp) },
		func(int) {
			m.read("/@desk/cgi-bin/ticket/get?type=agent_config", `"ticket"`)
			m.read("/@shop/cgi-bin/ticket/getticket?type=jsapi", `"ticket"`)
		},
		func(int) {
			m.asSDK("/cgi-bin/token?grant_type=client_credential&appid="+appID+"&secret="+storeKey, userInfo, `"OPENID"`)
			m.asSDK("/cgi-bin/gettoken?corpid="+wecomCorp+"&corpsecret="+officeKey+":crm", userOfWeCom, `"zhangsan"`)
			m.asSDK("/cgi-bin/gettoken?corpid="+wecomCorp+"&corpsecret="+mixedKey+":"+wecomShop.AgentID, userOfWeCom, `"zhangsan"`)
		},
		func(int) { m.astray() },
		m.pushes,
	}
}

// astray makes calls that would take a credential to the other host.
func (m *mixed) astray() {
	for _, path := range []string{
		"/@crm/cgi-bin/token?grant_type=client_credential&appid=" + appID + "&secret=" + mixedKey,
		"/@crm/sns/jscode2session?appid=" + appID + "&secret=" + mixedKey + "&js_code=x",
		"/@shop/cgi-bin/gettoken?corpid=" + wecomCorp + "&corpsecret=" + mixedKey,
		"/@crm/cgi-bin/service/get_corp_token?suite_access_token=x",
		"/@shop/cgi-bin/service/get_provider_token",
	} {
		if a, err := m.ask("GET", m.proxy+path, "", byMixed); err != nil || a.code != http.StatusForbidden {
			m.failed("%s: %d %s, %v; want 403", path, a.code, a.body, err)
		}
	}
}

// pushes has WeChat and WeCom push one message for each account.
func (m *mixed) pushes(round int) {
	ctx := m.t.Context()
	shop := wechattest.Callback{AppID: appID, URL: m.push + "/push/shop", Token: pushToken, AESKey: pushAESKey, Mode: wechattest.Safe}
	if d := shop.Push(ctx, shop.Text("OPENID", fmt.Sprint("push-shop-", round, "-"))); d.Fault != "" {
		m.failed("a push for shop: %s", d.Fault)
	}
	merchant := m.saas.Messages(merchantID)
	if d := merchant.Push(ctx, merchant.Text("OPENID", fmt.Sprint("push-merchant-", round, "-"))); d.Fault != "" {
		m.failed("a push for the merchant: %s", d.Fault)
	}
	for _, c := range m.callbacks {
		if d := c.Push(ctx, c.Text("zhangsan", fmt.Sprint("push-", c.AgentID, "-", round, "-"))); d.Fault != "" {
			m.failed("a push for agent %s: %s", c.AgentID, d.Fault)
		}
	}
}

// round has all callers make their calls at once, while tokens are revoked and the
// configuration is read again.
func (m *mixed) round(i int) {
	var calling sync.WaitGroup
	for _, call := range m.callers() {
		calling.Go(func() { call(i) })
	}
	switch i % 5 {
	case 1:
		m.weChat.Revoke(appID)
		m.crm.Revoke()
	case 2:
		m.saas.RevokeTokens(merchantID)
		m.desk.Revoke()
	case 3:
		m.mustReload(strings.Replace(m.toml, "access = true", "access = true\naccess_sample = 0.5", 1))
	case 4:
		m.mustReload(m.toml)
	}
	calling.Wait()
}

// shown are the requests that one host got, and the credentials in them.
type shown struct {
	requests    []wechattest.Request
	credentials map[string]bool
}

// whatWas returns what a host was shown. Known are credentials of the host's.
func whatWas(requests []wechattest.Request, known ...string) shown {
	s := shown{requests: requests, credentials: map[string]bool{}}
	for _, value := range known {
		s.credentials[value] = true
	}
	for _, r := range requests {
		_, query, _ := strings.Cut(r.Target, "?")
		params, _ := url.ParseQuery(query)
		for _, name := range []string{"access_token", "component_access_token", "corpsecret", "secret"} {
			if value := params.Get(name); value != "" {
				s.credentials[value] = true
			}
		}
	}
	return s
}

// mustHaveNone fails the test if a host was shown one of the credentials.
func (s shown) mustHaveNone(t testing.TB, host string, credentials map[string]bool) {
	t.Helper()
	for _, r := range s.requests {
		said := r.Target + fmt.Sprint(r.Header) + string(r.Body)
		for value := range credentials {
			if strings.Contains(said, value) || strings.Contains(said, url.QueryEscape(value)) {
				t.Fatalf("%s got %s %s; want no credential that is not its own, as %.8s...", host, r.Method, r.Target, value)
			}
		}
	}
}

// mustBeApart fails the test if anything of one kind has reached the other's host.
func (m *mixed) mustBeApart() {
	ofWeChat := whatWas(m.weChat.Requests(), append(m.saas.Secrets(), append(m.weChat.Tokens(appID), appSecret, componentSecret)...)...)
	ofWeCom := whatWas(m.weCom.Requests(), append(m.crm.Secrets(), m.desk.Secrets()...)...)
	if len(ofWeChat.credentials) < 8 || len(ofWeCom.credentials) < 8 {
		m.t.Errorf("got %d and %d credentials; want those of many revocations", len(ofWeChat.credentials), len(ofWeCom.credentials))
	}
	ours := map[string]bool{"wxp_": true, pushToken: true, pushAESKey: true, otherPushToken: true, otherPushAESKey: true}
	for _, key := range []string{mixedKey, storeKey, officeKey} {
		ours[key] = true
	}
	toWeCom := maps.Clone(ours)
	maps.Copy(toWeCom, ofWeChat.credentials)
	maps.Copy(ours, ofWeCom.credentials)
	ofWeChat.mustHaveNone(m.t, "WeChat", ours)
	ofWeCom.mustHaveNone(m.t, "WeCom", toWeCom)
	if n := m.weChat.Doubled() + m.weCom.Doubled(); n != 0 {
		m.t.Errorf("got %d requests with several tokens; want none", n)
	}
}

// mustBeOnce fails the test unless each message was sent once at most, and each that was
// answered, and each push has reached the program.
func (m *mixed) mustBeOnce() {
	var all strings.Builder
	for _, sent := range m.weChat.Sent() {
		all.Write(sent.Body)
	}
	for _, sent := range m.weCom.Sent() {
		all.Write(sent.Body)
	}
	for name := range m.answered {
		if n := strings.Count(all.String(), `"`+name+`"`); n != 1 {
			m.t.Errorf("%s was sent %d times; want once", name, n)
		}
	}
	pushes := strings.Join(m.forwarded.got(), "\n")
	for i := range mixedRounds {
		for _, of := range []string{"shop", "merchant", wecomCRM.AgentID, wecomShop.AgentID} {
			if n := strings.Count(pushes, fmt.Sprint("push-", of, "-", i, "-")); n != 1 {
				m.t.Errorf("push %d for %s reached the program %d times; want once", i, of, n)
			}
		}
	}
	for _, account := range []string{"shop-", "merchant-", "crm-", "desk-"} {
		good := 0
		for i := range mixedRounds {
			name := fmt.Sprint(account, i, "-")
			if m.answered[name] {
				good++
			}
			if n := strings.Count(all.String(), `"`+name+`"`); n > 1 {
				m.t.Errorf("%s was sent %d times", name, n)
			}
		}
		if isOfWeCom := account == "crm-" || account == "desk-"; good == 0 || isOfWeCom && good < mixedRounds {
			m.t.Errorf("%d of %d messages %s* were answered well", good, mixedRounds, account)
		}
	}
}

// mustCountApart fails the test unless /metrics and the log tell of each account what is
// its own.
func (m *mixed) mustCountApart() {
	metrics := m.scrape()
	for account, foreign := range map[string][]string{"shop": {"40014"}, "crm": {"40001"}, "desk": {"40001"}} {
		for _, errcode := range foreign {
			if n, there := metrics.value("wxproxy_upstream_errcodes_total", "account="+account, "errcode="+errcode); there && n > 0 {
				m.t.Errorf("%s: got %v answers %s, which the other host gives", account, n, errcode)
			}
		}
	}
	if n, _ := metrics.value("wxproxy_upstream_errcodes_total", "account=crm", "errcode=40014"); n == 0 {
		m.t.Error("no refusal of crm's token was counted")
	}
	for line := range strings.Lines(m.stderr.String()) {
		var said struct{ Account, Msg, Errmsg, Remedy string }
		if json.Unmarshal([]byte(line), &said) != nil {
			continue
		}
		words := said.Msg + said.Errmsg + said.Remedy
		isOfWeCom := said.Account == "crm" || said.Account == "desk"
		if isOfWeCom && strings.Contains(words, "WeChat") || said.Account == "shop" && strings.Contains(words, "WeCom") {
			m.t.Errorf("got a line of the other kind: %s", line)
		}
	}
}

// Accounts of WeChat's, a platform with its merchants and applications of WeCom's are served
// by one process: whatever is called, revoked and reloaded at once, no credential of one kind
// reaches the other's host, nothing is sent twice and nothing is lost, up to the end.
func TestAMixedProcessKeepsKindsApart(t *testing.T) {
	t.Parallel()
	m := startMixed(t)
	for i := range mixedRounds {
		m.round(i)
	}
	for _, failure := range m.failures {
		t.Error(failure)
	}
	m.mustCountApart()
	m.mustBeOnce()

	served := len(m.answered)
	var calling sync.WaitGroup
	for _, call := range m.callers()[:4] {
		for i := range 10 {
			calling.Go(func() { call(mixedRounds + i) })
		}
	}
	time.Sleep(5 * time.Millisecond)
	m.signal(syscall.SIGTERM)
	calling.Wait()
	m.client.CloseIdleConnections()
	m.mustEnd(exitOK)
	t.Logf("%d of 40 messages were answered at the end", len(m.answered)-served)
	m.mustBeOnce()
	m.mustBeApart()
}
