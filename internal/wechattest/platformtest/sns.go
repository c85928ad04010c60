package platformtest

import (
	"crypto/rand"
	"strings"

	"wxproxy/internal/wechattest"
)

// refreshPrefix begins every refresh token of a user.
const refreshPrefix = "refresh-"

// serveSNS serves the calls for users, whose parameters stand in the query.
func (p *Platform) serveSNS(c *call) wechattest.Result {
	switch c.Query.Get("component_appid") {
	case "":
		return refused(p.settings.AppID, 41018)
	case p.settings.AppID:
	default:
		return refused(p.settings.AppID, 40094)
	}
	appID := c.Query.Get("appid")
	if a := p.accounts[appID]; a == nil || !a.authorized || a.disowned {
		return refused(p.settings.AppID, 61003)
	}
	switch c.Path {
	case "/sns/component/jscode2session":
		return p.login(c, "js_code", func() any {
			return struct {
				SessionKey string `json:"session_key"`
				OpenID     string `json:"openid"`
			}{rand.Text(), "OPENID1"}
		})
	case "/sns/oauth2/component/access_token":
		return p.login(c, "code", func() any { return newUserToken(refreshPrefix + rand.Text()) })
	case "/sns/oauth2/component/refresh_token":
		if !strings.HasPrefix(c.Query.Get("refresh_token"), refreshPrefix) {
			return refused(p.settings.AppID, 40030)
		}
		return p.answered(newUserToken(c.Query.Get("refresh_token")))
	}
	return refused(p.settings.AppID, 40066)
}

// login answers for a code of a user, which is good once, except that those which begin
// with "bad" are never.
func (p *Platform) login(c *call, parameter string, answer func() any) wechattest.Result {
	code := c.Query.Get(parameter)
	key := c.Query.Get("appid") + " " + parameter + " " + code
	switch {
	case code == "":
		return refused(p.settings.AppID, 41008)
	case c.Query.Get("grant_type") != "authorization_code":
		return refused(p.settings.AppID, 40002)
	case strings.HasPrefix(code, "bad"):
		return refused(p.settings.AppID, 40029)
	case p.all.logins[key]:
		return refused(p.settings.AppID, 40163)
	}
	p.all.logins[key] = true
	return p.answered(answer())
}

type userToken struct {
	AccessToken  string `json:"access_token"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	OpenID       string `json:"openid"`
	Scope        string `json:"scope"`
}

func newUserToken(refresh string) userToken {
	return userToken{wechattest.UserTokenPrefix + rand.Text(), 7200, refresh, "OPENID1", "snsapi_userinfo"}
}
