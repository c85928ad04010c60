package platform

import "wxproxy/token"

// NotAuthorized is why an account is not served: it has not, or no longer, authorized the
// platform, or nobody has a refresh token for it. It is safe to show.
type NotAuthorized struct {
	Platform string // its name
	AppID    string // of the account
	State    token.Authorization
}

// Error says what to do about it, in English and Chinese.
func (n *NotAuthorized) Error() string {
	e := n.Explanation()
	return "the account " + n.AppID + " of the platform " + n.Platform + " is not authorized: " + e.Reason + "; " + e.Remedy + " (" + e.RemedyZH + ")"
}

// Explanation returns what it means and what to do about it.
func (n *NotAuthorized) Explanation() token.Explanation {
	e := token.Explanation{Class: token.ClassAccount}
	if n.State == token.Unauthorized {
		e.Reason = "the merchant has ended the authorization"
		e.Remedy = "have the merchant authorize the platform again, with the page of /wxproxy/authorize-url"
		e.RemedyZH = "该账号已取消授权：请商家通过 /wxproxy/authorize-url 返回的页面重新授权"
		return e
	}
	e.Reason = "WeChat has no refresh token for it that it accepts"
	e.Remedy = "have the merchant authorize the platform again, with the page of /wxproxy/authorize-url; if it just did, POST /platforms/" + n.Platform + "/recover looks whether WeChat has a refresh token now"
	e.RemedyZH = "没有可用的 authorizer_refresh_token：请商家通过 /wxproxy/authorize-url 返回的页面重新授权；如果刚刚授权过，POST /platforms/" + n.Platform + "/recover 会重新查找"
	return e
}

// Is reports that it is [token.ErrNotAuthorized].
func (n *NotAuthorized) Is(target error) bool { return target == token.ErrNotAuthorized }
