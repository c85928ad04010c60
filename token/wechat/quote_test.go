package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

const rid = "655d9278-1a2b3c4d-5e6f7a8b"

// ridTokens are tokens of a test, which may be replaced by another one.
type ridTokens struct {
	token, other string
	err          error
}

func (r ridTokens) Token(time.Duration) (string, error)           { return r.token, r.err }
func (r ridTokens) Replace(string, time.Duration) (string, error) { return r.other, nil }

// roundTrip answers requests without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// quoter returns one whose WeChat answers so.
func quoter(answer func(r *http.Request) string) *wechat.Quoter {
	return &wechat.Quoter{
		URL: "https://api.weixin.qq.com", Tokens: ridTokens{token: "token-of-now-token-of-now", other: "another-token-another"},
		Known: func(dst []string) []string { return append(dst, "app-secret-of-the-shop", "token-before-this-one") },
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			_, _ = w.WriteString(answer(r))
			return w.Result(), nil
		})},
	}
}

func TestACallIsToldByItsRid(t *testing.T) {
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	c := newClient(w, wechat.Stable)
	good, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	q := &wechat.Quoter{HTTP: c.HTTP, URL: c.URL, Tokens: ridTokens{token: good.Value.Reveal()}, Known: func(dst []string) []string { return dst }}
	if _, err = q.Quote(t.Context(), rid); err == nil || wechat.ExplainQuote(err).Code != 76001 || !strings.Contains(wechat.ExplainQuote(err).Remedy, "rid of the last 7 days") {
		t.Errorf("got %v; want 76001 for an unknown one", err)
	}
	req, _ := http.NewRequest(http.MethodGet, c.URL+"/cgi-bin/user/info?openid=&access_token="+good.Value.Reveal(), nil)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var refused struct{ Errmsg string }
	if err := json.NewDecoder(resp.Body).Decode(&refused); err != nil {
		t.Fatal(err)
	}
	_, known, found := strings.Cut(refused.Errmsg, "rid: ")
	if !found {
		t.Fatalf("got %q; want a rid", refused.Errmsg)
	}
	got, err := q.Quote(t.Context(), known)
	if err != nil || !strings.Contains(got.URL, "/cgi-bin/user/info?openid=[hidden]&access_token=[hidden]") {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Nothing of what WeChat quotes is a credential any more, and the rest is as it was.
func TestAQuotedCallHoldsNoCredential(t *testing.T) {
	for _, row := range []struct{ url, body, answer, want string }{
		{"https://api.weixin.qq.com/x?access_token=tok-leak&openid=o-leak", `{"a":1}`, `{"errcode":40001,"errmsg":"invalid credential"}`,
			`https://api.weixin.qq.com/x?access_token=[hidden]&openid=[hidden] {"a":1} {"errcode":40001,"errmsg":"invalid credential"}`},
		{"https://api.weixin.qq.com/sns/jscode2session?appid=wx1&secret=s-leak&js_code=c-leak", "", `{"openid":"o1","session_key":"k-leak\/x==","expires_in":1}`,
			`https://api.weixin.qq.com/sns/jscode2session?appid=[hidden]&secret=[hidden]&js_code=[hidden]  {"openid":"o1","session_key":"[hidden]","expires_in":1}`},
		{"/x?leak", "", `{"ticket":"t-leak","errcode":"0"}`, `/x?[hidden]  {"ticket":"[hidden]","errcode":"0"}`},
		{"/x", `{"component_appsecret":"s-leak","component_verify_ticket":"ticket@@@leak"}`, `{"component_access_token":"c-leak"}`,
			`/x {"component_appsecret":"[hidden]","component_verify_ticket":"[hidden]"} {"component_access_token":"[hidden]"}`},
		{"/x", "a=1&secret=s-leak&code=c-leak", `{"resp_data":"{\"access_token\":\"t-leak\",\"n\":1}"}`, `/x a=1&secret=[hidden]&code=[hidden] {"resp_data":"{\"access_token\":\"[hidden]\",\"n\":1}"}`},
		{"/x", `{"EncodingAESKey":"k-leak","apiKey":"k-leak","keyword1":"seen"}`, "{}", `/x {"EncodingAESKey":"[hidden]","apiKey":"[hidden]","keyword1":"seen"} {}`},
		{"/x", `{"a":"says token-of-now-token-of-now"}`, `{"a":"says app-secret-of-the-shop, token%2Dbefore-this-one, ` + strings.Repeat("Leak", 20) + `"}`,
			`/x {"a":"says [hidden]"} {"a":"says [hidden], [hidden], [hidden]"}`},
		{"access_token=tok-leak&code=c-leak&ticket=t-leak&openid=o-leak", "", "", "access_token=[hidden]&code=[hidden]&ticket=[hidden]&openid=[hidden]  "},
		{"code=c-leak", "", "", "code=[hidden]  "},
		{"leak", "", "", "[hidden]  "},
		{"/x&code=leak", "", "", "/x?code=[hidden]  "},
		{"/x%3Fcode%3Dleak", "", "", "/x?[hidden]  "},
		{"/cgi-bin/user/info", `{"openid":"o1","n":[1,{"x":null}]}`, ` {"errmsg":"ok rid: 1-2", "ok":true}`, `/cgi-bin/user/info {"openid":"o1","n":[1,{"x":null}]} {"errmsg":"ok rid: 1-2","ok":true}`},
		{"/x", `{"sessionKey":"leak","SessionKey":"leak","session-key":"leak","permanent_code":"leak","phone":"1"}`, "",
			`/x {"sessionKey":"[hidden]","SessionKey":"[hidden]","session-key":"[hidden]","permanent_code":"[hidden]","phone":"1"} `},
		{"/x", `{"code":7777123456,"access_token":["leak"],"secret":{"v":"leak"},"errcode":40029}`, `{"secret":"ab\"leak"}`,
			`/x {"code":"[hidden]","access_token":"[hidden]","secret":"[hidden]","errcode":40029} {"secret":"[hidden]"}`},
		{"/x", "access_token: leak", "<xml>leak</xml>", "/x [18 bytes that are neither JSON nor a form] [15 bytes that are neither JSON nor a form]"},
		{"/x", "--b\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\nleak\r\n--b--", `{"secret":"leak`,
			"/x [71 bytes that are neither JSON nor a form] [15 bytes that are neither JSON nor a form]"},
		{"/x", `[{"name":"access_token","value":"leak"},{"name":"page","value":"2"}]`, "name=access_token&value=leak",
			`/x [{"name":"[hidden]","value":"[hidden]"},{"name":"page","value":"2"}] name=[hidden]&value=[hidden]`},
		{"/x", `{"url":"https://shop.example/?code=leak&a=leak","text":"access_token: leak","in":"{\"secret\":\"leak","more":"code%3Dleak","form":"secret=leak"}`, "a=%7B%22code%22%3A%22leak%22%7D&b=2",
			`/x {"url":"https://shop.example/?code=[hidden]&a=[hidden]","text":"[hidden]","in":"[hidden]","more":"[hidden]","form":"secret=[hidden]"} a={"code":"[hidden]"}&b=2`},
		{"/x", strings.Repeat("[", 40) + `"leak"` + strings.Repeat("]", 40), "", "/x " + strings.Repeat("[", 33) + `"[hidden]"` + strings.Repeat("]", 33) + " "},
	} {
		answer, _ := json.Marshal(map[string]any{"errcode": 0, "request": map[string]any{
			"invoke_time": 1635927298, "cost_in_ms": 100, "request_url": row.url, "request_body": row.body, "response_body": row.answer, "client_ip": "203.0.113.7"}})
		got, err := quoter(func(*http.Request) string { return string(answer) }).Quote(t.Context(), rid)
		if err != nil {
			t.Fatal(err)
		}
		if text := got.URL + " " + got.Body + " " + got.Answer; text != row.want || strings.Contains(fmt.Sprint(got), "leak") {
			t.Errorf("got  %s\nwant %s", text, row.want)
		}
		if got.At.Unix() != 1635927298 || got.Cost != 100*time.Millisecond || got.ClientIP != "203.0.113.7" {
			t.Errorf("got %+v", got)
		}
	}
}

// A moment may be in milliseconds, or missing; none is one that JSON cannot have.
func TestTheMomentOfAQuotedCall(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1635156704": time.Unix(1635156704, 0), "1635156704123": time.UnixMilli(1635156704123), `"1635156704"`: time.Unix(1635156704, 0),
		"0": {}, "null": {}, "-5": {}, `"evil"`: {}, "1e300": {}, "1635156704000000": {},
	} {
		got, err := quoter(func(*http.Request) string {
			return `{"errcode":0,"request":{"invoke_time":` + text + `,"cost_in_ms":1e300}}`
		}).Quote(t.Context(), rid)
		if _, marshalled := json.Marshal(got.At); err != nil || marshalled != nil || !got.At.Equal(want) || got.Cost != 24*time.Hour {
			t.Errorf("%s: got %v, %v, %v; want %v", text, got, err, marshalled, want)
		}
	}
}

// Nobody asks about a call again by itself.
func TestTheRemediesOfACallPromiseNoSecondQuestion(t *testing.T) {
	for name, transport := range map[string]roundTrip{
		"the end": func(*http.Request) (*http.Response, error) { return nil, io.EOF },
		"late":    func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded },
		"other":   func(*http.Request) (*http.Response, error) { return nil, errors.New("strange") },
		"status 500": func(*http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			w.WriteHeader(500)
			return w.Result(), nil
		},
		"no JSON": func(*http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			_, _ = w.WriteString("<p>")
			return w.Result(), nil
		},
	} {
		q := quoter(nil)
		q.HTTP.Transport = transport
		_, err := q.Quote(t.Context(), rid)
		e := wechat.ExplainQuote(err)
		if err == nil || !strings.HasPrefix(e.Remedy, "ask again") || !strings.HasPrefix(e.RemedyZH, "请再次查询") || e.Reason == "" {
			t.Errorf("%s: got %+v of %v", name, e, err)
		}
	}
}

func TestWhatWeChatDoesNotTellOfACall(t *testing.T) {
	for name, row := range map[string]struct {
		answer, want, remedy string
	}{
		"the address":       {`{"errcode":40164,"errmsg":"invalid ip 203.0.113.7, not in whitelist"}`, "not in whitelist", "put 203.0.113.7 on"},
		"an error":          {`{"errcode":76003,"errmsg":"not yours token-of-now-token-of-now"}`, "not yours [hidden]", ""},
		"no JSON":           {`<html>`, "not the JSON", ""},
		"nothing":           {`{}`, "not the JSON", ""},
		"another form":      {`{"errcode":0,"request":[]}`, "not the JSON", ""},
		"too long":          {`{"errcode":0,"request":{"request_body":"` + strings.Repeat("a ", 200_000) + `"}}`, "longer than 256 KiB", ""},
		"an unknown reason": {`{"errcode":12345,"errmsg":"strange"}`, "strange", ""},
	} {
		_, err := quoter(func(*http.Request) string { return row.answer }).Quote(t.Context(), rid)
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "token-of") {
			t.Errorf("%s: got %v; want %s", name, err, row.want)
			continue
		}
		if e := wechat.ExplainQuote(err); e.Remedy == "" || e.RemedyZH == "" || !strings.Contains(e.Remedy, row.remedy) || strings.Contains(e.Remedy+e.RemedyZH, "{ip}") {
			t.Errorf("%s: got the remedy %q, %q", name, e.Remedy, e.RemedyZH)
		}
	}
	q := quoter(nil)
	q.Tokens = ridTokens{err: errors.New("no token")}
	if _, err := q.Quote(t.Context(), rid); err == nil || err.Error() != "no token" {
		t.Errorf("got %v; want why there is no token", err)
	}
}

// A token that WeChat refuses is replaced once.
func TestACallIsAskedForWithAGoodToken(t *testing.T) {
	asked := 0
	q := quoter(func(r *http.Request) string {
		asked++
		if asked == 1 {
			return `{"errcode":40001,"errmsg":"invalid credential"}`
		}
		return `{"errcode":0,"request":{"request_url":"/` + r.URL.Query().Get("access_token")[:7] + `"}}`
	})
	if got, err := q.Quote(t.Context(), rid); err != nil || asked != 2 || got.URL != "/another" {
		t.Errorf("got %+v, %v after %d questions; want two", got, err, asked)
	}
	q = quoter(func(*http.Request) string { return `{"errcode":40001,"errmsg":"invalid credential"}` })
	q.Tokens = ridTokens{token: "same", other: "same"}
	if _, err := q.Quote(t.Context(), rid); err == nil {
		t.Error("got no error; want WeChat's refusal")
	}
}

func TestAQuestionForACallEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := quoter(nil)
		q.HTTP.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := q.Quote(ctx, rid)
		if err == nil || !strings.Contains(err.Error(), "did not come in time") || strings.Contains(err.Error(), "token-of") {
			t.Errorf("got %v", err)
		}
		if _, isRefusal := errors.AsType[*token.Refusal](err); isRefusal {
			t.Error("got a refusal of WeChat's")
		}
	})
}
