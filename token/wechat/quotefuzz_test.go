package wechat_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Whatever WeChat quotes, and however, neither the token nor what stands behind the name of a
// credential is told.
func FuzzQuotation(f *testing.F) {
	const leak = "SECRET-of-the-call"
	f.Add(`https://api.weixin.qq.com/x?access_token=`, `{"a":1}`, `{"session_key":"`)
	f.Add(`?secret=`, `component_appsecret=`, `{\"ticket\": \"`)
	f.Add(`#?a;js_code=`, `{"key" : "`, `"auth_code":"\/`)
	f.Fuzz(func(t *testing.T, url, body, answer string) {
		whole, err := json.Marshal(map[string]any{"request": map[string]any{"request_url": url, "request_body": body, "response_body": answer}})
		if err != nil {
			t.Skip()
		}
		q := quoter(func(*http.Request) string { return string(whole) })
		if got, err := q.Quote(t.Context(), rid); err == nil && strings.Contains(got.URL+got.Body+got.Answer, "token-of-now-token-of-now") {
			t.Errorf("got %+v, which holds the token", got)
		}
		for _, named := range []string{`{"session_key":"` + leak + `"}`, "a=1&secret=" + leak, `{"x":{"component_access_token" : "` + leak + `"}}`, `{"sessionKey":["` + leak + `"]}`, `[{"name":"ticket","value":"` + leak + `"}]`} {
			whole, _ := json.Marshal(map[string]any{"request": map[string]any{"request_url": url + "?x=" + leak, "request_body": named, "response_body": named}})
			q := quoter(func(*http.Request) string { return string(whole) })
			if got, err := q.Quote(t.Context(), rid); err != nil || strings.Contains(got.URL+got.Body+got.Answer, leak) {
				t.Errorf("%q: got %+v, %v, which holds a credential", url, got, err)
			}
		}
	})
}
