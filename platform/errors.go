package platform

import (
	"errors"
	"strconv"
	"strings"

	"wxproxy/token"
	"wxproxy/token/wechat"
)

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
		e.Reason = "the merchant has ended the authorization, or never authorized the platform"
		e.Remedy = "have the merchant authorize the platform again, with the page of /wxproxy/authorize-url"
		e.RemedyZH = "该账号已取消授权，或从未授权：请商家通过 /wxproxy/authorize-url 返回的页面重新授权"
		return e
	}
	e.Reason = "WeChat has no refresh token for it that it accepts"
	e.Remedy = "have the merchant authorize the platform again, with the page of /wxproxy/authorize-url; if it just did, POST /platforms/" + n.Platform + "/recover looks whether WeChat has a refresh token now"
	e.RemedyZH = "没有可用的 authorizer_refresh_token：请商家通过 /wxproxy/authorize-url 返回的页面重新授权；如果刚刚授权过，POST /platforms/" + n.Platform + "/recover 会重新查找"
	return e
}

// A pending is why nothing can be concluded of an account for now. It is safe to show.
type pending struct {
	code                     int // WeChat's errcode; 0: none is why
	reason, remedy, remedyZH string
	lacksTicket              bool // of the platform; then it is token.ErrNoTicket
}

// Error says what is wrong.
func (e *pending) Error() string { return e.reason }

// Is reports whether it is [token.ErrNoTicket].
func (e *pending) Is(target error) bool { return e.lacksTicket && target == token.ErrNoTicket }

// Explanation returns what it means and what to do about it.
func (e *pending) Explanation() token.Explanation {
	return token.Explanation{Code: e.code, Class: token.ClassTransient, Reason: e.reason, Remedy: e.remedy, RemedyZH: e.remedyZH}
}

// contradiction is that one API of WeChat's says that an account has not authorized the
// platform, and another one that it has.
func contradiction(denies, has string) *pending {
	return &pending{
		code:     wechat.NotAuthorized,
		reason:   denies + " says that the account has not authorized the platform, and " + has + " that it has",
		remedy:   "wxproxy asks again by itself; if it lasts, look in the open platform's console whether the account is still authorized, and have the merchant authorize again if it is not",
		remedyZH: "wxproxy 会自动重试；如果持续出现，请在开放平台查看该账号是否仍在授权中，如已取消请商家重新授权",
	}
}

// Sentinel errors of an account, and of the list of authorizers.
var (
	errGranted = contradiction("api_authorizer_token", "api_get_authorizer_info")
	errListed  = contradiction("api_get_authorizer_info", "api_get_authorizer_list")

	errListBroken = &pending{
		reason:   "WeChat's list of authorizers has fewer than it says",
		remedy:   "wxproxy reads it again by itself; no account was ended for it",
		remedyZH: "wxproxy 会自动重新读取授权账号列表；没有账号因此停用",
	}
)

// listPaused is why the list is not read now: it could not be read shortly before.
func (p *Platform) listPaused(failed error) error {
	_, text := inShort(p.issuer.Explain(failed))
	return &pending{
		reason:   "WeChat has no refresh token for the account that it accepts, and its list of authorizers, which may have one, could not be read less than five minutes ago: " + text,
		remedy:   "wxproxy reads the list again by itself five minutes after that; POST /platforms/" + p.name() + "/recover reads it at once",
		remedyZH: "授权账号列表读取失败，wxproxy 会在五分钟后自动重新读取；POST /platforms/" + p.name() + "/recover 可立即读取",
	}
}

// listTooOld is why the list does not decide: it was read before the account authorized, and
// is not read again yet.
func (p *Platform) listTooOld() error {
	return &pending{
		reason:   "WeChat refuses the account's refresh token, and its list of authorizers, which decides whether the account is still authorized, was last read before the account authorized",
		remedy:   "wxproxy reads the list again by itself within five minutes; POST /platforms/" + p.name() + "/recover reads it at once",
		remedyZH: "微信不接受该账号的 refresh token，而授权账号列表是在该账号授权之前读取的；wxproxy 会在五分钟内自动重新读取；POST /platforms/" + p.name() + "/recover 可立即读取",
	}
}

// redeeming is why an account has no token whose code is not redeemed yet, with what was
// wrong when that was tried last.
func (p *Platform) redeeming(appID string) error {
	why := p.account(appID).whyWaiting()
	if why == nil && p.currentTicket().Empty() {
		why = token.ErrNoTicket
	}
	if why == nil {
		return &pending{
			reason:   "the account's authorization code is not redeemed yet",
			remedy:   "wxproxy redeems it as soon as it can; if it lasts, look at what is said of the platform itself",
			remedyZH: "wxproxy 会尽快兑换授权码；如果持续出现，请查看该平台自身的状态",
		}
	}
	e := p.issuer.Explain(why)
	code, text := inShort(e)
	return &pending{
		code: code, reason: "the account's authorization code is not redeemed yet: " + text,
		remedy: e.Remedy, remedyZH: "该账号的授权码尚未兑换：" + e.RemedyZH, lacksTicket: errors.Is(why, token.ErrNoTicket),
	}
}

// inShort returns the errcode and the reason of an explanation, with the errcode in it.
func inShort(e token.Explanation) (code int, text string) {
	if e.Code == 0 {
		return 0, e.Reason
	}
	return e.Code, "errcode " + strconv.Itoa(e.Code) + ": " + e.Reason
}

// Is reports that it is [token.ErrNotAuthorized].
func (n *NotAuthorized) Is(target error) bool { return target == token.ErrNotAuthorized }

// Explain returns what an error means and what to do about it.
func (p *Platform) Explain(err error) token.Explanation { return p.issuer.Explain(err) }

// explaining has an issuer of WeChat's explain the errors of this package, too, and say the
// name of the platform.
func explaining(issuer *token.Issuer, name string) *token.Issuer {
	ofWeChat, own := issuer.Explain, strings.NewReplacer("/push/NAME", "/push/"+name)
	issuer.Explain = func(err error) token.Explanation {
		var known interface {
			error
			Explanation() token.Explanation
		}
		if errors.As(err, &known) {
			return known.Explanation()
		}
		e := ofWeChat(err)
		e.Remedy, e.RemedyZH = own.Replace(e.Remedy), own.Replace(e.RemedyZH)
		return e
	}
	return issuer
}
