package proxy

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestCredentialsInAQuotedRequestAreMasked(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"token in the URL":         {`{"request_url":"/x?a=1&access_token=50_Im7-x&b=2"}`, `{"request_url":"/x?a=1&access_token=***&b=2"}`},
		"token at its end":         {`{"request_url":"/x?access_token=50_Im7-x"}`, `{"request_url":"/x?access_token=***"}`},
		"escaped equals sign":      {`{"request_url":"/x?access_token\u003d50_Im7"}`, `{"request_url":"/x?access_token\u003d***"}`},
		"encoded equals sign":      {`{"request_url":"%3Faccess_token%3D50_Im7%26b"}`, `{"request_url":"%3Faccess_token%3D***%26b"}`},
		"AppSecret":                {`{"request_url":"/x?secret=s3cr3t&js_code=1"}`, `{"request_url":"/x?secret=***&js_code=1"}`},
		"AppSecret of clear_quota": {`{"request_url":"/x?appsecret=s3cr3t"}`, `{"request_url":"/x?appsecret=***"}`},
		"AppSecret in a body":      {`{"request_body":"{\"secret\": \"s3cr3t\"}"}`, `{"request_body":"{\"secret\": \"***\"}"}`},
		"nothing to mask":          {`{"errcode":76001,"errmsg":"rid expired"}`, `{"errcode":76001,"errmsg":"rid expired"}`},
	} {
		t.Run(name, func(t *testing.T) {
			p := New(config(&recorder{answers: []string{test.body}}))
			ctx := handle(t, p, post("/cgi-bin/openapi/%72id/get", `{"rid":"x"}`))
			if got := string(ctx.Response.Body()); got != test.want {
				t.Errorf("got %s; want %s", got, test.want)
			}
		})
	}
}

func TestCredentialsInAPackedAnswerAreMasked(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte(`{"request_url":"/x?access_token=50_Im7"}`))
	w.Close()
	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"whole":  {packed.String(), fasthttp.StatusOK},
		"broken": {packed.String()[:20], fasthttp.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			p := New(config(upstreamFunc(func(_ *Message, resp *fasthttp.Response) error {
				resp.Header.SetContentEncoding("gzip")
				resp.SetBodyString(test.body)
				return nil
			})))
			ctx := handle(t, p, post(quotesRequest, `{"rid":"x"}`))
			body := string(ctx.Response.Body())
			if ctx.Response.StatusCode() != test.status || strings.Contains(body, "50_Im7") {
				t.Errorf("got %d %q; want %d and no token", ctx.Response.StatusCode(), body, test.status)
			}
		})
	}
}
