package admin

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxproxy/token"
	"wxproxy/token/wecom"
)

// ofWeCom returns an Admin with two applications of WeCom's, one of whose secrets is wrong,
// while the other's calls come from an address that is not trusted; last is when one came.
func ofWeCom(last time.Time) *Admin {
	a := newAdmin()
	wrong := account("typo", token.Status{State: token.StateGone, LastError: &token.Paused{Until: time.Now().Add(5 * time.Minute), Cause: &token.Refusal{
		By: "WeCom", Code: 40001, Reason: "invalid credential; the same secret is not shown again until 2026-11-29T12:00:00Z",
	}}})
	status := wrong.Status()
	status.Issuer = wecom.NewIssuer()
	wrong.Status = func() token.Status { return status }
	a.Accounts = append(a.Accounts, account("crm", fresh()), wrong)
	for i := range a.Accounts[1:] {
		one := &a.Accounts[i+1]
		one.Kind, one.AppID, one.CorpID, one.AgentID, one.Replace = "wecom", "ww1", "ww1", "100000"+one.Name[:1], nil
		one.Refusals = func() []Refusal { return nil }
	}
	a.Accounts[1].Refusals = func() []Refusal {
		return []Refusal{{wecom.ExplainCall(60020, "203.0.113.7"), 12, last, "203.0.113.7"}, {wecom.ExplainCall(50003, ""), 1, last.Add(-2 * time.Hour), ""}}
	}
	a.WrongSecrets = func() (int, int) { return 3, 100 }
	return a
}

func TestTheStatusTellsOfApplicationsOfWeCom(t *testing.T) {
	last := time.Date(2026, 11, 29, 11, 0, 0, 5, time.UTC)
	got := ask(ofWeCom(last), "GET", "/status", "").Body.String()
	for _, want := range []string{
		`"kind": "wecom",`, `"corp_id": "ww1",`, `"agent_id": "100000c",`, `"refusals": []`, `"paused_until": "20`,
		`"errcode": 60020,`, `"count": 12,`, `"last_at": "2026-11-29T11:00:00Z",`, `"ip": "203.0.113.7",`, `"remedy": "put 203.0.113.7 on the list of trusted IP addresses`, `"remedy_zh": "请在企业微信管理后台`,
		`"errcode": 50003,`, `"ip": "",`, `"remedy": "enable the application`,
		"neither a reload, nor a restart, nor a refresh by hand ends that, another secret does", "手动刷新都不能提前",
		`"wrong_secrets_in_hour": 3,`, `"wrong_secrets_at_most": 100`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %s in %s", want, got)
		}
	}
	shop, _, _ := strings.Cut(got, `"name": "crm"`)
	for _, not := range []string{"refusals", "corp_id", "paused_until"} {
		if strings.Contains(shop, not) {
			t.Errorf("WeChat's account has %s", not)
		}
	}
	if got := ask(newAdmin(), "GET", "/status", "").Body.String(); strings.Contains(got, "wrong_secrets") {
		t.Error("without WeCom the status tells of its secrets")
	}
}

func TestThePageTellsOfApplicationsOfWeCom(t *testing.T) {
	a := ofWeCom(time.Now().Add(-3 * time.Minute))
	page := open(t, a, "/")
	mustShow(t, page, "Accounts without a token: 1 of 3", "Secrets that WeCom refused in the last hour</dt><dd>3 of 100 at most",
		`id="problem-typo"`, "<b>errcode 40001</b>", "nor a refresh by hand ends that",
		`id="account-crm" class="failing fair"`, `crm</a> <small>WeCom ww1 100000c</small>`, `id="problem-crm:60020"`,
		"<b>errcode 60020</b>", "WeCom refused calls, 12 since the start, the last one <time", ">3 min ago<", "What to do: </b>put 203.0.113.7 on")
	if strings.Contains(page, "problem-crm:50003") {
		t.Error("what was refused hours ago is a problem still")
	}
	mustShow(t, open(t, a, "/?lang=zh"), "最近一小时被企业微信拒绝的 secret", "3，上限 100", "手动刷新都不能提前", "企业微信 ww1 100000c", "企业微信拒绝了调用，启动以来 12 次")
	for filter, want := range map[string]string{"60020": "crm", "100000t": "typo", "wecom": "crm", "40001": "typo"} {
		mustShow(t, open(t, a, "/?q="+filter), `id="account-`+want+`"`)
	}
}

func TestATokenOfWeComsIsNotReplacedByForce(t *testing.T) {
	a, refreshed := ofWeCom(time.Now()), 0
	a.Accounts[1].Refresh = func(string, time.Duration) (bool, error) { refreshed++; return true, nil }
	for body, want := range map[string]int{`{"force":true}`: 400, "": 200} {
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, newRequest("POST", "/accounts/crm/refresh", strings.NewReader(body)))
		if w.Code != want || want == 400 && !strings.Contains(w.Body.String(), "reset the application's secret in WeCom's console") || want == 200 && !strings.Contains(w.Body.String(), `"kind": "wecom"`) {
			t.Errorf("%q: got %d %s; want %d", body, w.Code, w.Body, want)
		}
	}
	if refreshed != 1 {
		t.Errorf("got %d refreshes; want one", refreshed)
	}
}
