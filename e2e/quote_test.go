package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A far end that repeats all it was ever told gets neither the credentials that were
// just sent nor those before them past the proxy, over a reload neither.
func TestNoCredentialComesBack(t *testing.T) {
	t.Parallel()
	const newSecret = "fedcba98765432100123456789abcdef"
	var fetched atomic.Int64
	tokenOf := func(n int64) string { return fmt.Sprintf("%d_%s", n, strings.Repeat("aB3-x_Z9", 16)) }
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cgi-bin/stable_token" {
			fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, tokenOf(fetched.Add(1)))
			return
		}
		all := r.RequestURI + " " + appSecret + " " + newSecret
		for n := max(1, fetched.Load()-1); n <= fetched.Load(); n++ {
			all += " " + tokenOf(n)
		}
		w.Header().Set("X-All", all)
		if r.URL.Path == "/refuses" {
			fmt.Fprintf(w, `{"errcode":40001,"errmsg":%q}`, all)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, all)
	}))
	defer far.Close()
	p := serving(t, far.URL, fourLines)
	p.awaitReady()
	calls := []string{"/cgi-bin/user/info?a=b", "/sns/jscode2session?js_code=1", "/refuses", "/cgi-bin/user/info?a=b", "/sns/userinfo?access_token=theirs"}
	mustHideAll := func(secrets ...string) {
		t.Helper()
		for _, path := range calls {
			a := p.mustAsk("GET", p.proxy+path, "")
			got := fmt.Sprint(a.header, a.body)
			for _, secret := range append(secrets, tokenOf(fetched.Load()), tokenOf(fetched.Load()-1)) {
				if strings.Contains(got, secret) {
					t.Errorf("%s: got %s, which holds %s", path, got, secret)
				}
			}
			if !strings.Contains(a.header.Get("X-All"), "***") || !strings.Contains(a.body, "***") {
				t.Errorf("%s: got %s; want *** in the place of what was quoted", path, got)
			}
		}
	}
	mustHideAll(appSecret)
	p.mustReload(strings.Replace(fourLines, appSecret, newSecret, 1))
	mustHideAll(appSecret, newSecret)
	p.stop()
}
