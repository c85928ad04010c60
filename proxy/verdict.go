package proxy

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/internal/wire"
)

// accept tells the account's tokens that WeChat honoured token, if the answer shows
// that: one that reports a failure of any kind may not have come so far.
func (x *exchange) accept(token string, err error) {
	if err == nil && x.wentWell() && x.account.Accepted != nil {
		x.account.Accepted(token, x.began)
	}
}

// wentWell reports whether WeChat did what it was asked for.
func (x *exchange) wentWell() bool {
	return x.errcode == 0 && x.ctx.Response.StatusCode() == fasthttp.StatusOK
}

// tellOfSecret tells the account what WeChat's answer says of the AppSecret.
func (x *exchange) tellOfSecret(secret string) {
	switch account := x.account; {
	case x.wentWell() && account.SecretAccepted != nil:
		account.SecretAccepted()
	case x.errcode != 0 && account.SecretRefused != nil:
		account.SecretRefused(x.errcode, strings.ReplaceAll(errmsgOf(&x.ctx.Response), secret, "***"))
	}
}

// errmsgOf returns WeChat's words in an answer with an errcode.
func errmsgOf(resp *fasthttp.Response) string {
	body := resp.Body()
	if wire.IsFold(resp.Header.ContentEncoding(), "gzip") {
		body = errcode.Gunzip(body, errcode.MaxRejection)
	}
	var said struct {
		Errmsg string `json:"errmsg"`
	}
	clean := bytes.Map(func(r rune) rune { return max(r, ' ') }, body) // WeChat sends raw control bytes, which JSON does not allow
	if json.Unmarshal(clean, &said) != nil || said.Errmsg == "" {
		return "no errmsg"
	}
	return said.Errmsg
}
