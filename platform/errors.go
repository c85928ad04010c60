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
	if n.State == token.Unauthorized {
		return "the account " + n.AppID + " has ended its authorization of the platform " + n.Platform +
			": its merchant must authorize the platform again (该账号已取消对第三方平台的授权，请商家重新授权)"
	}
	return "the account " + n.AppID + " is known to the platform " + n.Platform + ", but WeChat has no refresh token for it" +
		": its merchant must authorize the platform again (该账号没有可用的 authorizer_refresh_token，请商家重新授权)"
}

// Is reports that it is [token.ErrNotAuthorized].
func (n *NotAuthorized) Is(target error) bool { return target == token.ErrNotAuthorized }
