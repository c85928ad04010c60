package wechattest

import (
	"crypto/rand"
	"strings"
)

// refreshPrefix begins every refresh token of a user.
const refreshPrefix = "refresh-"

// codeToSession answers /sns/jscode2session.
func (w *WeChat) codeToSession(c *call) answer {
	if errcode := w.redeem(c, "js_code"); errcode != 0 {
		return w.refuse(c, errcode)
	}
	return c.success(struct {
		SessionKey string `json:"session_key"`
		OpenID     string `json:"openid"`
	}{rand.Text(), "OPENID1"})
}

// userToken answers /sns/oauth2/access_token.
func (w *WeChat) userToken(c *call) answer {
	if errcode := w.redeem(c, "code"); errcode != 0 {
		return w.refuse(c, errcode)
	}
	return c.success(newUserToken(refreshPrefix + rand.Text()))
}

// redeem checks the secret and the login code of c. Every code is good once, except
// those that begin with "bad".
func (w *WeChat) redeem(c *call, parameter string) (errcode int) {
	if errcode := w.admit(c, c.params.Get("appid"), c.params.Get("secret")); errcode != 0 {
		return errcode
	}
	code := c.params.Get(parameter)
	key := c.app.ID + " " + code
	switch {
	case code == "":
		return 41008
	case strings.HasPrefix(code, "bad"):
		return 40029
	case w.codes[key]:
		return 40163
	}
	w.codes[key] = true
	return 0
}

// refreshUserToken answers /sns/oauth2/refresh_token, which needs no secret.
func (w *WeChat) refreshUserToken(c *call) answer {
	appID, refresh := c.params.Get("appid"), c.params.Get("refresh_token")
	switch _, known := w.apps[appID]; {
	case appID == "":
		return w.refuse(c, 41002)
	case !known:
		return w.refuse(c, 40013)
	case !strings.HasPrefix(refresh, refreshPrefix):
		return w.refuse(c, 40030)
	}
	return c.success(newUserToken(refresh))
}

type userToken struct {
	issued
	RefreshToken string `json:"refresh_token"`
	OpenID       string `json:"openid"`
	Scope        string `json:"scope"`
}

func newUserToken(refresh string) userToken {
	return userToken{issued{UserTokenPrefix + rand.Text(), 7200}, refresh, "OPENID1", "snsapi_userinfo"}
}

// snsUserInfo answers /sns/userinfo.
func (w *WeChat) snsUserInfo(c *call) answer {
	if errcode := w.authorizeUser(c); errcode != 0 {
		return w.refuse(c, errcode)
	}
	return c.success(struct {
		OpenID   string `json:"openid"`
		Nickname string `json:"nickname"`
	}{c.params.Get("openid"), "a user"})
}

// snsAuth answers /sns/auth, which says whether a user's token is good.
func (w *WeChat) snsAuth(c *call) answer {
	if errcode := w.authorizeUser(c); errcode != 0 {
		return w.refuse(c, errcode)
	}
	return c.success(done())
}

// authorizeUser checks the token of a user. An app's token is refused.
func (w *WeChat) authorizeUser(c *call) (errcode int) {
	value, errcode := w.shownToken(c)
	switch {
	case errcode != 0:
		return errcode
	case !strings.HasPrefix(value, UserTokenPrefix):
		return 40001
	case c.params.Get("openid") == "":
		return 41009
	}
	return 0
}
