package proxy

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/upstream"
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
	const quoted, masked = `{"request_url":"/x?access_token=50_Im7"}`, `{"request_url":"/x?access_token=***"}`
	long := quoted + strings.Repeat(" ", maxQuoted)
	whole := gzipped(quoted)
	for _, row := range []struct {
		name, coding, body string
		want               string // in the body
		status             int
	}{
		{"whole", "gzip", whole, masked, fasthttp.StatusOK},
		{"broken", "gzip", whole[:20], "cannot be unpacked", fasthttp.StatusBadGateway},
		{"in other letters", "GZIP", whole, masked, fasthttp.StatusOK},
		{"by its old name", "x-gzip", whole, masked, fasthttp.StatusOK},
		{"not packed", "Identity", quoted, masked, fasthttp.StatusOK},
		{"in a way that nobody knows", "aes128gcm", quoted, "cannot be unpacked", fasthttp.StatusBadGateway},
		{"twice", "gzip, gzip", gzipped(whole), masked, fasthttp.StatusOK},
		{"twice, and once in silence", "gzip", gzipped(whole), masked, fasthttp.StatusOK},
		{"in silence", "", whole, masked, fasthttp.StatusOK},
		{"four times", "gzip", gzipped(gzipped(gzipped(whole))), "cannot be unpacked", fasthttp.StatusBadGateway},
		{"in silence, and broken", "", whole[:20], "cannot be unpacked", fasthttp.StatusBadGateway},
		{"less often than it says", "gzip, gzip", whole, "cannot be unpacked", fasthttp.StatusBadGateway},
		{"with deflate", "deflate", quoted, "cannot be unpacked", fasthttp.StatusBadGateway},
		{"longer than it seems", "gzip", gzipped(long), "longer than", fasthttp.StatusBadGateway},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := New(config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
				resp.Header.SetContentEncoding(row.coding)
				resp.SetBodyString(row.body)
				return nil
			})))
			ctx := handle(t, p, post(accountkind.WeChat.QuotingPath, `{"rid":"x"}`))
			body := string(ctx.Response.Body())
			if ctx.Response.StatusCode() != row.status || !strings.Contains(body, row.want) || strings.Contains(body, "50_Im7") {
				t.Errorf("got %d %.200q; want %d and %s", ctx.Response.StatusCode(), body, row.status, row.want)
			}
			if coding := string(ctx.Response.Header.ContentEncoding()); coding != "" {
				t.Errorf("got the coding %q; want none", coding)
			}
		})
	}
}

func gzipped(body string) string {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write([]byte(body))
	w.Close()
	return packed.String()
}

func TestAQuoteThatStreamsIsMaskedWithinALimit(t *testing.T) {
	for _, row := range []struct {
		name   string
		body   io.Reader
		want   string // in the body
		status int
	}{
		{"short", strings.NewReader("access_token=50_Im7"), "access_token=***", fasthttp.StatusOK},
		{"too long", strings.NewReader("access_token=50_Im7" + strings.Repeat(" ", maxQuoted)), "longer than", fasthttp.StatusBadGateway},
		{"cut", iotest.ErrReader(io.ErrUnexpectedEOF), "the connection to WeChat broke", fasthttp.StatusBadGateway},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := New(config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
				resp.SetBodyStream(row.body, -1)
				return nil
			})))
			ctx := handle(t, p, post(accountkind.WeChat.QuotingPath, `{"rid":"x"}`))
			body := string(ctx.Response.Body())
			if ctx.Response.StatusCode() != row.status || !strings.Contains(body, row.want) || strings.Contains(body, "50_Im7") {
				t.Errorf("got %d %.200q; want %d and %s", ctx.Response.StatusCode(), body, row.status, row.want)
			}
		})
	}
}
