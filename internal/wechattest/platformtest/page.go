package platformtest

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// What can be wrong with the address of an authorization page.
var (
	ErrPage        = errors.New("this is no authorization page")
	ErrOtherPage   = errors.New("the page is another platform's")
	ErrPreAuthCode = errors.New("the pre_auth_code is unknown, spent or has expired")
	ErrRedirect    = errors.New("the page has no redirect_uri to go to")
	ErrAuthType    = errors.New("the page has an unknown auth_type")
)

// Visit opens an authorization page in a browser and has an account authorize the platform
// there. Nothing is pushed: WeChat pushes the event first, then sends the browser to the
// Redirect.
func (p *Platform) Visit(page, appID string) (Authorization, error) {
	u, err := url.Parse(page)
	if err != nil || !isPage(u) {
		return Authorization{}, ErrPage
	}
	query := u.Query()
	back, err := url.Parse(query.Get("redirect_uri"))
	switch {
	case err != nil || back.Host == "":
		return Authorization{}, ErrRedirect
	case !strings.Contains("|1|2|3|4|5|6|8|", "|"+query.Get("auth_type")+"|") && query.Get("biz_appid") == "":
		return Authorization{}, ErrAuthType
	}
	if biz := query.Get("biz_appid"); biz != "" {
		appID = biz
	}
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	if query.Get("component_appid") != p.settings.AppID {
		return Authorization{}, ErrOtherPage
	}
	pre := p.preAuth[query.Get("pre_auth_code")]
	if pre == nil || pre.used || !now.Before(pre.until) {
		return Authorization{}, ErrPreAuthCode
	}
	pre.used = true
	a := p.grant(appID, query.Get("pre_auth_code"), now)
	values := back.Query()
	values.Set("auth_code", a.Code)
	values.Set("expires_in", strconv.Itoa(seconds(p.settings.CodeLife)))
	back.RawQuery = values.Encode()
	a.Redirect = back.String()
	return a, nil
}

// isPage reports whether u is an authorization page, of a computer or of a phone.
func isPage(u *url.URL) bool {
	switch u.Host + u.Path {
	case "mp.weixin.qq.com/cgi-bin/componentloginpage":
		return u.Scheme == "https"
	case "open.weixin.qq.com/wxaopen/safe/bindcomponent", "mp.weixin.qq.com/safe/bindcomponent":
		return u.Scheme == "https" && u.Fragment == "wechat_redirect" && u.Query().Get("action") == "bindcomponent"
	}
	return false
}
