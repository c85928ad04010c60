package platformtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
)

const (
	saasID, saasSecret = "wxaaaaaaaaaaaaaaaa", "component-secret"
	shop, cafe         = "wx1111111111111111", "wx2222222222222222"
	pushToken          = "pushtoken"
	pushKey            = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// A saas is a program that is a platform: it keeps the latest ticket, and what was pushed.
type saas struct {
	*Platform
	t      *testing.T
	wechat *wechattest.WeChat
	answer string // to events; "": success
	plain  []string
}

// newSaas returns a platform, and the program that is called for it.
func newSaas(t *testing.T, change ...func(*Settings)) *saas {
	s := &saas{t: t, wechat: wechattest.New(wechattest.App{ID: "wx9999999999999999", Secret: "own"})}
	settings := Settings{
		AppID: saasID, Secret: saasSecret, Token: pushToken, AESKey: pushKey,
		EventURL: "http://saas/push/saas", MessageURL: "http://saas/push/saas/$APPID$", Transport: s,
	}
	for _, f := range change {
		f(&settings)
	}
	s.Platform = Add(s.wechat, settings)
	return s
}

// RoundTrip takes a push.
func (s *saas) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	members, err := wechattest.Members(body)
	if err != nil {
		s.t.Errorf("the envelope: %v", err)
	}
	plain, err := wechattest.Decrypt(pushKey, members["Encrypt"], saasID)
	if err != nil {
		s.t.Errorf("what is encrypted: %v", err)
	}
	s.plain = append(s.plain, string(plain))
	w := httptest.NewRecorder()
	answer := "success"
	if s.answer != "" {
		answer = s.answer
	}
	io.WriteString(w, answer)
	return w.Result(), nil
}

// latest returns a member of the event that was pushed last.
func (s *saas) latest(name string) string {
	_, rest, found := strings.Cut(s.plain[len(s.plain)-1], "<"+name+">")
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(rest, "</"+name+">")
	return strings.TrimSuffix(strings.TrimPrefix(value, "<![CDATA["), "]]>")
}

// call calls WeChat, with a body if there is one, and returns the members of the answer.
func (s *saas) call(target, body string) map[string]any {
	s.t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	request := httptest.NewRequest(method, "http://api.weixin.qq.com"+target, bytes.NewReader([]byte(body)))
	response, err := s.wechat.RoundTrip(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		s.t.Fatalf("%s: %v", target, err)
	}
	return answer
}

// errcode returns that of an answer.
func errcode(answer map[string]any) int {
	n, _ := answer["errcode"].(float64)
	return int(n)
}

// api calls one of /cgi-bin/component with the component's token.
func (s *saas) api(name, token, body string) map[string]any {
	s.t.Helper()
	return s.call("/cgi-bin/component/"+name+"?component_access_token="+token, `{"component_appid":"`+saasID+`",`+body+`}`)
}

// component fetches a component token with the ticket that was pushed last.
func (s *saas) component() string {
	s.t.Helper()
	answer := s.api("api_component_token", "", `"component_appsecret":"`+saasSecret+`","component_verify_ticket":"`+s.latest("ComponentVerifyTicket")+`"`)
	token, _ := answer["component_access_token"].(string)
	if token == "" {
		s.t.Fatalf("got no component token but %v", answer)
	}
	return token
}

// started returns a platform's program with a ticket and a component token.
func started(t *testing.T, change ...func(*Settings)) (s *saas, component string) {
	s = newSaas(t, change...)
	s.PushTicket(t.Context())
	return s, s.component()
}

// redeem redeems a code.
func (s *saas) redeem(component, code string) (access, refresh string) {
	s.t.Helper()
	answer := s.api("api_query_auth", component, `"authorization_code":"`+code+`"`)
	info, _ := answer["authorization_info"].(map[string]any)
	access, _ = info["authorizer_access_token"].(string)
	refresh, _ = info["authorizer_refresh_token"].(string)
	if access == "" || refresh == "" {
		s.t.Fatalf("redeeming got %v", answer)
	}
	return access, refresh
}

func (s *saas) refresh(component, appID, refresh string) map[string]any {
	s.t.Helper()
	return s.api("api_authorizer_token", component, `"authorizer_appid":"`+appID+`","authorizer_refresh_token":"`+refresh+`"`)
}

func TestATicketIsPushedEachPeriodAndAtOnceAfterAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSaas(t)
		go s.Run(t.Context())
		time.Sleep(21 * time.Minute)
		if n := len(s.Deliveries()); n != 3 {
			t.Errorf("got %d tickets in 21 minutes; want 3", n)
		}
		body := `"component_secret":"` + saasSecret + `"`
		if got := s.api("api_start_push_ticket", "", body); got["errmsg"] != "in a normal state" {
			t.Errorf("got %v; want that it is in a normal state", got)
		}
		s.StopTickets()
		last := s.latest("ComponentVerifyTicket")
		time.Sleep(13 * time.Hour)
		if n := len(s.Deliveries()); n != 3 {
			t.Errorf("got %d tickets although none is pushed any more; want 3", n)
		}
		got := s.api("api_component_token", "", `"component_appsecret":"`+saasSecret+`","component_verify_ticket":"`+last+`"`)
		if errcode(got) != 61005 {
			t.Errorf("got %v for a ticket of 13 hours; want 61005", got)
		}
		if got := s.api("api_start_push_ticket", "", body); got["errmsg"] != "ok" {
			t.Errorf("got %v; want ok", got)
		}
		synctest.Wait()
		if s.latest("ComponentVerifyTicket") == last {
			t.Error("no ticket came after the start")
		}
		s.component()
	})
}

func TestEventsAreRepeatedUntilSuccess(t *testing.T) {
	s := newSaas(t)
	for _, answer := range []string{"SUCCESS", "ok", "<xml></xml>", " success"} {
		s.answer = answer
		if d := s.PushTicket(t.Context()); len(d.Tries) != 3 || d.Fault == "" {
			t.Errorf("%q: got %d tries and the fault %q; want 3, and one", answer, len(d.Tries), d.Fault)
		}
	}
	s.answer = ""
	if d := s.PushTicket(t.Context()); len(d.Tries) != 1 || d.Fault != "" {
		t.Errorf("success: got %d tries and the fault %q", len(d.Tries), d.Fault)
	}
	if n := s.Alarms(); n != 4 {
		t.Errorf("got %d alarms; want 4", n)
	}
}

func TestAComponentTokenWantsEverythingRight(t *testing.T) {
	s, _ := started(t)
	ticket := s.latest("ComponentVerifyTicket")
	for name, row := range map[string]struct {
		body string
		want int
	}{
		"no component_appid":    {`{"component_appsecret":"x","component_verify_ticket":"x"}`, 41018},
		"an unknown component":  {`{"component_appid":"wx3333333333333333","component_appsecret":"x","component_verify_ticket":"x"}`, 61011},
		"an app as component":   {`{"component_appid":"wx9999999999999999","component_appsecret":"own","component_verify_ticket":"x"}`, 61011},
		"no secret":             {`{"component_appid":"` + saasID + `","component_verify_ticket":"` + ticket + `"}`, 41004},
		"a wrong secret":        {`{"component_appid":"` + saasID + `","component_appsecret":"x","component_verify_ticket":"` + ticket + `"}`, 40125},
		"no ticket":             {`{"component_appid":"` + saasID + `","component_appsecret":"` + saasSecret + `"}`, 61006},
		"null as ticket":        {`{"component_appid":"` + saasID + `","component_appsecret":"` + saasSecret + `","component_verify_ticket":null}`, 61006},
		"an unknown ticket":     {`{"component_appid":"` + saasID + `","component_appsecret":"` + saasSecret + `","component_verify_ticket":"ticket@@@x"}`, 61006},
		"no JSON":               {`component_appid=` + saasID, 47001},
		"an empty body":         {"", 44002},
		"everything is as fits": {`{"component_appid":"` + saasID + `","component_appsecret":"` + saasSecret + `","component_verify_ticket":"` + ticket + `"}`, 0},
	} {
		request := httptest.NewRequest(http.MethodPost, "http://api.weixin.qq.com/cgi-bin/component/api_component_token", strings.NewReader(row.body))
		response, err := s.wechat.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		var answer map[string]any
		json.NewDecoder(response.Body).Decode(&answer)
		if errcode(answer) != row.want {
			t.Errorf("%s: got %v; want %d", name, answer, row.want)
		}
	}
	if got := s.call("/cgi-bin/token?grant_type=client_credential&appid="+saasID+"&secret="+saasSecret, ""); errcode(got) != 61024 {
		t.Errorf("/cgi-bin/token: got %v; want 61024", got)
	}
	if got, want := s.Counts(), (Counts{Tickets: 1, ComponentTokens: 2, RefusedComponentTokens: 5}); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestAComponentTokenOutlivesItsSuccessorByFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, first := started(t)
		good := func(token string) int { return errcode(s.api("api_create_preauthcode", token, `"x":1`)) }
		time.Sleep(time.Hour)
		second := s.component()
		if good(first) != 0 || good(second) != 0 {
			t.Error("the one before is refused at once")
		}
		time.Sleep(5 * time.Minute)
		if got := good(first); got != 40001 {
			t.Errorf("got %d for the one before after five minutes; want 40001", got)
		}
		third := s.component()
		s.component()
		if good(second) != 40001 || good(third) != 0 {
			t.Errorf("got %d for the third newest, %d for the second; want 40001 and 0", good(second), good(third))
		}
		s.Expire(saasID)
		if got := good(s.component()); got != 0 {
			t.Errorf("got %d for a new one", got)
		}
		newest := s.Tokens(saasID)[0]
		time.Sleep(2 * time.Hour)
		if got := good(newest); got != 42001 {
			t.Errorf("got %d after two hours; want 42001", got)
		}
	})
}

func TestEachPathTakesItsKindOfToken(t *testing.T) {
	s, component := started(t)
	grant, _ := s.Authorize(t.Context(), shop)
	authorizer, _ := s.redeem(component, grant.Code)
	own := s.call("/cgi-bin/token?grant_type=client_credential&appid=wx9999999999999999&secret=own", "")["access_token"].(string)
	const user, form = "&appid=" + shop + "&js_code=1&grant_type=authorization_code&component_appid=" + saasID, `{"component_appid":"` + saasID + `","offset":0,"count":1}`
	for _, row := range []struct {
		name, target, body string
		want               int
	}{
		{"component, old name", "/cgi-bin/component/api_get_authorizer_list?component_access_token=" + component, form, 0},
		{"component, new name", "/cgi-bin/component/api_get_authorizer_list?access_token=" + component, form, 0},
		{"component, both names", "/cgi-bin/component/api_get_authorizer_list?access_token=" + component + "&component_access_token=" + component, form, 40014},
		{"component, none", "/cgi-bin/component/api_get_authorizer_list", form, 41001},
		{"component, unknown", "/cgi-bin/component/api_get_authorizer_list?access_token=x", form, 40014},
		{"component, empty body", "/cgi-bin/component/api_get_authorizer_list?access_token=" + component, "", 43002},
		{"component, without its appid", "/cgi-bin/component/api_get_authorizer_list?access_token=" + component, `{"count":1}`, 41018},
		{"component, another's appid", "/cgi-bin/component/api_get_authorizer_list?access_token=" + component, `{"component_appid":"wx3333333333333333","count":1}`, 61011},
		{"component's path, authorizer's token", "/cgi-bin/component/api_get_authorizer_list?access_token=" + authorizer, form, 61014},
		{"template, authorizer's token", "/wxa/gettemplatelist?access_token=" + authorizer, "", 61014},
		{"template", "/wxa/gettemplatelist?access_token=" + component, "", 0},
		{"cloud", "/componenttcb/describeenvs?access_token=" + component, "{}", 0},
		{"sns", "/sns/component/jscode2session?component_access_token=" + component + user, "", 0},
		{"sns, the code again", "/sns/component/jscode2session?component_access_token=" + component + user, "", 40163},
		{"sns, new name", "/sns/component/jscode2session?access_token=" + component + user, "", 41021},
		{"sns, authorizer's token", "/sns/component/jscode2session?component_access_token=" + authorizer + user, "", 48001},
		{"sns, another's appid", "/sns/component/jscode2session?component_access_token=" + component + "&appid=" + shop + "&js_code=2&grant_type=authorization_code&component_appid=wx3333333333333333", "", 40094},
		{"sns, without its appid", "/sns/component/jscode2session?component_access_token=" + component + "&appid=" + shop, "", 41018},
		{"sns, not authorized", "/sns/component/jscode2session?component_access_token=" + component + "&appid=" + cafe + "&js_code=2&grant_type=authorization_code&component_appid=" + saasID, "", 61003},
		{"oauth2", "/sns/oauth2/component/access_token?component_access_token=" + component + "&code=1" + user, "", 0},
		{"oauth2 again", "/sns/oauth2/component/refresh_token?component_access_token=" + component + "&refresh_token=refresh-1" + user, "", 0},
		{"account's", "/cgi-bin/message/custom/send?access_token=" + authorizer, "{}", 0},
		{"account's, component's token", "/cgi-bin/message/custom/send?access_token=" + component, "{}", 61015},
		{"account's, under component", "/cgi-bin/component/setprivacysetting?access_token=" + authorizer, "{}", 0},
		{"account's, under component, component's token", "/cgi-bin/component/setprivacysetting?access_token=" + component, "{}", 61015},
		{"account's, old name", "/cgi-bin/message/custom/send?component_access_token=" + component, "{}", 41001},
		{"option", "/cgi-bin/component/set_authorizer_option?access_token=" + authorizer, `{"option_name":"voice_recognize","option_value":"1"}`, 0},
		{"either, component", "/cgi-bin/getcallbackip?access_token=" + component, "", 0},
		{"either, account", "/cgi-bin/getcallbackip?access_token=" + authorizer, "", 0},
		{"an app's own", "/cgi-bin/getcallbackip?access_token=" + own, "", 0},
	} {
		if got := s.call(row.target, row.body); errcode(got) != row.want {
			t.Errorf("%s: got %v; want %d", row.name, got, row.want)
		}
	}
	got := s.call("/cgi-bin/component/get_authorizer_option?access_token="+authorizer, `{"option_name":"voice_recognize"}`)
	if got["option_value"] != "1" {
		t.Errorf("the option: got %v", got)
	}
	if sent := s.wechat.Sent(); len(sent) != 3 || sent[0].AppID != saasID || sent[1].AppID != shop || sent[2].AppID != shop {
		t.Errorf("got the effects %v; want one of the platform's, two of the shop's", sent)
	}
	if n := s.wechat.Doubled(); n != 1 {
		t.Errorf("got %d requests with several tokens; want 1", n)
	}
}

func TestAForeignAddressIsRefusedForEveryKindOfToken(t *testing.T) {
	s, component := started(t)
	grant, _ := s.Authorize(t.Context(), shop)
	authorizer, _ := s.redeem(component, grant.Code)
	s.Change(func(settings *Settings) { settings.AllowIPs = []string{"203.0.113.7"} })
	for name, got := range map[string]map[string]any{
		"component token": s.api("api_component_token", "", `"component_appsecret":"`+saasSecret+`","component_verify_ticket":"x"`),
		"list":            s.api("api_get_authorizer_list", component, `"count":1`),
		"account's":       s.call("/cgi-bin/getcallbackip?access_token="+authorizer, ""),
	} {
		if errcode(got) != 61004 || !strings.Contains(got["errmsg"].(string), "requestIP: 192.0.2.1") {
			t.Errorf("%s: got %v; want 61004 with the address", name, got)
		}
	}
}
