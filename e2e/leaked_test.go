package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// A token that is in wrong hands is replaced when an operator says so, and not
// again at once.
func TestAnOperatorReplacesALeakedToken(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret, Life: 2*time.Hour - time.Minute}) // whose tokens seem to be a minute old
			toml := "[admin]\nkey = \"admin-key-0123456789abcdef\"\n" + fourLines + "token_api = \"" + api + "\"\n"
			p := serving(t, w.URL, toml, storeWithOldToken(t, w, toml))
			p.awaitReady()
			token := func() string {
				t.Helper()
				a := p.mustAsk("GET", p.admin+"/accounts/shop/token", "", "Authorization: Bearer admin-key-0123456789abcdef")
				value, _, _ := strings.Cut(a.body, "expires_in")
				return value
			}
			replace := func(body string) answer {
				t.Helper()
				return p.mustAsk("POST", p.admin+"/accounts/shop/refresh", body, "Authorization: Bearer admin-key-0123456789abcdef")
			}
			leaked := token()
			if a := replace(`{"force":"true"}`); a.code != http.StatusBadRequest || token() != leaked {
				t.Errorf("got %d %s; want 400 and the token as it was", a.code, a.body)
			}
			if a := replace(`{"force":true}`); a.code != http.StatusOK || !strings.Contains(a.body, `"state": "fresh"`) {
				t.Errorf("got %d %s; want 200 and the status", a.code, a.body)
			}
			successor := token()
			if successor == leaked {
				t.Error("the token is the leaked one; want another")
			}
			p.mustSucceed()
			a := replace(`{"force":true}`)
			if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); a.code != http.StatusTooManyRequests || err != nil || seconds < 1 || seconds > 30 || !strings.Contains(a.body, "not replaced") {
				t.Errorf("at once again: got %d, %v, %s; want 429 and when to come again", a.code, a.header, a.body)
			}
			if token() != successor {
				t.Error("the token was replaced again; want it kept")
			}
			if f := w.Fetches(appID); api == "stable" && f.Forced != 1 || f.Stable+f.Classic != 2 {
				t.Errorf("got %+v; want two fetches, of a stable token one by force", f)
			}
			p.stop()
		})
	}
}
