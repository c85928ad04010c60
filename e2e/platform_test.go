package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
)

// platformLines is a configuration of a platform alone.
var platformLines = fmt.Sprintf("[[platform]]\nname = \"saas\"\napp_id = %q\nsecret = %q\npush_token = %q\npush_aes_key = %q\n",
	componentID, componentSecret, pushToken, pushAESKey)

// newSaas returns a platform of a simulated WeChat on a socket.
func newSaas(t *testing.T, configure ...func(*http.Server)) (weChat, *platformtest.Platform) {
	t.Helper()
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	saas := platformtest.Add(w, platformtest.Settings{AppID: componentID, Secret: componentSecret})
	w.Record()
	return serveWeChat(t, w, configure...), saas
}

// serveSaas starts a proxy for a platform of w, which no ticket was pushed to yet.
func serveSaas(t *testing.T, w weChat, saas *platformtest.Platform, toml string, env ...string) *program {
	t.Helper()
	p := serving(t, w.URL, toml, append([]string{"WXPROXY_PUSH_LISTEN=127.0.0.1:0"}, env...)...)
	saas.Change(func(s *platformtest.Settings) {
		s.EventURL, s.MessageURL = p.push+"/push/saas", p.push+"/push/saas/$APPID$"
		s.Token, s.AESKey, s.Transport = pushToken, pushAESKey, p.client.Transport
	})
	p.awaitReady()
	return p
}

// startPlatform does that for the platform with more settings, and has WeChat push a ticket.
func startPlatform(t *testing.T, w weChat, saas *platformtest.Platform, toml string) *program {
	t.Helper()
	p := serveSaas(t, w, saas, platformLines+toml)
	mustDeliver(t, saas.PushTicket(t.Context()))
	return p
}

// mustDeliver fails the test unless an event was answered with success.
func mustDeliver(t *testing.T, d wechattest.Delivery) {
	t.Helper()
	if d.Fault != "" {
		t.Fatalf("an event: got %s", d.Fault)
	}
}

// awaitNextSecond waits until WeChat's events have another CreateTime.
func awaitNextSecond() { time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) }

// awaitMerchant calls for the account until its authorization was acted upon.
func (p *program) awaitMerchant(headers ...string) {
	p.t.Helper()
	p.eventually("the account can be called", func() bool { return p.call("GET", "/@"+merchantID+userInfo, "", headers...).code == 200 })
}

// mustServe fails the test unless a call gets WeChat's own good answer.
func (p *program) mustServe(method, path, body string, headers ...string) {
	p.t.Helper()
	if a := p.call(method, path, body, headers...); a.code != 200 || a.header.Get("Wxproxy-Error") != "" || a.header.Get("Wxproxy-Attempts") == "" || strings.Contains(a.body, `"errcode":4`) {
		p.t.Errorf("%s %s: got %d %v %s; want WeChat's answer", method, path, a.code, a.header, a.body)
	}
}

// All that a platform needs is that WeChat pushes to it: programs call for the accounts that
// authorize it by their app ids, with no token of any kind.
func TestAPlatformServesTheAccountsThatAuthorizeIt(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	store := t.TempDir()
	toml := "[token]\nstore = \"file:" + store + "\"\n" + platformLines
	p := serveSaas(t, w, saas, toml)
	p.call("GET", "/@"+merchantID+userInfo, "").mustBe(t, 404, "unknown_account")
	p.call("POST", "/@saas/cgi-bin/component/api_get_authorizer_list", fmt.Sprintf(`{"component_appid":%q,"offset":0,"count":10}`, componentID)).mustBe(t, 503, "no_ticket")

	mustDeliver(t, saas.PushTicket(t.Context()))
	_, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	p.awaitMerchant()
	a := p.call("GET", userInfo, "", "Wxproxy-Account: "+merchantID)
	if a.code != 200 || a.header.Get("Wxproxy-Account") != merchantID || a.header.Get("Wxproxy-Attempts") != "1" {
		t.Errorf("got %d %v %s; want the account's answer", a.code, a.header, a.body)
	}
	p.mustServe("GET", "/@saas:"+merchantID+userInfo, "")
	p.call("GET", userInfo, "").mustBe(t, 404, "unknown_account")
	p.call("GET", "/@saas"+userInfo, "").mustBe(t, 403, "no_credential")
	info := p.call("POST", "/cgi-bin/component/api_get_authorizer_info", fmt.Sprintf(`{"component_appid":%q,"authorizer_appid":%q}`, componentID, merchantID))
	if info.code != 200 || !strings.Contains(info.body, "refreshtoken@@@wxproxy") || info.header.Get("Wxproxy-Account") != "saas" {
		t.Errorf("the platform's own call: got %d %v %s", info.code, info.header, info.body)
	}

	p.stop()

	again := serveSaas(t, w, saas, toml) // the store has all
	again.mustServe("GET", "/@"+merchantID+userInfo, "")
	awaitNextSecond() // of events of the same one WeChat's list decides, and that was just read
	mustDeliver(t, saas.Cancel(t.Context(), merchantID))
	again.call("GET", "/@"+merchantID+userInfo, "").mustBe(t, 503, "not_authorized")
	again.stop()
	if got := saas.Counts(); got.ComponentTokens != 1 || got.QueryAuths != 1 || got.RefusedQueryAuths != 0 {
		t.Errorf("got %+v; want one component token and one code redeemed", got)
	}
	for _, secret := range saas.Secrets() {
		for _, of := range []*program{p, again} {
			if printed := of.stdout.String() + of.stderr.String(); strings.Contains(printed, secret) {
				t.Errorf("the proxy has printed %s", secret)
			}
		}
	}
}

func TestAMerchantAuthorizesByTheProxysURL(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	p := startPlatform(t, w, saas, "")
	a := p.call("GET", "/wxproxy/authorize-url?redirect_uri="+url.QueryEscape("https://saas.example/back"), "")
	var answer struct {
		URL       string `json:"url"`
		ExpiresIn int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil || a.code != 200 || answer.ExpiresIn <= 0 {
		t.Fatalf("got %d %s, %v; want a page", a.code, a.body, err)
	}
	authorized, err := saas.Visit(answer.URL, merchantID)
	if err != nil {
		t.Fatal(err)
	}
	mustDeliver(t, saas.Push(t.Context(), authorized.Event))
	p.awaitMerchant()
	p.stop()
}

// A reload takes nothing from a platform: neither what it knows nor what runs.
func TestAPlatformLivesOverReloads(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	p := startPlatform(t, w, saas, "")
	_, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	p.awaitMerchant()

	p.mustReload("[upstream]\ntimeout = \"29s\"\n" + platformLines + fourLines)
	p.mustSucceed() // the account is the default
	p.mustServe("GET", "/@"+merchantID+userInfo, "")
	mustDeliver(t, saas.PushTicket(t.Context()))

	p.mustReload(fourLines)
	p.call("GET", "/@"+merchantID+userInfo, "").mustBe(t, 404, "unknown_account")
	p.call("POST", "/cgi-bin/component/api_create_preauthcode", "{}").mustBe(t, 403, "no_credential")

	p.mustReload(platformLines + fourLines) // at once, or after the one before has stopped
	p.eventually("the platform is back", func() bool {
		mustDeliver(t, saas.PushTicket(t.Context()))
		return p.call("GET", "/@"+merchantID+userInfo, "").code == 200
	})
	p.stop()
}

// What a client may do with a platform and its accounts is what its accounts say.
func TestClientsAreHeldToTheirPartOfAPlatform(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	client := func(name, accounts, more string) string {
		return fmt.Sprintf("[[client]]\nname = %q\nkey = \"%s-key-0123456789\"\naccounts = [%s]\n%s\n", name, name, accounts, more)
	}
	p := startPlatform(t, w, saas, client("all", `"saas/*"`, "")+client("own", `"saas"`, "")+client("one", `"`+merchantID+`"`, "")+
		client("other", `"wx2222222222222222"`, "")+client("admin", `"saas/*"`, "platform_admin = true"))
	_, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	bearer := func(name string) string { return "Authorization: Bearer " + name + "-key-0123456789" }
	p.awaitMerchant(bearer("all"))

	p.mustServe("GET", "/@"+merchantID+userInfo, "", bearer("one"))
	p.mustServe("GET", userInfo, "", bearer("one")) // its only account
	p.call("GET", "/@"+merchantID+userInfo, "", bearer("own")).mustBe(t, 403, "forbidden_account")
	p.call("GET", "/@"+merchantID+userInfo, "", bearer("other")).mustBe(t, 403, "forbidden_account")
	const drafts, template = "/wxa/gettemplatedraftlist", "/wxa/deletetemplate"
	p.mustServe("GET", drafts, "", bearer("own"))
	p.call("GET", drafts, "", bearer("one")).mustBe(t, 403, "forbidden_account")
	p.call("POST", template, `{"template_id":1}`, bearer("all")).mustBe(t, 403, "forbidden_path")
	p.mustServe("POST", template, `{"template_id":1}`, bearer("admin"))
	p.stop()
}

// Operators see a platform and who has authorized it, and can act upon both.
func TestOperatorsSeeAPlatformAndItsAccounts(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	p := serveSaas(t, w, saas, platformLines)
	status := func() (said struct {
		Platforms []struct {
			Name, State string
			AppID       string `json:"app_id"`
			TicketAge   *int   `json:"ticket_age"`
			Authorizers map[string]int
		}
	}) {
		if err := json.Unmarshal([]byte(p.mustAsk("GET", p.admin+"/status", "").body), &said); err != nil || len(said.Platforms) != 1 {
			t.Fatalf("got %+v, %v; want a platform", said, err)
		}
		return said
	}
	if s := status().Platforms[0]; s.Name != "saas" || s.AppID != componentID || s.State != "no_ticket" || s.TicketAge != nil {
		t.Errorf("without a ticket: got %+v", s)
	}
	mustDeliver(t, saas.PushTicket(t.Context()))
	_, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	p.awaitMerchant()
	p.eventually("the account to be ready", func() bool { return status().Platforms[0].Authorizers["ready"] == 1 }) // as it is told a moment after it is served
	if s := status().Platforms[0]; s.State != "ready" || s.TicketAge == nil || s.Authorizers["ready"] != 1 {
		t.Errorf("with an account: got %+v", s)
	}
	for _, ask := range []struct{ method, path, want string }{
		{"GET", "/platforms/saas/authorizers", `"app_id":"` + merchantID + `"`},
		{"POST", "/platforms/saas/recover", `"listed":1`},
		{"POST", "/accounts/" + merchantID + "/refresh", merchantID},
		{"GET", "/readyz?all=1", `"ready":true`},
		{"GET", "/metrics", `wxproxy_requests_total{account="saas/*"`},
		{"GET", "/metrics", `wxproxy_pushes_total{account="saas"`},
	} {
		if a := p.mustAsk(ask.method, p.admin+ask.path, ""); a.code != 200 || !strings.Contains(strings.ReplaceAll(a.body, ": ", ":"), ask.want) {
			t.Errorf("%s %s: got %d %.500s; want %s in it", ask.method, ask.path, a.code, a.body, ask.want)
		}
	}
	p.stop()
}
