package platform

import (
	"context"
	"net/url"
	"time"
)

// An Authorization is what a merchant is asked for.
type Authorization struct {
	RedirectURI string // where WeChat sends the merchant with the code; not interpreted
	AuthType    string // empty: official accounts and mini programs
	BizAppID    string // empty: the merchant chooses the account
	Mobile      bool   // the page is for phones
}

// AuthorizeURL returns the page that asks a merchant for an authorization, with a new
// pre_auth_code, and how long that lives. The pages are described at
// https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Authorization_Process_Technical_Description.html
func (p *Platform) AuthorizeURL(ctx context.Context, a Authorization) (page string, life time.Duration, err error) {
	code, life, err := p.wechat.PreAuthCode(ctx)
	if err != nil {
		return "", 0, err
	}
	const both = "3"
	if a.AuthType == "" {
		a.AuthType = both
	}
	query := "component_appid=" + url.QueryEscape(p.options.AppID) + "&pre_auth_code=" + url.QueryEscape(code.Reveal()) +
		"&redirect_uri=" + url.QueryEscape(a.RedirectURI) + "&auth_type=" + url.QueryEscape(a.AuthType)
	if a.BizAppID != "" {
		query += "&biz_appid=" + url.QueryEscape(a.BizAppID)
	}
	if a.Mobile {
		return "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&" + query + "#wechat_redirect", life, nil
	}
	return "https://mp.weixin.qq.com/cgi-bin/componentloginpage?" + query, life, nil
}
