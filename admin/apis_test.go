package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/proxy/traffic/apis"
	"wxproxy/token"
)

const rid = "655d9278-1a2b3c4d-5e6f7a8b"

// withCalls returns an Admin whose accounts made some calls.
func withCalls() *Admin {
	a := newAdmin()
	a.APIs = apis.New()
	k := a.APIs.Kind("wechat", []string{"/cgi-bin/user/get", "/cgi-bin/message/custom/send"})
	get, send := find(k, "/cgi-bin/user/get"), find(k, "/cgi-bin/message/custom/send")
	for range 3 {
		get.Count(40 * time.Millisecond)
		send.Count(2 * time.Second)
	}
	find(k, "/wxa/new").Count(time.Millisecond)
	a.APIs.Failed(send, apis.FailedCall{Kind: "wechat", Account: "shop", Client: "orders", HTTP: 502})
	a.APIs.Failed(send, apis.FailedCall{Kind: "wechat", Account: "shop", Client: "orders", Failure: apis.Failure{Errcode: 45015}, HTTP: 200, RequestID: "<req-0>"})
	a.APIs.Failed(send, apis.FailedCall{Kind: "wechat", Account: "shop", Client: "orders", Failure: apis.Failure{Errcode: 45015}, HTTP: 200, Rid: rid, RequestID: "<req-1>"})
	ofWeCom := find(a.APIs.Kind("wecom", []string{"/cgi-bin/user/get"}), "/cgi-bin/user/get")
	ofWeCom.Count(time.Second)
	a.APIs.Failed(ofWeCom, apis.FailedCall{Kind: "wecom", Account: "crm", Failure: apis.Failure{Errcode: -50400}, HTTP: 504, Reason: "upstream_timeout", Rid: rid})
	keeper := new(token.Keeper)
	a.Accounts[0].Keeper = func() (*token.Keeper, error) { return keeper, nil }
	crm := account("crm", fresh())
	crm.CorpID = "ww1"
	a.Accounts = append(a.Accounts, crm)
	return a
}

func find(k *apis.Kind, path string) *apis.API {
	return k.Find([]byte(path), true, func([]byte) bool { return true })
}

func TestTheStatusTellsOfAPIsWhenItIsAsked(t *testing.T) {
	a := withCalls()
	var told struct {
		APIs   []apiStatus  `json:"apis"`
		Failed []failedCall `json:"failed_calls"`
	}
	if err := json.Unmarshal(ask(a, "GET", "/status?apis=1", "").Body.Bytes(), &told); err != nil {
		t.Fatal(err)
	}
	first := told.APIs[0]
	if len(told.APIs) != 4 || first.Path != "/cgi-bin/message/custom/send" || !first.Documented || first.Hour.Calls != 3 || first.Today.Failed != 3 || first.Hour.Errcodes["45015"] != 2 || first.Hour.Errcodes["http_502"] != 1 {
		t.Errorf("got %+v; want what fails first", told.APIs)
	}
	if p50 := *first.Hour.P50; p50 < 1800 || p50 > 2200 {
		t.Errorf("got %v ms; want 2000 ms, to 10 %%", p50)
	}
	if told.APIs[3].Documented || told.APIs[3].Path != "/wxa/new" {
		t.Errorf("got %+v; want the path that is not documented", told.APIs[3])
	}
	if len(told.Failed) != 4 || told.Failed[0].Reason != "upstream_timeout" || told.Failed[1].Remedy == "" || told.Failed[1].RemedyZH == "" || told.Failed[1].Rid != rid || told.Failed[1].RequestID != "<req-1>" {
		t.Errorf("got %+v; want the latest first", told.Failed)
	}
	if plain := ask(a, "GET", "/status", "").Body.String(); strings.Contains(plain, "apis") || strings.Contains(plain, "failed_calls") {
		t.Errorf("got %s; want the plain status as it was", plain)
	}
	if empty := ask(newAdmin(), "GET", "/status?apis=1", "").Body.String(); !strings.Contains(empty, `"apis": []`) || !strings.Contains(empty, `"failed_calls": []`) {
		t.Errorf("got %s; want empty lists", empty)
	}
	for _, query := range []string{"?apis=", "?apis=2", "?apis=1&apis=1"} {
		if w := ask(a, "GET", "/status"+query, ""); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "apis=1") {
			t.Errorf("%s: got %d %s; want 400", query, w.Code, w.Body)
		}
	}
}

// What the remedies of some errcodes name is not known of a call: the address.
func TestACallsRemedyNamesThisMachine(t *testing.T) {
	a := withCalls()
	k := a.APIs.Kind("wechat", nil)
	a.APIs.Failed(find(k, "/cgi-bin/user/get"), apis.FailedCall{Kind: "wechat", Account: "shop", Failure: apis.Failure{Errcode: 40164}, HTTP: 200})
	for path, want := range map[string]string{"/status?apis=1": "put this machine’s public IP address on", "/apis": "put this machine’s public IP address on", "/apis?lang=zh": "请把本机的公网 IP"} {
		if got := ask(a, "GET", path, "").Body.String(); !strings.Contains(got, want) || strings.Contains(got, "{ip}") {
			t.Errorf("%s: got %s; want %q", path, got, want)
		}
	}
}

func TestThePageOfAPIs(t *testing.T) {
	page := open(t, withCalls(), "/apis")
	mustShow(t, page, `<html lang="en">`, `href="./?lang=en"`, "The last calls that failed", ">crm<", "/cgi-bin/user/get", "-50400", "did not answer within",
		">shop<", ">orders<", "45015", "48 hours", "X-Request-Id &lt;req-1&gt;", "rid "+rid, `data-of="shop" data-rid="`+rid+`" aria-label="Ask WeChat about `+rid, ">Ask WeChat<", "http_502", "no errcode",
		"/cgi-bin/message/custom/send", "45015 ×&#8239;2", "http_502 ×&#8239;1", "/cgi-bin/user/get", "4", "/wxa/new", `id="call"`, `data-answer="Answer"`)
	mustShow(t, open(t, withCalls(), "/apis?lang=zh"), `<html lang="zh-CN">`, "最近失败的调用", "48 小时", "询问微信", "接口", "中位数，1 小时", "毫秒")
	mustShow(t, open(t, withCalls(), "/"), ">APIs<", `href="apis?lang=en"`, "/cgi-bin/message/custom/send")
	mustShow(t, open(t, newAdmin(), "/apis"), "No call has failed.", "Nothing was called yet.")
	if n := strings.Count(page, "data-rid="); n != 1 {
		t.Errorf("got %d buttons; want none for WeCom's", n)
	}
}

// What a screen reader needs: scopes, names, one h1, and no level of headings left out.
func TestThePageOfAPIsIsReadable(t *testing.T) {
	page := open(t, withCalls(), "/apis")
	for _, th := range regexp.MustCompile(`<th [^>]*>`).FindAllString(page, -1) {
		if !strings.Contains(th, "scope=") {
			t.Errorf("got %s without a scope", th)
		}
	}
	for _, table := range regexp.MustCompile(`<table[^>]*>(.)?`).FindAllString(page, -1) {
		if !strings.HasSuffix(table, "><") {
			t.Errorf("got %s without a caption", table)
		}
	}
	headings := ""
	for _, h := range regexp.MustCompile(`<h([1-6])`).FindAllStringSubmatch(page, -1) {
		headings += h[1]
	}
	if headings != "12222" { // the last two are of dialogs
		t.Errorf("got headings %s", headings)
	}
	ids := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[id[1]] {
			t.Errorf("got the id %s twice", id[1])
		}
		ids[id[1]] = true
	}
}

// The page stays quick to make when everything was called.
func TestThePageOfAPIsIsBounded(t *testing.T) {
	a := withCalls()
	var paths []string
	for i := range 1200 {
		paths = append(paths, fmt.Sprintf("/x/%d", i))
	}
	k := a.APIs.Kind("third", paths)
	for _, path := range paths {
		find(k, path).Count(time.Millisecond)
	}
	for range 1000 {
		a.APIs.Failed(find(k, "/x/1"), apis.FailedCall{})
	}
	page := open(t, a, "/apis")
	if rows := strings.Count(page, "<tr "); rows > maxRows+100+2 || !strings.Contains(page, "and 1,004 more") {
		t.Errorf("got %d rows", rows)
	}
	if rows := strings.Count(open(t, a, "/"), "<tr "); rows > 40 {
		t.Errorf("got %d rows on the first page", rows)
	}
}

func TestWeChatIsAskedAboutACall(t *testing.T) {
	a := withCalls()
	at := time.Date(2026, 11, 29, 3, 4, 5, 0, time.UTC)
	a.Quote = func(_ context.Context, of Account, asked string) (Quoted, token.Explanation) {
		if of.Name != "shop" || asked != rid {
			t.Errorf("got %s, %s", of.Name, asked)
		}
		return Quoted{At: &at, Cost: 30, URL: "/x?access_token=[hidden]", Body: "{}", Answer: `{"errcode":45015}`, ClientIP: "203.0.113.7"}, token.Explanation{}
	}
	mustAnswer(t, ask(a, "POST", "/accounts/shop/rid/"+rid, ""), 200, `{"account":"shop","rid":"`+rid+`","request":{"invoke_time":"2026-11-29T03:04:05Z",
		"cost_in_ms":30,"request_url":"/x?access_token=[hidden]","request_body":"{}","response_body":"{\"errcode\":45015}","client_ip":"203.0.113.7"}}`)
	a.Quote = func(context.Context, Account, string) (Quoted, token.Explanation) {
		return Quoted{}, token.Explanation{}
	}
	mustAnswer(t, ask(a, "POST", "/accounts/shop/rid/"+rid, ""), 200, `{"account":"shop","rid":"`+rid+`","request":{"cost_in_ms":0,"request_url":"","request_body":"","response_body":"","client_ip":""}}`)
	a.Quote = func(context.Context, Account, string) (Quoted, token.Explanation) {
		far := time.Unix(1635156704000, 0)
		return Quoted{At: &far}, token.Explanation{}
	}
	mustAnswer(t, ask(a, "POST", "/accounts/shop/rid/"+rid, ""), 500, `{"error":"wxproxy cannot write this answer as JSON; please report it"}`)
	if got := UTC(time.Unix(1635156704000, 0)); got != nil {
		t.Errorf("got %v; want no time that JSON cannot have", got)
	}
	a.Quote = func(context.Context, Account, string) (Quoted, token.Explanation) {
		return Quoted{}, token.Explanation{Code: 76001, Reason: "rid not found", Remedy: "try again", RemedyZH: "再试"}
	}
	mustAnswer(t, ask(a, "POST", "/accounts/shop/rid/"+rid, ""), 502,
		`{"error":"WeChat has told nothing of the call","errcode":76001,"errmsg":"rid not found","remedy":"try again","remedy_zh":"再试"}`)
}

func TestWhoMayAskWeChatAboutACall(t *testing.T) {
	asked := 0
	a := withCalls()
	a.Quote = func(context.Context, Account, string) (Quoted, token.Explanation) {
		asked++
		return Quoted{}, token.Explanation{}
	}
	a.Key, a.ReadKey = secret.New(key), secret.New("the-key-for-reading")
	for _, row := range []struct {
		method, path, authorization string
		want                        int
		words                       string
	}{
		{"POST", "/accounts/shop/rid/" + rid, "Bearer " + key, 200, rid},
		{"POST", "/accounts/shop/rid/" + rid, "", 401, "admin.key"},
		{"POST", "/accounts/shop/rid/" + rid, "Bearer wrong", 401, "admin.key"},
		{"POST", "/accounts/shop/rid/" + rid, "Bearer the-key-for-reading", 403, "for reading"},
		{"GET", "/accounts/shop/rid/" + rid, "Bearer " + key, 405, ""},
		{"POST", "/accounts/nobody/rid/" + rid, "Bearer " + key, 404, "no account"},
		{"POST", "/accounts/crm/rid/" + rid, "Bearer " + key, 400, "WeCom has no API"},
		{"POST", "/accounts/shop/rid/0123456789abcdef0123456789abcdef", "Bearer " + key, 400, "behind"},
		{"POST", "/accounts/shop/rid/", "Bearer " + key, 404, ""},
	} {
		if w := ask(a, row.method, row.path, row.authorization); w.Code != row.want || !strings.Contains(w.Body.String(), row.words) {
			t.Errorf("%s %s %s: got %d %s; want %d, %s", row.method, row.path, row.authorization, w.Code, w.Body, row.want, row.words)
		}
	}
	if asked != 1 {
		t.Errorf("got %d questions; want 1", asked)
	}
}
