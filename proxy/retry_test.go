package proxy

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

// told is which functions of an account a proxy called.
type told struct{ words []string }

func (w *told) account(honours bool) Account {
	a := shop()
	a.Accepted = func(token string, sent time.Time) {
		w.words = append(w.words, fmt.Sprint("accepted ", token, " ", time.Since(sent) < time.Minute))
	}
	a.IsHonoured = func(string) bool { return honours }
	a.SecretAccepted = func() { w.words = append(w.words, "secret accepted") }
	a.SecretRefused = func(errcode int, errmsg string) {
		w.words = append(w.words, fmt.Sprint("secret refused ", errcode, " ", errmsg))
	}
	return a
}

func TestTheAccountIsToldWhatAnAnswerSaysOfItsCredentials(t *testing.T) {
	const login = "/sns/jscode2session?js_code=c"
	for _, row := range []struct {
		name, path string
		answers    []string
		want       []string
	}{
		{"a call that went well", "/cgi-bin/user/info", []string{rawtest.OKBody}, []string{"accepted shop-token true"}},
		{"one without an errcode", "/cgi-bin/user/info", []string{`{"openid":"o"}`}, []string{"accepted shop-token true"}},
		{"one that failed", "/cgi-bin/user/info", []string{`{"errcode":-1,"errmsg":"system error"}`}, nil},
		{"one that went well at the second attempt", "/cgi-bin/user/info", []string{rawtest.RefusedBody, rawtest.OKBody}, []string{"accepted shop-token true"}},
		{"one that was refused twice", "/cgi-bin/user/info", []string{rawtest.RefusedBody, rawtest.RefusedBody}, nil},
		{"a login", login, []string{`{"openid":"o","session_key":"k"}`}, []string{"secret accepted"}},
		{"a wrong AppSecret", login, []string{`{"errcode":40125,"errmsg":"invalid appsecret shop-secret rid: 1"}`}, []string{"secret refused 40125 invalid appsecret *** rid: 1"}},
		{"an address that is not on the list", login, []string{"{\"errmsg\":\"invalid\x07ip\",\"errcode\":40164}"}, []string{"secret refused 40164 invalid ip"}},
		{"a refusal without words", login, []string{`{"errcode":40243}`}, []string{"secret refused 40243 no errmsg"}},
		{"a user's own token", "/sns/userinfo?access_token=t", []string{rawtest.OKBody}, nil},
		{"what has no secret", "/sns/oauth2/refresh_token?refresh_token=r", []string{rawtest.OKBody}, nil},
	} {
		var w told
		p := New(config(&recorder{answers: row.answers}, w.account(true)))
		handle(t, p, rawtest.Get(row.path))
		if !slices.Equal(w.words, row.want) {
			t.Errorf("%s: got %q; want %q", row.name, w.words, row.want)
		}
	}
}

func TestAnAPIIsCalledClosedOnlyIfTheTokenIsKnownToBeGood(t *testing.T) {
	for _, honours := range []bool{true, false} {
		var w told
		var log bytes.Buffer
		c := config(&recorder{answers: slices.Repeat([]string{rawtest.RefusedBody}, 4)}, w.account(honours))
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		p := New(c)
		attempts := ""
		for range 2 {
			ctx := handle(t, p, rawtest.Get("/closed"))
			attempts += string(ctx.Response.Header.Peek("Wxproxy-Attempts"))
		}
		if said := strings.Contains(log.String(), "honours elsewhere"); said != honours {
			t.Errorf("honoured %v: got %s", honours, log.String())
		}
		if want := map[bool]string{true: "21", false: "22"}[honours]; attempts != want {
			t.Errorf("honoured %v: got attempts %s; want %s", honours, attempts, want)
		}
	}
}

// There is no second attempt with a token of which it is known that WeChat refuses it
// everywhere.
func TestATokenThatIsKnownToBeDeadIsNotSentAgain(t *testing.T) {
	for _, dead := range []bool{true, false} {
		var w told
		a := w.account(false)
		a.IsDead = func(string) bool { return dead }
		upstream := &recorder{answers: slices.Repeat([]string{rawtest.RefusedBody}, 4)}
		p := New(config(upstream, a))
		ctx := handle(t, p, rawtest.Get("/cgi-bin/user/info"))
		want := map[bool]string{true: "1", false: "2"}[dead]
		if got := string(ctx.Response.Header.Peek("Wxproxy-Attempts")); got != want || string(ctx.Response.Body()) != rawtest.RefusedBody {
			t.Errorf("dead %v: got %s attempts and %s; want %s, and WeChat's refusal", dead, got, ctx.Response.Body(), want)
		}
	}
}
