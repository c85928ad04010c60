package token

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"wxproxy/internal/secret"
)

// Probe calls an API that every account may use and that changes nothing:
// https://developers.weixin.qq.com/doc/service/api/base/api_getapidomainip
// It says whether WeChat honours t.
func (c *Client) Probe(ctx context.Context, t secret.Secret) Verdict {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		c.URL+"/cgi-bin/get_api_domain_ip?access_token="+url.QueryEscape(t.Reveal()), nil)
	if err != nil {
		return Unclear
	}
	repeatable(req)
	body, err := c.send(req)
	if err != nil {
		return Unclear
	}
	var a answer
	if json.Unmarshal(withoutControls(body), &a) != nil {
		return Unclear
	}
	return verdictOf(int(a.Errcode))
}

// verdictOf returns what a probe's errcode says of the token. WeChat looks at
// the token before it looks at quotas and permissions.
func verdictOf(errcode int) Verdict {
	switch errcode {
	case 40001, 40014, 42001:
		return Dead
	case 0, 45009, 45011, 48001:
		return Alive
	}
	return Unclear
}
