package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest/wecomtest"
)

// A wecomView is what /status says of an application.
type wecomView struct {
	Name, Kind, State string
	AppID             string     `json:"app_id"`
	CorpID            string     `json:"corp_id"`
	AgentID           string     `json:"agent_id"`
	PausedUntil       *time.Time `json:"paused_until"`
	NextRefresh       *time.Time `json:"next_refresh"`
	Asked             bool
	LastError         *struct {
		Errcode                  int
		Errmsg, Remedy, RemedyZH string
	} `json:"last_error"`
	Refusals []struct {
		Errcode, Count int
		LastAt         time.Time `json:"last_at"`
		IP, Remedy     string
		RemedyZH       string `json:"remedy_zh"`
	}
}

// wecomViews returns what /status says of all applications, by name, and how many secrets
// WeCom has refused.
func (p *program) wecomViews() (all map[string]wecomView, wrong int) {
	p.t.Helper()
	var status struct {
		Accounts []wecomView
		WeCom    struct {
			InHour int `json:"wrong_secrets_in_hour"`
		}
	}
	text := p.mustAsk("GET", p.admin+"/status", "", byAdmin).body
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		p.t.Fatal(err)
	}
	all = map[string]wecomView{}
	for _, a := range status.Accounts {
		all[a.Name] = a
	}
	return all, status.WeCom.InHour
}

// tillLines are an account with a wrong secret.
var tillLines = strings.NewReplacer("crm", "till", wecomCRM.AgentID, "1000009").Replace(crmLines)

// An operator learns what WeCom refuses, and cannot have it asked more often than is good.
func TestWhatOperatorsLearnOfWeCom(t *testing.T) {
	t.Parallel()
	w := wecomtest.New(wecomtest.Rules{})
	elsewhere := wecomCRM
	elsewhere.TrustedIPs = []string{"203.0.113.7"}
	crm, shop := w.Add(elsewhere), w.Add(wecomShop)
	deskLines := strings.NewReplacer(`"crm"`, `"desk"`, wecomCRM.AgentID, wecomShop.AgentID, wecomCRM.Secret, wecomShop.Secret).Replace(crmLines)
	toml := "[upstream.wecom]\nurl = \"" + serveWeCom(t, w) + "\"\n" + crmLines + tillLines + deskLines
	p := serving(t, "http://127.0.0.1:1", toml, "WXPROXY_ADMIN_KEY="+canaryAdminKey)
	p.eventually("an answer for each account", func() bool {
		return len(p.logged("token refreshed")) == 2 && len(p.logged("token not refreshed")) == 1
	})
	began := time.Now().Add(-time.Second)
	for range 2 {
		p.call("GET", "/@crm/cgi-bin/user/get?userid=zhangsan", "")
	}
	p.call("GET", "/@desk/cgi-bin/agent/get?agentid="+wecomCRM.AgentID, "")

	views, wrong := p.wecomViews()
	if v := views["crm"]; v.Kind != "wecom" || v.CorpID != wecomCorp || v.AppID != wecomCorp || v.AgentID != wecomCRM.AgentID || v.State != "fresh" || v.LastError != nil || v.PausedUntil != nil ||
		len(v.Refusals) != 1 || v.Refusals[0].Errcode != 60020 || v.Refusals[0].Count != 2 || v.Refusals[0].LastAt.Before(began) || v.Refusals[0].IP != "127.0.0.1" ||
		!strings.Contains(v.Refusals[0].Remedy, "put 127.0.0.1 on the list of trusted IP addresses") || !strings.Contains(v.Refusals[0].RemedyZH, "企业可信IP") {
		t.Errorf("got %+v; want that the address is not trusted", v)
	}
	if v := views["desk"]; len(v.Refusals) != 1 || v.Refusals[0].Errcode != 301002 || !strings.Contains(v.Refusals[0].Remedy, "another application's") {
		t.Errorf("got %+v; want that the agentid is another's", v)
	}
	v := views["till"]
	if v.State != "gone" || v.LastError == nil || v.LastError.Errcode != 40001 || v.PausedUntil == nil || time.Until(*v.PausedUntil) < 4*time.Minute || wrong != 1 ||
		!strings.Contains(v.LastError.Remedy, "check secret") || !strings.Contains(v.LastError.Remedy, "neither a reload, nor a restart, nor a refresh by hand ends that") {
		t.Errorf("got %+v and %d; want a pause of five minutes in words", v, wrong)
	}
	if page := p.mustAsk("GET", p.admin+"/", "", byAdmin).body; !strings.Contains(page, `id="problem-crm:60020"`) || !strings.Contains(page, "nor a refresh by hand ends that") {
		t.Error("the page does not say so")
	}

	asked := w.Calls("/cgi-bin/gettoken")
	refresh := func(account, body string) answer {
		return p.mustAsk("POST", p.admin+"/accounts/"+account+"/refresh", body, byAdmin)
	}
	p.rewrite("[log]\naccess = true\n" + toml)
	if a := p.mustAsk("POST", p.admin+"/reload", "", byAdmin); a.code != http.StatusOK {
		t.Fatalf("got %d %s; want a reload", a.code, a.body)
	}
	if a := refresh("till", ""); a.code != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("a refresh of a paused account: got %d %s; want 503 and when to come again", a.code, a.body)
	}
	for _, account := range []string{"till", "crm"} {
		if a := refresh(account, `{"force":true}`); a.code != http.StatusBadRequest || !strings.Contains(a.body, "reset the application's secret in WeCom's console") {
			t.Errorf("%s, by force: got %d %s; want 400", account, a.code, a.body)
		}
	}
	if n := w.Calls("/cgi-bin/gettoken"); n != asked {
		t.Errorf("gettoken was asked %d times more; want no more", n-asked)
	}
	if a := refresh("crm", ""); a.code != http.StatusOK || !strings.Contains(a.body, `"kind": "wecom"`) || w.Calls("/cgi-bin/gettoken") != asked+1 {
		t.Errorf("a refresh: got %d %s; want that WeCom was asked", a.code, a.body)
	}
	if a := p.mustAsk("GET", p.admin+"/accounts/crm/token", "", byAdmin); a.code != http.StatusOK || !strings.Contains(a.body, crm.Tokens()[0]) {
		t.Errorf("the token: got %d; want it", a.code)
	}
	if a := p.mustAsk("GET", p.admin+"/accounts/till/token", "", byAdmin); a.code != http.StatusServiceUnavailable {
		t.Errorf("the token that there is not: got %d; want 503", a.code)
	}
	if a := refresh(wecomCorp, ""); a.code != http.StatusNotFound {
		t.Errorf("a corp with several applications: got %d; want 404", a.code)
	}

	w.Inject(wecomtest.Fault{Path: "/cgi-bin/gettoken", Errcode: 45009})
	shop.Revoke()
	p.call("GET", "/@desk/cgi-bin/agent/get?agentid="+wecomShop.AgentID, "")
	asked = w.Calls("/cgi-bin/gettoken")
	refresh("desk", "")
	views, _ = p.wecomViews()
	if v := views["desk"]; v.LastError == nil || v.LastError.Errcode != 45009 || v.PausedUntil == nil || time.Until(*v.PausedUntil) < 59*time.Minute || !strings.Contains(v.LastError.Remedy, "no token is asked for: neither") ||
		w.Calls("/cgi-bin/gettoken") != asked {
		t.Errorf("got %+v; want an hour's rest in words", v)
	}
	p.stop()
}
