package demo

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// A witness tells what was called, which token was added and what became of it, and no value.
func TestAWitnessShowsWhatIsRefusedAndCured(t *testing.T) {
	t.Parallel()
	for _, isChinese := range []bool{false, true} {
		var out strings.Builder
		w := newWitness(Settings{Requests: &out, IsChinese: isChinese}, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch token := r.URL.Query().Get("access_token"); {
			case r.URL.Path == "/cgi-bin/stable_token":
				fmt.Fprint(rw, `{"access_token":"canary-new","expires_in":7200}`)
			case r.URL.Path == "/broken":
				rw.WriteHeader(http.StatusBadGateway)
			case token == "canary-old":
				fmt.Fprint(rw, `{"errcode":40001,"errmsg":"canary"}`)
			case r.URL.Path == "/absent":
				fmt.Fprint(rw, `{"errcode": 60111}`)
			default:
				fmt.Fprint(rw, `{"errcode":0}`)
			}
		}))
		for _, target := range []string{
			"/cgi-bin/user/info?openid=canary&access_token=canary-old",
			"/cgi-bin/stable_token?secret=canary",
			"/cgi-bin/user/info?openid=other&access_token=canary-new",
			"/cgi-bin/user/info?openid=canary&access_token=canary-new",
			"/cgi-bin/user/info?openid=canary&access_token=canary-new",
			"/absent?access_token=canary-new", "/broken", "/sns/userinfo?canary=1",
		} {
			w.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, http.NoBody))
		}
		want := []string{
			"/cgi-bin/user/info  + access_token=*** (token no. 1)  -> refused: 40001",
			"/cgi-bin/stable_token  -> a token is issued",
			"/cgi-bin/user/info  + access_token=*** (token no. 2)  -> ok",
			"/cgi-bin/user/info  + access_token=*** (token no. 2)  -> ok: cured, wxproxy sent it once more",
			"/cgi-bin/user/info  + access_token=*** (token no. 2)  -> ok",
			"/absent  + access_token=*** (token no. 2)  -> error 60111", "/broken  -> HTTP 502", "/sns/userinfo  -> ok",
		}
		if isChinese {
			want[0] = "/cgi-bin/user/info  + access_token=***（第 1 个 token）  -> 被拒：40001"
			want[3] = "/cgi-bin/user/info  + access_token=***（第 2 个 token）  -> 成功：wxproxy 换了 token 重发一次"
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		for i, line := range lines {
			_, got, _ := strings.Cut(line, "GET ")
			if isChinese && i != 0 && i != 3 {
				continue
			}
			if got != want[i] {
				t.Errorf("got %q; want %q", got, want[i])
			}
		}
		if len(lines) != len(want) || strings.Contains(out.String(), "canary") {
			t.Errorf("got %d lines in %s; want %d, and no value", len(lines), out.String(), len(want))
		}
	}
}

// Many requests are counted and not shown, and nothing grows without end.
func TestAWitnessIsBounded(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := newWitness(Settings{Requests: &out}, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, `{"errcode":40001}`+strings.Repeat(" ", 2*maxSeen))
	}))
	for i := range 3 * maxKept / 2 {
		r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/p?n=%d&access_token=%d", i, i), http.NoBody)
		w.ServeHTTP(httptest.NewRecorder(), r)
	}
	w.second = 0 // another second begins
	w.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/p", http.NoBody))
	if len(w.tokens) > maxKept || len(w.refused) > maxKept {
		t.Errorf("got %d tokens and %d calls kept; want no more than %d", len(w.tokens), len(w.refused), maxKept)
	}
	if !regexp.MustCompile(`and [1-9][0-9]* more\n`).MatchString(out.String()) {
		t.Errorf("got no line about those that are not shown in %d bytes", out.Len())
	}
}
