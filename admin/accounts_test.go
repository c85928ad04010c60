package admin

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

func TestWhatChangesOrTellsNeedsTheKey(t *testing.T) {
	telling := []string{"/accounts/shop/token", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/symbol", "/debug/pprof/goroutine"}
	for name, test := range map[string]struct {
		public        bool
		key           string
		authorization string
		tells         int
		changes       int
	}{
		"on loopback, no key configured":             {false, "", "", 403, 200},
		"on loopback, no key configured, one shown":  {false, "", "Bearer x", 403, 200},
		"on loopback, no key configured, none shown": {false, "", "Bearer ", 403, 200},
		"on loopback, without the key":               {false, key, "", 401, 401},
		"on loopback, with a wrong key":              {false, key, "Bearer wrong", 401, 401},
		"on loopback, with another scheme":           {false, key, "Basic " + key, 401, 401},
		"on loopback, with the key":                  {false, key, "Bearer " + key, 200, 200},
		"beyond it, without the key":                 {true, key, "", 401, 401},
		"beyond it, with the key":                    {true, key, "Bearer " + key, 200, 200},
		"beyond it, no key configured":               {true, "", "Bearer x", 403, 401},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAdmin()
			a.Public, a.Key = test.public, secret.New(test.key)
			for _, path := range telling {
				w := ask(a, "GET", path, test.authorization)
				if w.Code != test.tells || test.tells == 401 && w.Header().Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("%s: got %d, %v; want %d", path, w.Code, w.Header(), test.tells)
				}
				if test.tells != 200 && strings.Contains(w.Body.String(), "token-of") || strings.Contains(w.Body.String(), key) {
					t.Errorf("%s: got %s, which says too much", path, w.Body)
				}
			}
			if w := ask(a, "POST", "/accounts/shop/refresh", test.authorization); w.Code != test.changes {
				t.Errorf("refresh: got %d; want %d", w.Code, test.changes)
			}
		})
	}
}

func TestWithoutATokenTheOperatorLearnsWhy(t *testing.T) {
	cause := &token.Refusal{Code: 40125, Reason: "invalid appsecret"}
	why := &token.Unavailable{Account: "shop", Cause: cause, Why: wechat.Explain(cause), Retry: 90*time.Second + 1}
	a := newAdmin()
	a.Key = secret.New(key)
	a.Accounts = []Account{account("shop", gone())}
	a.Accounts[0].Refresh = func(string, time.Duration) (bool, error) { return true, why }
	a.Accounts[0].Replace = func(time.Duration) error { return why }
	a.Accounts[0].Lend = func(time.Duration) (string, time.Duration, error) { return "", 0, why }
	for request, words := range map[[2]string]string{
		{"POST", "/accounts/shop/refresh"}: "40013",
		{"GET", "/accounts/shop/token"}:    "40125",
	} {
		w := ask(a, request[0], request[1], "Bearer "+key)
		if w.Code != 503 || w.Header().Get("Retry-After") != "91" || !strings.Contains(w.Body.String(), words) {
			t.Errorf("%v: got %d, %v, %s; want 503, 91 and %s", request, w.Code, w.Header(), w.Body, words)
		}
	}
	a.Accounts[0].Lend = func(time.Duration) (string, time.Duration, error) { return "", 0, errors.New("gone") }
	if w := ask(a, "GET", "/accounts/shop/token", "Bearer "+key); w.Code != 503 || w.Header().Get("Retry-After") != "" {
		t.Errorf("got %d, %v; want 503 without a time", w.Code, w.Header())
	}
}

func TestTheTokenIsLentWithItsLife(t *testing.T) {
	a := newAdmin()
	a.Key = secret.New(key)
	mustAnswer(t, ask(a, "GET", "/accounts/shop/token", "Bearer "+key), 200, `{"access_token":"token-of-shop","expires_in":3600}`)
	mustAnswer(t, ask(a, "GET", "/accounts/blog/token", "Bearer "+key), 404, `{"error":"there is no account of this name"}`)
}

func TestAPageOfAnotherSiteRefreshesNothing(t *testing.T) {
	for site, want := range map[string]int{"cross-site": http.StatusForbidden, "same-site": http.StatusForbidden, "same-origin": 200, "none": 200} {
		a := newAdmin()
		r, w := newRequest("POST", "/accounts/shop/refresh", nil), httptest.NewRecorder()
		r.Header.Set("Sec-Fetch-Site", site)
		a.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: got %d; want %d", site, w.Code, want)
		}
	}
}

// Applications of one corp at WeCom have its id, which names one only if there is no other.
func TestAnAppIDOfSeveralAccountsNamesNone(t *testing.T) {
	a := newAdmin()
	a.Accounts = nil
	for name, appID := range map[string]string{"crm": "ww1", "oa": "ww1", "book": "ww2"} {
		one := account(name, fresh())
		one.AppID = appID
		a.Accounts = append(a.Accounts, one)
	}
	for name, want := range map[string]string{"crm": "crm", "ww2": "book", "ww1": "", "": ""} {
		if got, found := a.account(name); got.Name != want || found != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", name, got.Name, found, want)
		}
	}
}
