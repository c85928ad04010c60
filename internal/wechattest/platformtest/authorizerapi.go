package platformtest

import (
	"time"

	"wxproxy/internal/wechattest"
)

// permissions are what accounts grant, as api_query_auth and info write it.
type permission struct {
	Category struct {
		ID int `json:"id"`
	} `json:"funcscope_category"`
}

func permissions() []permission {
	granted := make([]permission, 3)
	for i := range granted {
		granted[i].Category.ID = i + 1
	}
	return granted
}

// An authorizationInfo is what api_query_auth and api_get_authorizer_info answer of tokens.
type authorizationInfo struct {
	AppID       string       `json:"authorizer_appid"`
	Token       string       `json:"authorizer_access_token,omitempty"`
	ExpiresIn   int          `json:"expires_in,omitempty"`
	Refresh     string       `json:"authorizer_refresh_token,omitempty"`
	Permissions []permission `json:"func_info"`
}

// queryAuth answers api_query_auth: a code is good once.
func (p *Platform) queryAuth(c *call) wechattest.Result {
	found := p.codes[c.body.AuthorizationCode]
	switch {
	case found == nil, found.used:
		p.counts.RefusedQueryAuths++
		return refused(p.settings.AppID, 61009)
	case !c.Now.Before(found.until), !found.account.authorized, found.nth != found.account.nth:
		p.counts.RefusedQueryAuths++
		return refused(p.settings.AppID, 61010)
	}
	p.counts.QueryAuths++
	found.used = true
	a := found.account
	info := authorizationInfo{AppID: a.appID, Permissions: permissions()}
	if !a.noPermission {
		if a.refresh == "" {
			a.newRefresh(time.Time{})
		}
		info.Token, info.ExpiresIn = p.issue(&a.token, a.appID, c.Now).value, seconds(p.settings.Life)
		info.Refresh = a.refresh
	}
	if p.settings.Unwrapped {
		return p.answered(info)
	}
	return p.answered(map[string]authorizationInfo{"authorization_info": info})
}

// authorizerToken answers api_authorizer_token.
func (p *Platform) authorizerToken(c *call) wechattest.Result {
	a, errcode := p.refreshed(c)
	if errcode != 0 {
		p.counts.RefusedRefreshes++
		return refused(p.settings.AppID, errcode)
	}
	p.counts.Refreshes++
	a.refreshes++
	if p.settings.Rotate {
		a.newRefresh(c.Now.Add(overlap))
	}
	t := p.issue(&a.token, a.appID, c.Now)
	return p.answered(struct {
		Token     string `json:"authorizer_access_token"`
		ExpiresIn int    `json:"expires_in"`
		Refresh   string `json:"authorizer_refresh_token"`
	}{t.value, seconds(p.settings.Life), a.refresh})
}

// refreshed returns the account whose refresh token c shows.
func (p *Platform) refreshed(c *call) (a *account, errcode int) {
	a, errcode = p.authorizer(c.body.AuthorizerAppID)
	if errcode != 0 {
		return nil, errcode
	}
	shown := c.body.RefreshToken
	switch {
	case shown == "":
		return nil, 61023
	case shown == a.refresh, shown == a.before && c.Now.Before(a.beforeUntil):
		return a, 0
	}
	return nil, 61023
}

// authorizer returns an account that authorizes the platform.
func (p *Platform) authorizer(appID string) (a *account, errcode int) {
	a = p.accounts[appID]
	switch {
	case appID == "":
		return nil, 40013
	case a == nil, !a.authorized, a.disowned:
		return nil, 61003
	}
	return a, 0
}

// authorizerInfo answers api_get_authorizer_info.
func (p *Platform) authorizerInfo(c *call) wechattest.Result {
	p.counts.Infos++
	a, errcode := p.authorizer(c.body.AuthorizerAppID)
	if errcode != 0 {
		return refused(p.settings.AppID, errcode)
	}
	type profile struct {
		Nickname string `json:"nick_name"`
		UserName string `json:"user_name"`
	}
	return p.answered(struct {
		Profile profile           `json:"authorizer_info"`
		Info    authorizationInfo `json:"authorization_info"`
	}{profile{"a merchant", userName(a.appID)}, authorizationInfo{AppID: a.appID, Refresh: a.listed(), Permissions: permissions()}})
}

// listed returns the refresh token that the list and info have.
func (a *account) listed() string {
	if a.lost {
		return ""
	}
	return a.refresh
}

// serveOption answers the calls under /cgi-bin/component/ that take an account's token.
func (p *Platform) serveOption(c *call, appID string) wechattest.Result {
	result := wechattest.Result{Owner: appID, Answer: done()}
	switch c.Path {
	case "/cgi-bin/component/get_authorizer_option":
		if errcode := c.read(); errcode != 0 {
			return refused(appID, errcode)
		}
		result.Answer = struct {
			AppID string `json:"authorizer_appid"`
			Name  string `json:"option_name"`
			Value string `json:"option_value"`
		}{appID, c.body.OptionName, p.mustAccount(appID).options[c.body.OptionName]}
	case "/cgi-bin/component/set_authorizer_option":
		if errcode := c.read(); errcode != 0 {
			return refused(appID, errcode)
		}
		a := p.mustAccount(appID)
		if a.options == nil {
			a.options = make(map[string]string)
		}
		a.options[c.body.OptionName] = c.body.OptionValue
	default:
		result.Effect = true
	}
	return result
}
