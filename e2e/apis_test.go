package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/wecomtest"
)

// calledAPI is what /status?apis=1 tells of an API, as far as the test looks.
type calledAPI struct {
	Kind, Path string
	Documented bool
	Hour       struct {
		Calls, Failed uint64
		Errcodes      map[string]uint64
		P95           *float64 `json:"p95_ms"`
	}
}

// calledAPIs are what it tells of calls.
type calledAPIs struct {
	APIs   []calledAPI `json:"apis"`
	Failed []struct {
		Kind, Account, Client, Path, Rid, Reason string
		Errcode, Status                          int
		RequestID                                string `json:"request_id"`
	} `json:"failed_calls"`
}

func (p *program) apis() (told calledAPIs, text string) {
	p.t.Helper()
	text = p.mustAsk("GET", p.admin+"/status?apis=1", "", byAdmin).body
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		p.t.Fatal(err)
	}
	return told, text
}

// An operator sees which API fails, for whom and why, and has WeChat asked about a call. No
// value of a caller's is told, and no credential whatever WeChat quotes.
func TestWhichAPIFails(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: canarySecret})
	weCom := wecomtest.New(wecomtest.Rules{})
	weCom.Add(wecomCRM)
	p := startCanary(t, w.URL, canaryConfig+"[upstream.wecom]\nurl = \""+serveWeCom(t, weCom)+"\"\n"+crmLines)
	defer p.stop()
	p.eventually("tokens", func() bool { return len(p.logged("token refreshed")) == 2 })

	shop := func(method, path, body string, headers ...string) answer {
		return p.call(method, "/@shop"+path, body, append([]string{byClient}, headers...)...)
	}
	for range 3 {
		shop("GET", userInfo, "")
	}
	defer w.Inject(wechattest.Fault{Path: send, Errcode: 45015})()
	shop("POST", send+"?x="+canaryOfCaller, `{"touser":"`+canaryOfCaller+`"}`, "X-Request-Id: request-1")
	shop("GET", "/cgi-bin/user/info?openid=&x="+canaryOfCaller, "")
	shop("GET", "/wxa/no-such-api", "")
	p.call("GET", "/@crm/cgi-bin/user/get?userid=nobody", "", byClient)
	p.call("GET", userInfo, "") // without a key
	p.call("GET", "/@nobody"+userInfo, "", byClient)

	told, text := p.apis()
	counted := map[string]calledAPI{}
	for _, api := range told.APIs {
		counted[api.Kind+" "+api.Path] = api
	}
	info, sent := counted["wechat /cgi-bin/user/info"], counted["wechat "+send]
	if info.Hour.Calls != 4 || info.Hour.Failed != 1 || !info.Documented || info.Hour.P95 == nil {
		t.Errorf("got %+v; want three good calls and one that failed", info)
	}
	if sent.Hour.Calls != 1 || sent.Hour.Errcodes["45015"] != 1 {
		t.Errorf("got %+v; want one call that failed", sent)
	}
	if other := counted["wechat other"]; other.Hour.Calls != 1 {
		t.Errorf("got %+v; want the path that WeChat does not know with the others", told.APIs)
	}
	rids := map[string]string{}
	for _, f := range told.Failed {
		rids[f.Path] = f.Rid
		if f.Account == "" || f.Client == "" {
			t.Errorf("got %+v; want whose call it is", f)
		}
	}
	if f := told.Failed[len(told.Failed)-1]; f.Path != send || f.Errcode != 45015 || f.Status != 200 || f.RequestID != "request-1" || f.Rid == "" {
		t.Errorf("got %+v; want the first that failed", f)
	}
	if strings.Contains(text, canaryOfCaller) {
		t.Errorf("got %s, which holds a value", text)
	}
	metrics := p.mustAsk("GET", p.admin+"/metrics", "", byAdmin).body
	for _, line := range []string{
		`wxproxy_api_requests_total{kind="wechat",path="/cgi-bin/user/info"} 4`, `wxproxy_api_failures_total{errcode="45015",kind="wechat",path="` + send + `"} 1`,
		`wxproxy_api_requests_total{kind="wechat",path="other"} 1`, `wxproxy_api_hour_p95_seconds{kind="wechat",path="/cgi-bin/user/info"} `,
		`wxproxy_api_requests_total{kind="wecom",path="/cgi-bin/user/get"} 1`,
	} {
		if !strings.Contains(metrics, "\n"+line) {
			t.Errorf("got no %s in the metrics", line)
		}
	}
	p.askAboutCalls(rids)
}

// askAboutCalls has WeChat asked about the calls that failed, by path.
func (p *program) askAboutCalls(rids map[string]string) {
	p.t.Helper()
	ask := func(account, rid string, headers ...string) answer {
		return p.mustAsk("POST", p.admin+"/accounts/"+account+"/rid/"+rid, "", headers...)
	}
	const info = "/cgi-bin/user/info"
	a := ask("shop", rids[info], byAdmin)
	if a.code != http.StatusOK || !strings.Contains(a.body, info+`?openid=[hidden]&x=[hidden]&access_token=[hidden]"`) || !strings.Contains(a.body, "41009") {
		p.t.Errorf("got %d %s; want what WeChat knows", a.code, a.body)
	}
	if a := ask("shop", "655d9278-1a2b3c4d-5e6f7a8b", byAdmin); a.code != http.StatusBadGateway || !strings.Contains(a.body, "76001") || !strings.Contains(a.body, `"remedy_zh"`) {
		p.t.Errorf("got %d %s; want why WeChat tells nothing", a.code, a.body)
	}
	if a := ask("crm", rids[info], byAdmin); a.code != http.StatusBadRequest || !strings.Contains(a.body, "WeCom has no API") {
		p.t.Errorf("got %d %s; want that WeCom has no such API", a.code, a.body)
	}
	if a := ask("shop", rids[info]); a.code != http.StatusUnauthorized {
		p.t.Errorf("got %d without the key; want 401", a.code)
	}
	lines := 0
	for _, line := range p.logged("audit") {
		if line["action"] == "ask_rid" && line["outcome"] == "done" {
			lines++
		}
	}
	if lines == 0 {
		p.t.Error("got no line of the audit")
	}
}
