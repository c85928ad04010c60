package wechat

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// Probe calls an API that every account may use and that changes nothing:
// https://developers.weixin.qq.com/doc/service/api/base/api_getapidomainip
// It says whether WeChat honours t.
func (c *Client) Probe(ctx context.Context, t secret.Secret) token.Verdict {
	code, ok := probe(ctx, c.HTTP, c.URL, t)
	if !ok {
		return token.Unclear
	}
	return ofToken(code)
}

// probe returns the errcode that t is answered with. It may be a token of an account, of a
// platform, or of an account that authorized one.
func probe(ctx context.Context, client *http.Client, base string, t secret.Secret) (errcode int, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/cgi-bin/get_api_domain_ip?access_token="+url.QueryEscape(t.Reveal()), nil)
	if err != nil {
		return 0, false
	}
	asking.Repeatable(req)
	body, err := asking.Send(issuerName, client, req, asking.MaxAnswer)
	var a asking.Answer
	if err != nil || json.Unmarshal(asking.WithoutControls(body), &a) != nil {
		return 0, false
	}
	return int(a.Errcode), true
}
