package admin

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/internal/secret"
	"wxproxy/token"
)

// Who asks for what is not understood must not be told that it was done.
func TestARefreshDoesWhatItsBodySaysOrNothing(t *testing.T) {
	const passive, forced, nothing = "refresh", "replace", ""
	for _, row := range []struct {
		body, does, failed string
	}{
		{"", passive, ""}, {" \r\n", passive, ""}, {"{}", passive, ""}, {" { } \n", passive, ""},
		{`{"access_token":"FAILED"}`, passive, "FAILED"}, {`{"force":false}`, passive, ""}, {`{"force":false,"access_token":"FAILED"}`, passive, "FAILED"},
		{`{"force":true}`, forced, ""}, {"\t{\"force\" : true}\n", forced, ""}, {`{"f\u006frce":true}`, forced, ""},

		{`{"force":"true"}`, nothing, ""}, {`{"force":1}`, nothing, ""}, {`{"force":null}`, nothing, ""}, {`{"force":[true]}`, nothing, ""}, {`{"force":{}}`, nothing, ""},
		{`{"Force":true}`, nothing, ""}, {`{"force_refresh":true}`, nothing, ""}, {`{"force":true,"x":1}`, nothing, ""}, {`{"access_token":"FAILED","x":1}`, nothing, ""},
		{`{"force":true,"force":true}`, nothing, ""}, {`{"force":false,"force":true}`, nothing, ""}, {`{"force":true,"access_token":"FAILED"}`, nothing, ""},
		{`{"access_token":"","force":true}`, nothing, ""}, {`{"access_token":1}`, nothing, ""}, {`{"access_token":null}`, nothing, ""},
		{`{"force":true}x`, nothing, ""}, {`{"force":true}{"force":true}`, nothing, ""}, {`{"force":true},`, nothing, ""}, {`{"force":true`, nothing, ""}, {`{"force":true,}`, nothing, ""}, {`{"force"`, nothing, ""}, {`{`, nothing, ""},
		{"true", nothing, ""}, {"null", nothing, ""}, {`"force"`, nothing, ""}, {`[{"force":true}]`, nothing, ""}, {"[]", nothing, ""}, {"force=true", nothing, ""}, {"access_token=FAILED", nothing, ""},
		{`{"access_token":"` + strings.Repeat("x", maxAsk) + `"}`, nothing, ""}, {`{"force":true}` + strings.Repeat(" ", maxAsk), nothing, ""},
	} {
		a, did, failed := newAdmin(), "", ""
		a.Accounts[0].Refresh = func(f string, wait time.Duration) (bool, error) {
			if wait <= 0 || wait > 10*time.Second {
				t.Errorf("got a wait of %v", wait)
			}
			did, failed = did+passive, f
			return true, nil
		}
		a.Accounts[0].Replace = func(wait time.Duration) error {
			if wait <= 0 || wait > 10*time.Second {
				t.Errorf("got a wait of %v", wait)
			}
			did += forced
			return nil
		}
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, newRequest("POST", "/accounts/shop/refresh", strings.NewReader(row.body)))
		code, want := 200, `"state": "fresh"`
		if row.does == nothing {
			code, want = 400, "nothing was refreshed"
		}
		if did != row.does || failed != row.failed || w.Code != code || !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), "FAILED") {
			t.Errorf("%.60q: did %q for %q and answered %d %s; want %q for %q, and %d %s", row.body, did, failed, w.Code, w.Body, row.does, row.failed, code, want)
		}
	}
}

func TestARefreshReadsNoQuery(t *testing.T) {
	a := newAdmin()
	a.Accounts[0].Refresh = func(string, time.Duration) (bool, error) { t.Error("refreshed"); return true, nil }
	for _, query := range []string{"?force=true", "?force", "?access_token=x"} {
		if w := ask(a, "POST", "/accounts/shop/refresh"+query, ""); w.Code != 400 || !strings.Contains(w.Body.String(), "body") {
			t.Errorf("%s: got %d %s; want 400", query, w.Code, w.Body)
		}
	}
}

func TestALimitOnReplacingTheTokenIsToldWithItsEnd(t *testing.T) {
	var log strings.Builder
	a := newAdmin()
	a.Key, a.Log = secret.New(key), slog.New(slog.NewTextHandler(&log, nil))
	a.Audit = audit.New(a.Log)
	for _, row := range []struct {
		err        error
		code       int
		retry, say string
	}{
		{&token.Limit{Account: "shop", Reason: "the words", Retry: 1500 * time.Millisecond}, 429, "2", "the token of account shop is not replaced: the words; come again in 2 s"},
		{&token.Limit{Account: "shop", Reason: "the words"}, 429, "1", "the words"},
		{&token.Unavailable{Account: "shop", Cause: errors.New("away"), Retry: time.Minute}, 503, "60", `"state": "fresh"`},
		{&token.Timeout{Account: "shop"}, 503, "1", `"state": "fresh"`},
		{nil, 200, "", `"state": "fresh"`},
	} {
		log.Reset()
		a.Accounts[0].Replace = func(time.Duration) error { return row.err }
		w := httptest.NewRecorder()
		r := newRequest("POST", "/accounts/wxshop/refresh", strings.NewReader(`{"force":true}`))
		r.Header.Set("Authorization", "Bearer "+key)
		a.Handler().ServeHTTP(w, r)
		if w.Code != row.code || w.Header().Get("Retry-After") != row.retry || !strings.Contains(w.Body.String(), row.say) {
			t.Errorf("%v: got %d, %v, %s; want %d, %q, %s", row.err, w.Code, w.Header(), w.Body, row.code, row.retry, row.say)
		}
		want := map[bool]string{true: "outcome=done", false: "outcome=failed"}[row.err == nil]
		if !strings.Contains(log.String(), "action=refresh_by_force key=admin.key") || !strings.Contains(log.String(), want) || !strings.Contains(log.String(), "account=shop") {
			t.Errorf("%v: got the log %q; want %s", row.err, log.String(), want)
		}
	}
}

// That WeChat was not asked is no proof that the AppSecret is right.
func TestARefreshSaysWhetherWeChatWasAsked(t *testing.T) {
	for _, row := range []struct {
		asked         bool
		err           error
		said, outcome string
	}{
		{true, nil, `"asked": true`, "outcome=done"},
		{false, nil, `"asked": false`, "outcome=not_asked"},
		{false, &token.Unavailable{Account: "shop", Cause: errors.New("no file")}, `"asked": false`, "outcome=failed"},
	} {
		var log strings.Builder
		a := newAdmin()
		a.Key, a.Log = secret.New(key), slog.New(slog.NewTextHandler(&log, nil))
		a.Audit = audit.New(a.Log)
		a.Accounts[0].Refresh = func(string, time.Duration) (bool, error) { return row.asked, row.err }
		w := ask(a, "POST", "/accounts/shop/refresh", "Bearer "+key)
		if !strings.Contains(w.Body.String(), row.said) || !strings.Contains(log.String(), row.outcome) {
			t.Errorf("got %s and the log %s; want %s and %s", w.Body, log.String(), row.said, row.outcome)
		}
	}
	a, w := newAdmin(), httptest.NewRecorder()
	a.Handler().ServeHTTP(w, newRequest("POST", "/accounts/shop/refresh", strings.NewReader(`{"force":true}`)))
	if strings.Contains(w.Body.String(), "asked") {
		t.Errorf("got %s; want nothing of a question where the token was replaced", w.Body)
	}
}
