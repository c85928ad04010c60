package wecomtest

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// "Section" below is one of the collection of facts about WeCom that these rules are from;
// what stands in brackets is where it has them from.

const corpID = "ww0123456789abcdef"

// A company is a corp with two applications.
type company struct {
	*WeCom
	t         *testing.T
	crm, shop *Application
	from      string // the caller's address
}

func newCompany(t *testing.T, rules Rules) *company {
	c := &company{WeCom: New(rules), t: t, from: "10.0.0.1"}
	c.crm = c.Add(App{CorpID: corpID, AgentID: "1000002", Secret: "crm-secret"})
	c.shop = c.Add(App{CorpID: corpID, AgentID: "1000003", Secret: "shop-secret"})
	return c
}

// A result is an answer.
type result struct {
	*http.Response
	raw     string
	members map[string]any
}

func (r result) errcode() int {
	n, _ := r.members["errcode"].(float64)
	return int(n)
}

func (r result) text(name string) string {
	s, _ := r.members[name].(string)
	return s
}

func (r result) number(name string) int {
	n, _ := r.members[name].(float64)
	return int(n)
}

// call calls an API, with POST if there is a body.
func (c *company) call(target, body string) result {
	c.t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	return c.do(method, target, "application/json", body)
}

func (c *company) do(method, target, contentType, body string) result {
	c.t.Helper()
	request, err := http.NewRequest(method, "https://qyapi.weixin.qq.com"+target, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.RemoteAddr = c.from + ":4711"
	request.Header.Set("Content-Type", contentType)
	response, err := c.RoundTrip(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	r := result{Response: response, raw: string(raw)}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(raw, &r.members); err != nil {
			c.t.Fatalf("%s: %v", raw, err)
		}
	}
	return r
}

// fetch calls gettoken.
func (c *company) fetch(secret string) result {
	c.t.Helper()
	return c.call("/cgi-bin/gettoken?corpid="+corpID+"&corpsecret="+secret, "")
}

// token returns the token that gettoken yields.
func (c *company) token(secret string) string {
	c.t.Helper()
	r := c.fetch(secret)
	if r.errcode() != 0 || r.text("access_token") == "" {
		c.t.Fatalf("got %s; want a token", r.raw)
	}
	return r.text("access_token")
}

// must calls an API and wants an errcode.
func (c *company) must(want int, target, body string) result {
	c.t.Helper()
	r := c.call(target, body)
	if r.StatusCode != http.StatusOK || r.errcode() != want {
		c.t.Errorf("%s: got status %d and %s; want errcode %d", strings.SplitN(target, "?", 2)[0], r.StatusCode, r.raw, want)
	}
	return r
}

// Section 1 [91039]: GET, errcode 0 and errmsg ok are there, 7200 s, 214 letters.
func TestATokenIsAnsweredWithErrcode(t *testing.T) {
	c := newCompany(t, Rules{})
	r := c.fetch("crm-secret")
	want := regexp.MustCompile(`^\{"errcode":0,"errmsg":"ok","access_token":"[A-Za-z0-9_-]{214}","expires_in":7200\}$`)
	if !want.MatchString(r.raw) || r.StatusCode != http.StatusOK {
		t.Errorf("got %d %s", r.StatusCode, r.raw)
	}
	if r = c.fetch("crm-secret&appid=x&secret=y&neededText="); r.errcode() != 0 { // section 9, PowerWeChat
		t.Errorf("with further parameters: got %s", r.raw)
	}
}

// Section 1 [91039 of 2020, 97164, 96237]: the same token while it is valid, then another.
func TestAskingAgainYieldsTheSameToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, Rules{})
		first := c.token("crm-secret")
		time.Sleep(30 * time.Minute)
		again := c.fetch("crm-secret")
		if again.text("access_token") != first || again.number("expires_in") != 5400 {
			t.Errorf("got %s; want the same token with the rest of its life", again.raw)
		}
		time.Sleep(90 * time.Minute)
		c.must(42001, "/cgi-bin/user/get?userid=a&access_token="+first, "")
		if c.token("crm-secret") == first {
			t.Error("got the same token after its end")
		}
		if got := c.crm.Fetches(); got != (Fetches{Tokens: 3, New: 2}) {
			t.Errorf("got %+v", got)
		}
	})
}

// Section 1: one token per secret [91039], whose values never mix.
func TestEachApplicationHasItsOwnToken(t *testing.T) {
	c := newCompany(t, Rules{})
	if c.token("crm-secret") == c.token("shop-secret") {
		t.Error("got one token for two applications")
	}
	if len(c.crm.Tokens()) != 1 || len(c.shop.Tokens()) != 1 {
		t.Error("got another number of tokens than one each")
	}
}

// Sections 1 and 14.1: near its end a token may stay, live on [DingTalk's do], or be
// replaced while the first lives to its end, 4 h in all [STAFF]; overlap is of unknown length.
func TestNearItsEndATokenIsTreatedAsTheRulesSay(t *testing.T) {
	tests := []struct {
		name          string
		rules         Rules
		same, goodToo bool // the second answer has the same token; the first one is good after two hours
		expiresIn     int
	}{
		{"kept", Rules{Near: 10 * time.Minute}, true, false, 300},
		{"kept, and said to be new", Rules{SaysFull: true}, true, false, 7200},
		{"prolonged", Rules{Near: 10 * time.Minute, NearEnd: Prolong}, true, true, 7200},
		{"not near enough", Rules{Near: time.Minute, NearEnd: Prolong}, true, false, 300},
		{"replaced", Rules{Near: 10 * time.Minute, NearEnd: Replace}, false, false, 7200},
		{"replaced with overlap", Rules{Near: 10 * time.Minute, NearEnd: Replace, Overlap: 15 * time.Minute}, false, true, 7200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCompany(t, test.rules)
				first := c.token("crm-secret")
				time.Sleep(115 * time.Minute)
				r := c.fetch("crm-secret")
				if same := r.text("access_token") == first; same != test.same || r.number("expires_in") != test.expiresIn {
					t.Errorf("got the same token %v with %d s; want %v with %d", same, r.number("expires_in"), test.same, test.expiresIn)
				}
				c.must(0, "/cgi-bin/user/get?userid=a&access_token="+first, "")
				time.Sleep(6 * time.Minute)
				want := 42001
				if test.goodToo {
					want = 0
				}
				c.must(want, "/cgi-bin/user/get?userid=a&access_token="+first, "")
			})
		})
	}
}

// Sections 1 [91039, #292] and 14.2: a token may end early, and then another is there, at
// once or not; 42001 and 40014 were both seen (section 2).
func TestATokenMayEndEarly(t *testing.T) {
	c := newCompany(t, Rules{StaleFor: time.Minute})
	first := c.token("crm-secret")
	c.crm.Revoke()
	c.must(40014, "/cgi-bin/user/get?userid=a&access_token="+first, "")
	if c.token("crm-secret") != first {
		t.Error("got another token although gettoken has not noticed")
	}
	c.Advance(time.Minute)
	second := c.token("crm-secret")
	if second == first {
		t.Error("got the token that ended")
	}
	c.must(40014, "/cgi-bin/user/get?userid=a&access_token="+first, "")
	c.crm.Expire()
	c.must(42001, "/cgi-bin/user/get?userid=a&access_token="+second, "")

	c.Change(func(r *Rules) { r.Revoked, r.Expired = 42001, 40014 })
	c.must(42001, "/cgi-bin/user/get?userid=a&access_token="+first, "")
	c.must(40014, "/cgi-bin/user/get?userid=a&access_token="+second, "")
}

// Sections 1 and 14.2 [#292]: resetting a secret ends the token, or not; section 2: the secret
// before gets 40001.
func TestResettingASecretEndsTheToken(t *testing.T) {
	c := newCompany(t, Rules{})
	first := c.token("crm-secret")
	c.crm.ResetSecret("new-secret")
	c.must(40014, "/cgi-bin/user/get?userid=a&access_token="+first, "")
	if got := c.fetch("crm-secret").errcode(); got != 40001 {
		t.Errorf("got %d; want 40001", got)
	}
	second := c.token("new-secret")
	c.must(0, "/cgi-bin/user/get?userid=a&access_token="+second, "")
	c.Change(func(r *Rules) { r.ResetKeeps = true })
	c.crm.ResetSecret("third-secret")
	c.must(0, "/cgi-bin/user/get?userid=a&access_token="+second, "")
}

// Section 2: 40001, 40091, 40013, 41002, 41004; section 1: the words of a refusal, and
// section 3: its headers, and the end of the connection.
func TestRefusalsOfGettoken(t *testing.T) {
	c := newCompany(t, Rules{})
	c.Add(App{CorpID: "ww-other", AgentID: "1", Secret: "others-secret"})
	tests := []struct {
		query string
		want  int
	}{
		{"corpid=" + corpID + "&corpsecret=wrong", 40001},
		{"corpid=" + corpID + "&corpsecret=others-secret", 40091},
		{"corpid=ww-nobody&corpsecret=crm-secret", 40013},
		{"corpsecret=crm-secret", 41002},
		{"corpid=" + corpID, 41004},
	}
	for _, test := range tests {
		r := c.must(test.want, "/cgi-bin/gettoken?"+test.query, "")
		if r.Header.Get("Connection") != "close" || r.text("access_token") != "" {
			t.Errorf("%d: got %s, Connection %q", test.want, r.raw, r.Header.Get("Connection"))
		}
	}
	r := c.fetch("wrong")
	words := regexp.MustCompile(`^invalid credential, hint: \[\d+_\d+_[0-9a-f]{32}\], from ip: 10\.0\.0\.1, more info at https://open\.work\.weixin\.qq\.com/devtool/query\?e=40001$`)
	if !words.MatchString(r.text("errmsg")) || r.Header.Get("Error-Code") != "40001" || r.Header.Get("Error-Msg") != r.text("errmsg") {
		t.Errorf("got %q and the header %v", r.text("errmsg"), r.Header)
	}
	if n := c.Answers(40001); n != 2 {
		t.Errorf("got %d answers with 40001; want 2", n)
	}
}

// Section 2: 40001 (3) and 50003, the application is disabled; its token works again when
// it is enabled.
func TestADisabledApplicationIsRefused(t *testing.T) {
	c := newCompany(t, Rules{})
	token := c.token("crm-secret")
	c.crm.Disable(true)
	c.must(50003, "/cgi-bin/user/get?userid=a&access_token="+token, "")
	if got := c.fetch("crm-secret").errcode(); got != 40001 || c.crm.Fetches().Refused != 1 {
		t.Errorf("got %d, %+v", got, c.crm.Fetches())
	}
	c.crm.Disable(false)
	c.must(0, "/cgi-bin/user/get?userid=a&access_token="+token, "")
}

// Section 1 [45009 (5), STAFF]: too many wrong secrets in an hour have the address refused
// for an hour, all applications behind it.
func TestManyWrongSecretsBanTheAddress(t *testing.T) {
	c := newCompany(t, Rules{BanAfter: 3})
	c.fetch("wrong")
	c.Advance(time.Hour) // that one does not count any more
	c.crm.ResetSecret("other")
	token := c.token("shop-secret")
	c.fetch("crm-secret")
	c.must(40013, "/cgi-bin/gettoken?corpid=ww-nobody&corpsecret=x", "")
	c.must(0, "/cgi-bin/user/get?userid=a&access_token="+token, "")
	c.fetch("crm-secret")

	if got := c.fetch("shop-secret").errcode(); got != 45009 {
		t.Errorf("got %d for an application with the right secret; want 45009", got)
	}
	c.must(45009, "/cgi-bin/user/get?userid=a&access_token="+token, "")
	c.Change(func(r *Rules) { r.BanTokensOnly = true })
	c.must(0, "/cgi-bin/user/get?userid=a&access_token="+token, "")
	c.from = "10.0.0.2"
	c.token("shop-secret")
	c.from = "10.0.0.1"
	c.Advance(59 * time.Minute)
	if got := c.fetch("shop-secret").errcode(); got != 45009 {
		t.Errorf("got %d within the hour; want 45009", got)
	}
	c.Advance(time.Minute)
	c.token("shop-secret")
}

// Section 1: the address may be freed by hand.
func TestAnAddressCanBeFreed(t *testing.T) {
	c := newCompany(t, Rules{BanAfter: 1})
	c.fetch("wrong")
	c.Unban("10.0.0.1")
	c.token("crm-secret")
}

// Section 2: 41001 without a token in the URL, 40014 for one that is none; section 4: the
// parameter's name.
func TestBusinessCallsCheckTheToken(t *testing.T) {
	c := newCompany(t, Rules{})
	token := c.token("crm-secret")
	c.must(41001, "/cgi-bin/user/get?userid=a", "")
	c.must(41001, "/cgi-bin/message/send", `{"access_token":"`+token+`","touser":"a","msgtype":"text","agentid":1000002}`)
	c.must(41001, "/cgi-bin/user/get?userid=a&suite_access_token="+token, "")
	c.must(40014, "/cgi-bin/user/get?userid=a&access_token=x", "")
	c.must(40014, "/cgi-bin/user/get?userid=a&access_token="+token+"&access_token="+token, "")
	c.must(40014, "/cgi-bin/user/get?userid=a&access_token="+token+"&provider_access_token=x", "")
	c.must(41022, "/cgi-bin/service/get_corp_token?access_token="+token, "{}")
	if c.Doubled() != 2 || len(c.Sent()) != 0 {
		t.Errorf("got %d requests with several tokens, and %d were sent; want 2 and none", c.Doubled(), len(c.Sent()))
	}
}

// Section 2: 40014 (3), another application's token at jscode2session, which no other
// token of the same application cures.
func TestAMiniProgramsLoginTakesItsOwnApplicationsToken(t *testing.T) {
	c := newCompany(t, Rules{})
	c.Add(App{CorpID: corpID, AgentID: "1000009", Secret: "mini-secret", MiniProgram: true})
	path := "/cgi-bin/miniprogram/jscode2session?js_code=x&grant_type=authorization_code&access_token="
	c.must(40014, path+c.token("crm-secret"), "")
	if r := c.must(0, path+c.token("mini-secret"), ""); r.text("userid") == "" {
		t.Errorf("got %s", r.raw)
	}
}

// Sections 1 and 2 [COMM]: addresses are checked when APIs are called and not at gettoken;
// a list works a minute after it was saved; get_api_domain_ip may not check (14.5).
func TestOnlyTrustedAddressesMayCall(t *testing.T) {
	c := newCompany(t, Rules{})
	token := c.token("crm-secret")
	call := "/cgi-bin/user/get?userid=a&access_token=" + token
	c.crm.Trust("10.0.0.9", "10.0.0.8")
	c.must(0, call, "")
	c.Advance(time.Minute)
	r := c.must(60020, call, "")
	words := regexp.MustCompile(`^not allow to access from your ip, hint: \[\S+\], from ip: 10\.0\.0\.1, more info at \S+e=60020$`)
	if !words.MatchString(r.text("errmsg")) {
		t.Errorf("got %q", r.text("errmsg"))
	}
	c.token("crm-secret")
	c.must(60020, "/cgi-bin/message/send?access_token="+token, `{"touser":"a","msgtype":"text","agentid":1000002}`)
	c.must(60020, "/cgi-bin/get_jsapi_ticket?access_token="+token, "")
	c.must(0, "/cgi-bin/get_api_domain_ip?access_token="+token, "")
	c.Change(func(r *Rules) { r.CheckAll, r.HideIP = true, true })
	r = c.must(60020, "/cgi-bin/get_api_domain_ip?access_token="+token, "")
	if !strings.Contains(r.text("errmsg"), "from ip: , more info") { // section 3
		t.Errorf("got %q; want no address", r.text("errmsg"))
	}
	c.must(0, "/cgi-bin/user/get?userid=a&access_token="+c.token("shop-secret"), "") // each application has its own list
	c.crm.Trust("10.0.0.1")
	c.Advance(time.Minute)
	c.must(0, call, "")
	if len(c.Sent()) != 0 {
		t.Error("a message was sent from an address that is not trusted")
	}
}

// Section 2: 48009, the contacts assistant reads no details from new addresses.
func TestTheContactsAssistantReadsDetailsFromOldAddressesAlone(t *testing.T) {
	c := newCompany(t, Rules{})
	c.Add(App{CorpID: corpID, Secret: "sync-secret", ContactsSync: true, DetailIPs: []string{"10.0.0.7"}})
	token := c.token("sync-secret")
	c.must(48009, "/cgi-bin/user/get?userid=a&access_token="+token, "")
	c.must(0, "/cgi-bin/department/list?access_token="+token, "")
	c.from = "10.0.0.7"
	c.must(0, "/cgi-bin/user/get?userid=a&access_token="+token, "")
}

// Section 2: 301002, another application's agentid, in body or query, as a number or a string.
func TestATokenIsForItsOwnAgent(t *testing.T) {
	c := newCompany(t, Rules{})
	token := c.token("crm-secret")
	tests := []struct {
		target, body string
		want         int
	}{
		{"/cgi-bin/message/send?access_token=", `{"touser":"a","msgtype":"text","agentid":1000003}`, 301002},
		{"/cgi-bin/message/send?access_token=", `{"touser":"a","msgtype":"text","agentid":"1000003"}`, 301002},
		{"/cgi-bin/message/send?access_token=", `{"touser":"a","msgtype":"text","agentid":"crm"}`, 40056},
		{"/cgi-bin/message/send?access_token=", `{"touser":"a","msgtype":"text"}`, 41011},
		{"/cgi-bin/message/send?access_token=", `{"touser":"a","msgtype":"text","agentid":"1000002"}`, 0},
		{"/cgi-bin/agent/get?agentid=1000003&access_token=", "", 301002},
		{"/cgi-bin/agent/get?agentid=1000002&access_token=", "", 0},
		{"/cgi-bin/agent/set?access_token=", `{"agentid":1000003}`, 301002},
	}
	for _, test := range tests {
		c.must(test.want, test.target+token, test.body)
	}
	if got := c.Sent(); len(got) != 1 || got[0].App != c.crm {
		t.Errorf("got %d messages; want one, of crm", len(got))
	}
}

// Section 2: 45033, too many requests of a corp under way at one API; section 1: 300 of
// them.
func TestRequestsUnderWayAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, Rules{Concurrent: 2, Latency: time.Second})
		token := c.token("crm-secret")
		answers := make(chan int)
		for range 3 {
			go func() { answers <- c.call("/cgi-bin/user/get?userid=a&access_token="+token, "").errcode() }()
		}
		refused := 0
		for range 3 {
			if <-answers == 45033 {
				refused++
			}
		}
		if refused != 1 {
			t.Errorf("got %d refused; want 1", refused)
		}
		c.must(0, "/cgi-bin/user/get?userid=a&access_token="+token, "")
	})
}

// Section 1 [90454]: 10,000 per minute, corp and API; the block lasts a minute. debug=1 is
// good five times a minute [45009 (7)].
func TestRequestsPerMinuteAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, Rules{})
		token := c.token("crm-secret")
		debug := "/cgi-bin/user/get?userid=a&debug=1&access_token=" + token
		for range 5 {
			c.must(0, debug, "")
		}
		c.must(45009, debug, "")
		for range 10_000 - 6 {
			c.call("/cgi-bin/user/get?userid=a&access_token="+token, "")
		}
		c.must(45009, "/cgi-bin/user/get?userid=a&access_token="+token, "")
		c.must(0, "/cgi-bin/getcallbackip?access_token="+token, "")
		time.Sleep(time.Minute)
		c.must(0, "/cgi-bin/user/get?userid=a&access_token="+token, "")
		c.must(0, debug, "")
	})
}

// Section 3: Error-Code and Error-Msg mirror the body, which private deployments may lack;
// the type; errcode need not come first; further members may stand behind.
func TestTheShapeOfAnswers(t *testing.T) {
	c := newCompany(t, Rules{})
	token := c.token("crm-secret")
	r := c.must(0, "/cgi-bin/user/get?userid=a&access_token="+token, "")
	if r.Header.Get("Error-Code") != "0" || r.Header.Get("Error-Msg") != "ok" || r.Header.Get("Content-Type") != "application/json; charset=UTF-8" {
		t.Errorf("got the header %v", r.Header)
	}
	r = c.must(42001, "/cgi-bin/get_api_domain_ip?access_token="+expired(c, token), "")
	if !strings.HasPrefix(r.raw, `{"ip_list":[],"errcode":42001,`) {
		t.Errorf("got %s", r.raw)
	}
	c.Change(func(r *Rules) { r.NoHeaders, r.Warns = true, true })
	if r = c.must(41001, "/cgi-bin/user/get?userid=a", ""); r.Header.Get("Error-Code") != "" || r.text("warning_msg") == "" {
		t.Errorf("got the header %v and %s", r.Header, r.raw)
	}
}

func expired(c *company, token string) string {
	c.crm.Expire()
	return token
}

// Section 2 [40063, 40058]: a wrong method, and JSON that is none, with the remark of
// section 3.
func TestBodiesAreChecked(t *testing.T) {
	c := newCompany(t, Rules{})
	target := "/cgi-bin/message/send?access_token=" + c.token("crm-secret")
	c.must(40063, target, "")
	r := c.must(40058, target, `{"agentid":1000002,`)
	if !strings.HasSuffix(r.text("errmsg"), "Warning: wrong json format. ") {
		t.Errorf("got %q", r.text("errmsg"))
	}
	c.must(40008, target, `{"agentid":1000002}`)
	if len(c.Sent()) != 0 {
		t.Error("something was sent")
	}
}

// Section 3 leaves it open; here WeCom is as strict as api.weixin.qq.com.
func TestBodiesWithoutALengthAreRefused(t *testing.T) {
	c := newCompany(t, Rules{})
	request, _ := http.NewRequest(http.MethodPost, "https://qyapi.weixin.qq.com/cgi-bin/message/send?access_token="+c.token("crm-secret"),
		io.MultiReader(strings.NewReader(`{"agentid":1000002,"msgtype":"text"}`)))
	response, err := c.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusPreconditionFailed || len(c.Sent()) != 0 {
		t.Errorf("got %v, %v and %d messages; want status 412", response, err, len(c.Sent()))
	}
}

// A token that is refused has no effect: section 14.4 leaves it open whether it is looked
// at first; without that nothing could be sent once more.
func TestARefusedPostHasNoEffect(t *testing.T) {
	c := newCompany(t, Rules{})
	token := c.token("crm-secret")
	message := `{"touser":"a","msgtype":"text","agentid":1000002,"text":{"content":"你好"}}`
	if r := c.must(0, "/cgi-bin/message/send?access_token="+token, message); r.text("msgid") == "" {
		t.Errorf("got %s", r.raw)
	}
	c.crm.Revoke()
	c.must(40014, "/cgi-bin/message/send?access_token="+token, message)
	c.must(40014, "/cgi-bin/appchat/send?access_token="+token, message)
	c.must(0, "/cgi-bin/appchat/send?access_token="+c.token("crm-secret"), message)
	sent := c.Sent()
	if len(sent) != 2 || string(sent[0].Body) != message || sent[1].Path != "/cgi-bin/appchat/send" {
		t.Errorf("got %d messages; want 2", len(sent))
	}
}

func TestMembersOfTheCorp(t *testing.T) {
	c := newCompany(t, Rules{})
	target := "/cgi-bin/user/get?access_token=" + c.token("crm-secret")
	if r := c.must(0, target+"&userid=zhangsan", ""); r.text("userid") != "zhangsan" {
		t.Errorf("got %s", r.raw)
	}
	c.must(41009, target, "")
	c.must(60111, target+"&userid="+Absent, "")
}
