package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/proxy/traffic"
	"wxproxy/token"
	"wxproxy/token/store"
)

const (
	component = "wxc0c0c0c0c0c0c0c0"
	authShop  = "wx1111111111111111"
	authCafe  = "wx2222222222222222"
	authBar   = "wx3333333333333333"
)

// A saas is a platform at a simulated WeChat, and who operates it.
type saas struct {
	*platformtest.Platform
	t      *testing.T
	wechat *wechattest.WeChat
	now    *platform.Platform
	admin  *Admin
	log    strings.Builder
}

func newSaas(t *testing.T, name, appID string) *saas {
	t.Helper()
	wechat := wechattest.New()
	w := &saas{t: t, wechat: wechat, admin: newAdmin(), Platform: platformtest.Add(wechat, platformtest.Settings{AppID: appID, Secret: "canary-component-secret"})}
	w.now = platform.New(platform.Options{
		Name: name, AppID: appID, HTTP: &http.Client{Transport: wechat}, URL: "https://api.weixin.qq.com",
		Secret: func() (secret.Secret, error) { return secret.New("canary-component-secret"), nil }, Store: store.NewMemory(),
	})
	w.now.Start()
	t.Cleanup(w.now.Stop)
	w.admin.Key, w.admin.Audit = secret.New(key), audit.New(slog.New(slog.NewTextHandler(&w.log, nil)))
	w.admin.Platforms = []Platform{NewPlatform(name, appID, w.now, func(string) []traffic.Minute { return make([]traffic.Minute, 60) })}
	synctest.Wait()
	return w
}

// push has the platform take an event, and act upon it.
func (w *saas) push(e platformtest.Event) {
	w.t.Helper()
	if _, err := w.now.Event(w.t.Context(), platform.Push{ID: "id", Received: time.Now(), Body: e.Content}); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(10 * time.Second)
}

// ask has an operator ask, and returns the answer's status and members.
func (w *saas) ask(method, path string) (int, map[string]any) {
	w.t.Helper()
	answer := ask(w.admin, method, path, "Bearer "+key)
	for _, hidden := range w.Secrets() {
		if strings.Contains(answer.Body.String(), hidden) && !strings.HasSuffix(path, "/token") {
			w.t.Errorf("%s shows a secret", path)
		}
	}
	members := map[string]any{}
	if err := json.Unmarshal(answer.Body.Bytes(), &members); err != nil {
		w.t.Fatalf("%s: %v", path, err)
	}
	return answer.Code, members
}

// status returns the platform's part of /status.
func (w *saas) status() map[string]any {
	w.t.Helper()
	_, all := w.ask("GET", "/status")
	return all["platforms"].([]any)[0].(map[string]any)
}

// listed returns the app ids and states that a question for authorizers is answered with.
func (w *saas) listed(query string) (total int, all string) {
	w.t.Helper()
	code, answer := w.ask("GET", "/platforms/saas/authorizers"+query)
	if code != http.StatusOK {
		w.t.Fatalf("%s: got %d %v", query, code, answer)
	}
	for _, one := range answer["authorizers"].([]any) {
		one := one.(map[string]any)
		all += one["app_id"].(string)[:3] + " " + one["state"].(string) + "; "
	}
	return int(answer["total"].(float64)), all
}

func TestStatusTellsHowAPlatformIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSaas(t, "saas", component)
		s := w.status()
		if s["state"] != "no_ticket" || s["ticket_age"] != nil || s["token_state"] != "gone" || s["expires_in"] != 0.0 || s["last_error"].(map[string]any)["remedy_zh"] == "" {
			t.Errorf("got %v; want no ticket", s)
		}
		w.push(w.NewTicket())
		w.push(w.Grant(authShop).Event)
		w.push(w.Grant(authCafe).Event)
		w.push(w.Revoke(authCafe))
		time.Sleep(10 * time.Minute)
		s = w.status()
		counts := s["authorizers"].(map[string]any)
		if s["name"] != "saas" || s["app_id"] != component || s["state"] != "ready" || s["ticket_age"].(float64) < 600 || s["token_state"] != "fresh" ||
			s["expires_in"].(float64) < 6000 || s["last_error"] != nil || s["loaded"] != true {
			t.Errorf("got %v; want a platform that is ready", s)
		}
		if fmt.Sprint(counts) != "map[failing:0 needs_authorization:0 ready:1 unauthorized:1]" {
			t.Errorf("got %v; want one of two", counts)
		}
	})
}

func TestAuthorizersAreListedInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSaas(t, "saas", component)
		w.push(w.NewTicket())
		for _, appID := range []string{authCafe, authBar, authShop} {
			w.push(w.Grant(appID).Event)
		}
		w.push(w.Revoke(authBar))
		for query, want := range map[string]string{
			"":                            "3: wx1 ready; wx2 ready; wx3 unauthorized; ",
			"?offset=1&limit=1":           "3: wx2 ready; ",
			"?offset=3":                   "3: ",
			"?limit=0":                    "3: ",
			"?limit=5000":                 "3: wx1 ready; wx2 ready; wx3 unauthorized; ",
			"?state=unauthorized":         "1: wx3 unauthorized; ",
			"?state=needs_authorization":  "0: ",
			"?q=wX2222":                   "1: wx2 ready; ",
			"?q=22&state=unauthorized":    "0: ",
			"?offset=9223372036854775807": "3: ",
			"?limit=9223372036854775807":  "3: wx1 ready; wx2 ready; wx3 unauthorized; ",
		} {
			if total, all := w.listed(query); fmt.Sprint(total, ": ", all) != want {
				t.Errorf("%s: got %d: %s; want %s", query, total, all, want)
			}
		}
		for _, query := range []string{"?offset=-1", "?limit=x", "?limit=", "?state=good", "?limit=1&limit=2", "?page=1", "?q=%zz", "?offset=99999999999999999999"} {
			if code, answer := w.ask("GET", "/platforms/saas/authorizers"+query); code != http.StatusBadRequest || answer["error"] == "" {
				t.Errorf("%s: got %d %v; want 400", query, code, answer)
			}
		}
		_, answer := w.ask("GET", "/platforms/saas/authorizers?limit=1")
		one := answer["authorizers"].([]any)[0].(map[string]any)
		if one["expires_in"].(float64) < 7000 || !strings.HasSuffix(one["authorized_at"].(string), "Z") || one["last_error"] != nil {
			t.Errorf("got %v; want its token and when it was authorized", one)
		}
		if code, _ := w.ask("GET", "/platforms/other/authorizers"); code != http.StatusNotFound {
			t.Errorf("got %d for an unknown platform; want 404", code)
		}
	})
}

func TestAListIsReadOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSaas(t, "saas", component)
		w.push(w.NewTicket())
		w.push(w.Grant(authShop).Event)
		w.push(w.Grant(authCafe).Event)
		time.Sleep(time.Hour)
		w.Revoke(authCafe) // whose event is lost
		code, answer := w.ask("POST", "/platforms/saas/recover")
		if code != http.StatusOK || fmt.Sprint(answer) != "map[ended:1 listed:1 restored:0]" {
			t.Errorf("got %d %v; want one that ended", code, answer)
		}
		w.SpoilList(platformtest.ListFault{Extra: 3})
		if code, answer := w.ask("POST", "/platforms/saas/recover"); code != http.StatusBadGateway || answer["error"] == nil || answer["remedy"] == "" {
			t.Errorf("got %d %v; want 502 in words", code, answer)
		}
		if code, _ := w.ask("POST", "/platforms/other/recover"); code != http.StatusNotFound {
			t.Errorf("got %d for an unknown platform; want 404", code)
		}
		for _, want := range []string{"action=recover key=admin.key", "account=saas", "outcome=done", "outcome=failed"} {
			if !strings.Contains(w.log.String(), want) {
				t.Errorf("the audit has no %s: %s", want, w.log.String())
			}
		}
	})
}

func TestAnAuthorizerIsRefreshedByHandAsAccountsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSaas(t, "saas", component)
		w.push(w.NewTicket())
		w.push(w.Grant(authShop).Event)
		time.Sleep(time.Minute)
		before := w.Refreshes(authShop)
		code, answer := w.ask("POST", "/accounts/"+authShop+"/refresh")
		if code != http.StatusOK || answer["name"] != authShop || answer["state"] != "fresh" || answer["asked"] != true || w.Refreshes(authShop) != before+1 {
			t.Errorf("got %d %v; want a refresh", code, answer)
		}
		code, answer = w.ask("GET", "/accounts/saas:"+authShop+"/token")
		tokens := w.Tokens(authShop)
		if code != http.StatusOK || answer["access_token"] != tokens[len(tokens)-1] {
			t.Errorf("got %d; want its token", code)
		}
		w.push(w.Revoke(authShop))
		code, answer = w.ask("POST", "/accounts/"+authShop+"/refresh")
		if why, _ := answer["last_error"].(map[string]any); code != http.StatusServiceUnavailable || answer["state"] != "gone" || !strings.Contains(fmt.Sprint(why["remedy"]), "authorize-url") {
			t.Errorf("got %d %v; want that the merchant has to authorize again", code, answer)
		}
		if code, _ := w.ask("GET", "/accounts/"+authShop+"/token"); code != http.StatusServiceUnavailable {
			t.Errorf("got %d; want no token", code)
		}
		w.Grant(authShop) // of which no event tells
		if code, answer = w.ask("POST", "/accounts/"+authShop+"/refresh"); code != http.StatusServiceUnavailable {
			t.Errorf("got %d %v; want that its code has to be redeemed", code, answer)
		}
		if code, _ := w.ask("POST", "/accounts/"+authCafe+"/refresh"); code != http.StatusNotFound {
			t.Errorf("got %d for one that no platform has heard of; want 404", code)
		}
	})
}

// An account whose refresh token WeChat has replaced is well again after a refresh by hand.
func TestARefreshByHandFindsALostRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSaas(t, "saas", component)
		w.push(w.NewTicket())
		w.push(w.Grant(authShop).Event)
		w.LoseRefresh(authShop)
		w.Expire(authShop)
		time.Sleep(3 * time.Hour)
		if code, _ := w.ask("GET", "/accounts/"+authShop+"/token"); code != http.StatusServiceUnavailable {
			t.Fatalf("got %d; want no token", code)
		}
		if _, all := w.listed(""); all != "wx1 needs_authorization; " {
			t.Fatalf("got %s; want that it has to be authorized", all)
		}
		own, err := w.now.Component().Token(time.Second)
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"component_appid":%q,"authorization_code":%q}`, component, w.Grant(authShop).Code) // elsewhere
		r, _ := http.NewRequest("POST", "https://api.weixin.qq.com/cgi-bin/component/api_query_auth?component_access_token="+own, strings.NewReader(body))
		if answer, err := w.wechat.RoundTrip(r); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatal(err)
		}
		if code, answer := w.ask("POST", "/accounts/"+authShop+"/refresh"); code != http.StatusOK || answer["asked"] != true {
			t.Errorf("got %d %v; want a good token", code, answer)
		}
		if _, all := w.listed(""); all != "wx1 ready; " {
			t.Errorf("got %s; want it ready", all)
		}
	})
}

func TestAPlatformsTokenIsHandedToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSaas(t, "saas", component)
		w.push(w.NewTicket())
		for _, name := range []string{"saas", component} {
			if code, answer := w.ask("GET", "/accounts/"+name+"/token"); code != http.StatusForbidden || answer["access_token"] != nil {
				t.Errorf("%s: got %d %v; want 403", name, code, answer)
			}
		}
		if !strings.Contains(w.log.String(), "action=real_token key=admin.key client=\"\" account=saas") {
			t.Errorf("got %s; want a line", w.log.String())
		}
		if code, answer := w.ask("POST", "/accounts/saas/refresh"); code != http.StatusOK || answer["state"] != "fresh" || w.Counts().ComponentTokens != 1 {
			t.Errorf("got %d %v; want its token refreshed", code, answer)
		}
	})
}

func TestPlatformsDoNotMakeAProcessUnready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSaas(t, "saas", component)
		loaded := false
		w.admin.Platforms[0].Loaded = func() bool { return loaded }
		ready := func(path string, want int) {
			t.Helper()
			if got := ask(w.admin, "GET", path, "").Code; got != want {
				t.Errorf("%s: got %d; want %d", path, got, want)
			}
		}
		ready("/readyz", http.StatusServiceUnavailable)
		if said := ask(w.admin, "GET", "/readyz", "").Body.String(); !strings.Contains(said, `"platforms_not_loaded"`) || !strings.Contains(said, `"name": "saas"`) {
			t.Errorf("got %s; want the platform named", said)
		}
		if _, answer := w.ask("GET", "/readyz?account="+authShop); !strings.Contains(answer["error"].(string), "not read yet") {
			t.Errorf("got %v; want it said that nobody can tell", answer)
		}
		loaded = true
		for range 2 {
			ready("/readyz", http.StatusOK)
			ready("/readyz?all=1", http.StatusOK)
			ready("/readyz?account=saas", http.StatusOK)
			w.admin.Accounts = nil
		}
		w.admin.Accounts = []Account{account("blog", gone())}
		ready("/readyz", http.StatusOK)
		ready("/readyz?all=1", http.StatusServiceUnavailable)
		ready("/readyz?account=blog", http.StatusServiceUnavailable)
		ready("/readyz?account="+authShop, http.StatusNotFound)
		w.push(w.NewTicket())
		w.push(w.Grant(authShop).Event)
		w.push(w.Revoke(authShop))
		ready("/readyz?account="+authShop, http.StatusOK)
		ready("/readyz?account=saas:"+authShop, http.StatusOK)
	})
}

func TestAnAccountOfTwoPlatformsIsNamedWithOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, other := newSaas(t, "saas", component), newSaas(t, "other", "wxdddddddddddddddd")
		w.admin.Platforms = append(w.admin.Platforms, other.admin.Platforms...)
		for _, w := range []*saas{w, other} {
			w.push(w.NewTicket())
			w.push(w.Grant(authShop).Event)
		}
		if code, answer := w.ask("POST", "/accounts/"+authShop+"/refresh"); code != http.StatusNotFound || !strings.Contains(answer["error"].(string), "saas:APPID") {
			t.Errorf("got %d %v; want 404 in words", code, answer)
		}
		time.Sleep(time.Minute)
		if code, _ := w.ask("POST", "/accounts/other:"+authShop+"/refresh"); code != http.StatusOK || w.Refreshes(authShop) != 0 || other.Refreshes(authShop) != 1 {
			t.Errorf("got %d, %d and %d refreshes; want one of the other's", code, w.Refreshes(authShop), other.Refreshes(authShop))
		}
		mustShow(t, pageOf(w, "/"), "saas:"+authShop, "other:"+authShop)
	})
}

func pageOf(w *saas, path string) string {
	return ask(w.admin, "GET", path, "").Body.String()
}

func TestThePageShowsAPlatform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSaas(t, "saas", component)
		mustShow(t, pageOf(w, "/"), "(1)</title>", "without a usable ticket: 1", `id="platform-saas"`, component, "no ticket", "What to do: ", "No account has authorized it yet")
		w.push(w.NewTicket())
		for _, appID := range []string{authShop, authCafe, authBar} {
			w.push(w.Grant(appID).Event)
		}
		w.push(w.Revoke(authShop))
		mustShow(t, pageOf(w, "/"), "All is well", `id="platform-saas"`, ">ready<", "Ticket", "s ago", `id="authorizer-`+authShop, ">unauthorized<", `id="authorizer-`+authCafe, ">ready<")
		w.LoseRefresh(authBar)
		w.Expire(authBar)
		time.Sleep(3 * time.Hour)
		w.push(w.NewTicket())
		_, _ = w.ask("GET", "/accounts/"+authBar+"/token")
		mustShow(t, pageOf(w, "/"), "with a problem: 1 of 2", "needs authorization</dt><dd>1", `id="authorizer-`+authBar, "has no refresh token", "What to do: </b>have the merchant authorize")
		mustShow(t, pageOf(w, "/?lang=zh"), "第三方平台中有问题的账号：1 / 2", "需重新授权", "请商家通过")
		if page := pageOf(w, "/?q=wx22"); strings.Contains(page, authBar) || !strings.Contains(page, authCafe) || !strings.Contains(page, "1 of 3 match") {
			t.Errorf("got %s; want those that match", page)
		}
		w.admin.Accounts = nil
		status := w.admin.Platforms[0].Status
		w.admin.Platforms[0].Status = func() platform.Status {
			s := status()
			s.State, s.Problem = platform.StateReady, token.Explanation{Reason: "none since 3 a.m.", Remedy: "look at /push/saas"}
			return s
		}
		mustShow(t, pageOf(w, "/"), `class="fair">Third-party platforms to which no ticket has come for long: 1`, `<p class="trouble fair`, "none since 3 a.m.", "look at /push/saas")
		w.admin.Platforms[0].Status = status
		if page := pageOf(w, "/?q=authorization"); strings.Count(page, `id="q"`) != 1 || strings.Contains(page, authCafe) || !strings.Contains(page, authBar) {
			t.Errorf("got %s; want a box, and those in that state", page)
		}
		for _, hidden := range w.Secrets() {
			if strings.Contains(pageOf(w, "/"), hidden) {
				t.Error("the page shows a secret")
			}
		}
	})
}

// What is wrong with many accounts is said once where they stand one below the other, and is
// found by its errcode. A platform all of whose calls fail is as bad as one without a ticket.
func TestThePageSaysOnceWhatManyAccountsLack(t *testing.T) {
	a := newAdmin()
	crowd := crowded(0)
	refused := func(appID string) platform.AuthorizerStatus {
		return platform.AuthorizerStatus{AppID: appID, State: platform.StateFailing, Problem: token.Explanation{Code: 61004, Reason: "not registered rid: " + appID, Remedy: "put 203.0.113.7 on the list", RemedyZH: "白名单"}}
	}
	lacking := func(appID string) platform.AuthorizerStatus {
		return platform.AuthorizerStatus{AppID: appID, State: platform.StateNeedsAuthorization, Problem: token.Explanation{Reason: "no refresh token", Remedy: "have the merchant authorize", RemedyZH: "重新授权"}}
	}
	all := []platform.AuthorizerStatus{refused("wx1"), refused("wx2"), lacking("wx3"), lacking("wx4"), lacking("wx5"), {AppID: "wx6", State: platform.StateReady}}
	crowd.Search = func(q platform.Query) (total int, page []platform.AuthorizerStatus) {
		for _, one := range all {
			if q.Matches(platform.Match{AppID: one.AppID, State: one.State, Errcode: one.Problem.Code}) {
				total, page = total+1, append(page, one)
			}
		}
		return total, page
	}
	a.Platforms = []Platform{crowd}
	page := open(t, a, "/")
	for said, want := range map[string]int{"put 203.0.113.7": 1, "not registered rid: ": 2, "have the merchant authorize": 1, "no refresh token": 1, `class="state bad">needs authorization`: 3} {
		if got := strings.Count(page, said); got != want {
			t.Errorf("%q: got it %d times; want %d", said, got, want)
		}
	}
	page = open(t, a, "/?q=61004")
	if rows := strings.Count(page, `id="authorizer-`); rows != 2 {
		t.Errorf("got %d rows; want those with the errcode", rows)
	}
	for _, row := range []struct {
		left   time.Duration
		class  token.Class
		title  string
		colour string
	}{
		{time.Hour, token.ClassConfiguration, "(1)</title>", "bad"},
		{time.Hour, token.ClassTransient, "wxproxy</title>", "fair"},
		{-time.Hour, token.ClassTransient, "(1)</title>", "bad"},
	} {
		crowd.Status = func() platform.Status {
			s := platform.Status{State: platform.StateFailing, TicketArrived: time.Now(), Token: fresh(), Problem: token.Explanation{Class: row.class, Reason: "no", Remedy: "yes"}}
			if row.left < 0 {
				s.Token.State = token.StateGone
			}
			return s
		}
		a.Platforms, a.Accounts = []Platform{crowd}, nil
		mustShow(t, open(t, a, "/"), row.title, `class="`+row.colour+`">Third-party platforms with a problem: 1`, `<p class="trouble `+row.colour)
	}
}

// How many match stands beside the box, which is the platform's own without other accounts.
func TestThePageCountsBesideTheBox(t *testing.T) {
	a := newAdmin()
	a.Accounts, a.Platforms = nil, []Platform{crowded(1000)}
	mustShow(t, open(t, a, "/"), `<p class="shown" role="status">200 of 1,000 shown`)
	page := open(t, a, "/?q=0999")
	mustShow(t, page, `<p class="shown" role="status">1 of 1,000 match</p>`)
	if strings.Contains(page, "0 of 0") {
		t.Error("the page counts accounts where there are none")
	}
}

// A person finds one of 100,000 accounts, and the page stays small.
func TestThePageSearchesAmongManyAuthorizers(t *testing.T) {
	a := newAdmin()
	const many = 100_000
	a.Platforms = []Platform{crowded(many)}
	page := open(t, a, "/")
	if rows := strings.Count(page, `id="authorizer-`); rows != maxRows || !strings.Contains(page, "200 of 100,000 shown") {
		t.Errorf("got %d rows; want %d", rows, maxRows)
	}
	mustShow(t, open(t, a, "/?q=wx0000000000099999"), "wx0000000000099999", "1 of 100,000 match")
	if status := open(t, a, "/status"); len(status) > 10_000 {
		t.Errorf("got %d bytes of /status; want a few", len(status))
	}
}

// crowded returns a platform that n accounts have authorized.
func crowded(n int) Platform {
	own := account("saas", fresh())
	own.Lend = nil
	return Platform{
		Component: own, Loaded: func() bool { return true }, Hour: own.Hour,
		Status: func() platform.Status {
			return platform.Status{Name: "saas", State: platform.StateReady, TicketArrived: time.Now(), Token: fresh(), Authorizers: map[string]int{platform.StateReady: n}, Loaded: true}
		},
		Search: func(q platform.Query) (total int, page []platform.AuthorizerStatus) {
			for i := range n {
				if appID := fmt.Sprintf("wx%016d", i); q.Matches(platform.Match{AppID: appID, State: platform.StateReady}) {
					if total++; len(page) < q.Limit {
						page = append(page, platform.AuthorizerStatus{AppID: appID, State: platform.StateReady})
					}
				}
			}
			return total, page
		},
		Authorizer: func(string) (Authorizer, bool) { return nil, false },
		Recover:    func(context.Context) (platform.Recovery, error) { return platform.Recovery{}, errors.New("no") },
		Explain:    func(err error) token.Explanation { return token.Explanation{Reason: err.Error()} },
	}
}

// What the inbox calls an account of a platform is told in the audit as its app id, and what
// somebody made up is not.
func TestTheAuditKnowsTheAccountsOfAPlatform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSaas(t, "saas", component)
		w.push(w.NewTicket())
		w.push(w.Grant(authShop).Event)
		for name, want := range map[string]string{
			"saas/" + authShop: authShop, "saas:" + authShop: authShop, authShop: authShop, "saas": "saas", component: "saas", "shop": "shop",
			"saas/" + authCafe: "", "other/" + authShop: "", "canary": "", "": "", "saas/": "",
		} {
			if got := w.admin.known(name); got != want {
				t.Errorf("%q: got %q; want %q", name, got, want)
			}
		}
	})
}
