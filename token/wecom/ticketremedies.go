package wecom

import "wxproxy/token"

// ticketRefusals is what WeCom's errcodes mean when a ticket was asked for. Source:
// https://developer.work.weixin.qq.com/document/path/96909
var ticketRefusals = map[int]remedy{
	-1: {token.ClassTransient, "WeCom is busy; wxproxy asks for the ticket again by itself",
		"企业微信系统繁忙；wxproxy 会自动重新获取 ticket"},
	40014: {token.ClassTransient, ticketToken, ticketTokenZH},
	42001: {token.ClassTransient, ticketToken, ticketTokenZH},
	tooOften: {token.ClassQuota, "too many calls for tickets in this hour (400 of a corp, 100 of an application); find who else asks for them and have it use wxproxy, which asks again by itself",
		"本小时获取 ticket 过于频繁（每企业 400 次、每应用 100 次）；请查找还有谁在获取并让它改用 wxproxy；wxproxy 会自动重新获取"},
	45033: {token.ClassTransient, "too many questions at a time; wxproxy asks for the ticket again by itself",
		"并发请求过多；wxproxy 会自动重新获取 ticket"},
	91040: {token.ClassConfiguration, "this application has no tickets of this type",
		"该应用没有此类型的 ticket"},
}

// What to do when WeCom refuses the token that a ticket is asked for with: the token itself
// was looked after before.
const (
	ticketToken   = "WeCom refused the access token, though wxproxy had it replaced or confirmed; it asks for the ticket again by itself"
	ticketTokenZH = "企业微信拒绝了 access_token，尽管 wxproxy 已更换或确认它；wxproxy 会自动重新获取 ticket"
)
