package wechat

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// Probe calls an API that every account may use and that changes nothing:
// https://developers.weixin.qq.com/doc/service/api/base/api_getapidomainip
// It says whether WeChat honours t.
func (c *Client) Probe(ctx context.Context, t secret.Secret) token.Verdict {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		c.URL+"/cgi-bin/get_api_domain_ip?access_token="+url.QueryEscape(t.Reveal()), nil)
	if err != nil {
		return token.Unclear
	}
	repeatable(req)
	body, err := c.send(req)
	if err != nil {
		return token.Unclear
	}
	var a answer
	if json.Unmarshal(withoutControls(body), &a) != nil {
		return token.Unclear
	}
	return ofToken(int(a.Errcode))
}
