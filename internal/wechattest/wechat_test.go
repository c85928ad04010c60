package wechattest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
)

const (
	appID  = "wx0123456789abcdef"
	secret = "the-secret"
	base   = "http://api.weixin.qq.com"
)

func newWeChat() *wechattest.WeChat {
	return wechattest.New(wechattest.App{ID: appID, Secret: secret})
}

// answer is what a caller gets to see.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) errcode(t *testing.T) int {
	t.Helper()
	var head struct {
		Errcode int    `json:"errcode"`
		Errmsg  string `json:"errmsg"`
	}
	if err := json.Unmarshal(a.body, &head); err != nil {
		t.Fatalf("got body %q; want JSON: %v", a.body, err)
	}
	return head.Errcode
}

func (a answer) field(t *testing.T, name string) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(a.body, &fields); err != nil {
		t.Fatalf("got body %q; want JSON: %v", a.body, err)
	}
	value, _ := fields[name].(string)
	return value
}

func do(t *testing.T, rt http.RoundTripper, r *http.Request) answer {
	t.Helper()
	resp, err := rt.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer of %s: %v", r.URL.Path, err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

func request(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, base+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func get(t *testing.T, w *wechattest.WeChat, target string) answer {
	t.Helper()
	return do(t, w, request(t, http.MethodGet, target, ""))
}

func post(t *testing.T, w *wechattest.WeChat, target, body string) answer {
	t.Helper()
	return do(t, w, request(t, http.MethodPost, target, body))
}

const classicTarget = "/cgi-bin/token?grant_type=client_credential&appid=" + appID + "&secret=" + secret

func stableBody(force bool) string {
	body, _ := json.Marshal(map[string]any{
		"grant_type": "client_credential", "appid": appID, "secret": secret, "force_refresh": force,
	})
	return string(body)
}

// grant is a token as the token APIs answer it.
type grant struct {
	Token     string `json:"access_token"`
	ExpiresIn int    `json:"expires_in"`
}

func granted(t *testing.T, a answer) grant {
	t.Helper()
	var g grant
	if err := json.Unmarshal(a.body, &g); err != nil || g.Token == "" {
		t.Fatalf("got %q; want a token", a.body)
	}
	if bytes.Contains(a.body, []byte("errcode")) {
		t.Errorf("got %q; want no errcode beside a token", a.body)
	}
	return g
}

func classic(t *testing.T, w *wechattest.WeChat) grant {
	t.Helper()
	return granted(t, get(t, w, classicTarget))
}

func stable(t *testing.T, w *wechattest.WeChat) grant {
	t.Helper()
	return granted(t, post(t, w, "/cgi-bin/stable_token", stableBody(false)))
}

func forced(t *testing.T, w *wechattest.WeChat) grant {
	t.Helper()
	return granted(t, post(t, w, "/cgi-bin/stable_token", stableBody(true)))
}

// wantToken checks what a business API thinks of a token; 0 means good.
func wantToken(t *testing.T, w *wechattest.WeChat, token string, want int) {
	t.Helper()
	a := get(t, w, "/cgi-bin/getcallbackip?access_token="+token)
	if got := a.errcode(t); got != want {
		t.Errorf("got errcode %d; want %d", got, want)
	}
}
