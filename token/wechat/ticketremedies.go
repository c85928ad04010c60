package wechat

import "wxproxy/token"

// ticketRefusals is what WeChat's errcodes mean when a ticket was asked for.
// Sources: https://developers.weixin.qq.com/doc/service/api/invoice/auth/api_getticket.html
// and WeChat's general errcodes.
var ticketRefusals = map[int]remedy{
	-1: {token.ClassTransient, "WeChat is busy; wxproxy asks for the ticket again by itself",
		"微信系统繁忙；wxproxy 会自动重新获取 ticket"},
	-1000: {token.ClassTransient, "WeChat has an internal error; wxproxy asks for the ticket again by itself",
		"微信内部错误；wxproxy 会自动重新获取 ticket"},

	40001: {token.ClassTransient, ticketToken, ticketTokenZH},
	40014: {token.ClassTransient, ticketToken, ticketTokenZH},
	42001: {token.ClassTransient, ticketToken, ticketTokenZH},

	40013: {token.ClassConfiguration, "check app_id: WeChat has no tickets for it",
		"请检查 app_id：微信不为它提供 ticket"},
	40097: {token.ClassConfiguration, "this account has no tickets of this type",
		"该账号没有此类型的 ticket"},
	40164: {token.ClassConfiguration, "put {ip} on the IP allow-list of this account in WeChat's console (Settings, Basic configuration, IP whitelist)",
		"请在微信后台该账号的「IP 白名单」中加入 {ip}"},
	41001: {token.ClassConfiguration, "check upstream.url and what stands between: WeChat got no access_token",
		"请检查 upstream.url 及中间的代理：微信没有收到 access_token"},
	43003: {token.ClassConfiguration, "write upstream.url with https://", "upstream.url 必须以 https:// 开头"},
	48001: {token.ClassConfiguration, "this account may not use the JS-SDK (type jsapi) or cards (type wx_card): see its interface permissions in WeChat's console; it may need certification, and mini programs have none",
		"该账号没有 JS-SDK（jsapi）或卡券（wx_card）权限：请在微信后台查看接口权限；可能需要认证，小程序没有此权限"},
	61004: {token.ClassConfiguration, "put {ip} on the IP allow-list of this account in WeChat's console (Settings, Basic configuration, IP whitelist)",
		"请在微信后台该账号的「IP 白名单」中加入 {ip}"},

	45009: {token.ClassQuota, "this account's ticket calls of today are used up; find who else calls getticket and have it use wxproxy, or clear the quota in WeChat's console; the count restarts at midnight in Beijing",
		"今日 getticket 的调用次数已用完；请查找还有谁在调用 getticket 并让它改用 wxproxy，或在微信后台清零；北京时间零点重新计数"},
	45011: {token.ClassQuota, "too many calls of getticket in this minute; find who else calls it; wxproxy asks again by itself",
		"本分钟调用 getticket 过于频繁；请查找还有谁在调用；wxproxy 会自动重新获取"},

	48004: {token.ClassAccount, "WeChat has forbidden this account to use this API; see the notices in its console",
		"该账号的此接口已被微信封禁；请查看微信后台的通知"},
	50002: {token.ClassAccount, "WeChat has restricted this account; see the notices in its console",
		"该账号已被微信限制；请查看微信后台的通知"},
	50004: {token.ClassAccount, "WeChat has forbidden this account to use access tokens, perhaps as a punishment; see the notices in its console",
		"该账号被禁止使用 access_token，可能因违规处罚；请查看微信后台的通知"},
	50007: {token.ClassAccount, "WeChat has frozen this account; see the notices in its console",
		"该账号已被冻结；请查看微信后台的通知"},
}

// What to do when WeChat refuses the token that a ticket is asked for with: the
// token itself was looked after before.
const (
	ticketToken   = "WeChat refused the access token, though wxproxy had it replaced or confirmed; it asks for the ticket again by itself; if it lasts, find the program that also fetches this account's token"
	ticketTokenZH = "微信拒绝了 access_token，尽管 wxproxy 已更换或确认它；wxproxy 会自动重新获取 ticket；如果持续出现，请查找还有哪个程序在获取该账号的 token"
)

// unknownTicketRefusal is for every other errcode.
var unknownTicketRefusal = remedy{token.ClassConfiguration, "look up the errcode in WeChat's documentation of getticket",
	"请在微信 getticket 的文档中查询该错误码"}
