package admin

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// A browser that gets nowhere sees a page with the way back; programs get what they got.
func TestABrowserThatGetsNowhereFindsBack(t *testing.T) {
	a := newAdmin()
	for _, c := range []struct {
		path, accept string
		code         int
		has, lacks   string
	}{
		{"/account?name=nosuch<b>&lang=zh", "text/html", 404, `没有这个名称的账号。</p><p><a href="./?lang=zh`, "nosuch"},
		{"/account?name=nosuch", "text/html", 404, "There is no account of this name.", "nosuch"},
		{"/account?name=nosuch", "*/*", 404, "account?name=NAME", "<html"},
		{"/no/such/page?lang=zh", "text/html,*/*", 404, `没有这个页面。</p><p><a href="./../../?lang=zh`, "such"},
		{"/no/such/page", "", 404, "404 page not found", "<html"},
		{"/reload", "text/html", 405, "", "<html"},
		{"/healthz", "text/html", 200, "", "<html"},
	} {
		r := httptest.NewRequest("GET", "http://127.0.0.1:8081"+c.path, nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if got := w.Body.String(); w.Code != c.code || !strings.Contains(got, c.has) || strings.Contains(got, c.lacks) {
			t.Errorf("%s for %q: got %d %s; want %d with %q", c.path, c.accept, w.Code, got, c.code, c.has)
		}
	}
}
