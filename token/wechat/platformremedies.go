package wechat

import "wxproxy/token"

// componentRefusals is what WeChat's errcodes mean of a platform, whichever of its APIs
// answered them. Sources:
// https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_getcomponentaccesstoken
// and what the community has met.
var componentRefusals = map[int]remedy{
	40001: {token.ClassTransient, "WeChat refused the platform's token, though wxproxy had it replaced or confirmed; it asks again by itself; if it lasts, find the program that also fetches this platform's token",
		"微信拒绝了 component_access_token，尽管 wxproxy 已更换或确认它；wxproxy 会自动重试；如果持续出现，请查找还有哪个程序在获取该第三方平台的 token"},
	40013: {token.ClassConfiguration, "check app_id of this platform: WeChat does not know it", "请检查该平台的 app_id：微信不认识它"},
	40125: {token.ClassConfiguration, "check secret of this platform: it is not its AppSecret; if it was reset in the open platform's console, put the new one here",
		"请检查该平台的 secret：它不是第三方平台的 AppSecret；如果已在开放平台重置，请填写新的"},
	40091: {token.ClassTransient, ticketRefused, ticketRefusedZH},
	40170: {token.ClassTransient, "WeChat read the list another way than wxproxy asked for it; wxproxy reads it again by itself",
		"微信不接受读取授权方列表的参数；wxproxy 会自动重新读取"},
	41004: {token.ClassConfiguration, "set secret of this platform: WeChat got none", "请填写该平台的 secret：微信没有收到"},
	41018: {token.ClassConfiguration, "set app_id of this platform: WeChat got none", "请填写该平台的 app_id：微信没有收到"},
	45009: {token.ClassQuota, "the platform's calls of this API are used up for today; find who else calls it; the count restarts at midnight in Beijing",
		"该平台今日调用此接口的次数已用完；请查找还有谁在调用；北京时间零点重新计数"},
	48001: {token.ClassConfiguration, "the platform may not call this API: see its permission sets, and whether it is published, in the open platform's console",
		"该平台无权调用此接口；请在开放平台查看权限集，以及是否已全网发布"},
	61004: {token.ClassConfiguration, "put {ip} on the platform's IP allow-list in the open platform's console (third-party platform, development settings); what is changed there with “修改” works at once, with “编辑” only after the platform is published",
		"请在开放平台该第三方平台的「开发资料」中把 {ip} 加入白名单 IP 列表；用「修改」立即生效，用「编辑」要在全网发布后生效"},
	61005: {token.ClassTransient, "WeChat says that the component_verify_ticket has expired; wxproxy has asked for tickets to be sent and waits for the next one; if none comes within 10 minutes, check that the authorization-event URL in the open platform's console is /push/NAME of this proxy and is reached from outside",
		"微信表示 component_verify_ticket 已过期；wxproxy 已请求重新推送并等待下一个；如果 10 分钟内没有收到，请检查开放平台的「授权事件接收 URL」是否为本代理的 /push/NAME 且外网可访问"},
	61006: {token.ClassTransient, ticketRefused, ticketRefusedZH},
	61011: {token.ClassConfiguration, "check app_id of this platform: WeChat knows no third-party platform of it", "请检查该平台的 app_id：微信没有这个第三方平台"},
	61028: {token.ClassConfiguration, "publish the platform in the open platform's console (全网发布)", "请在开放平台对该第三方平台全网发布"},
	61029: {token.ClassConfiguration, "publish the platform again in the open platform's console (全网发布)", "请在开放平台对该第三方平台重新全网发布"},
}

// platformRefusals is what errcodes mean of one API of a platform.
var platformRefusals = map[string]map[int]remedy{
	apiComponentToken: {
		40001: {token.ClassConfiguration, "check that secret is the AppSecret of this very platform; it may have been reset",
			"请检查 secret 是否为该第三方平台的 AppSecret，可能已被重置"},
		48001: {token.ClassTransient, "WeChat answers this now and then although all is right; wxproxy tries again by itself; if it lasts, see in the open platform's console whether the platform was restricted",
			"参数正确时微信偶尔也会这样回答；wxproxy 会自动重试；如果持续出现，请在开放平台查看该平台是否被限制"},
	},
	apiStartPushTicket: {
		40013: {token.ClassConfiguration, "check app_id and secret of this platform", "请检查该平台的 app_id 和 secret"},
	},
	apiQueryAuth: {
		CodeInvalid: {token.ClassAccount, "the authorization code was used already, or never issued; if the account has no tokens, the merchant has to authorize the platform again",
			"授权码已被使用或不存在；如果该账号没有 token，请商家重新授权"},
		CodeExpired: {token.ClassAccount, "the authorization code has expired, or was used already; if the account has no tokens, the merchant has to authorize the platform again",
			"授权码已过期或已被使用；如果该账号没有 token，请商家重新授权"},
	},
	apiAuthorizerToken: {
		NotAuthorized: {token.ClassTransient, "WeChat says that the merchant has not authorized the platform; wxproxy asks again until the list of authorizers says so, too; then the merchant has to authorize again",
			"微信表示该账号没有授权给本平台；wxproxy 会继续确认，直到授权方列表也如此；届时请商家重新授权"},
		RefreshInvalid: {token.ClassAccount, "nobody has a refresh token that WeChat accepts: the merchant has to authorize the platform again; after an authorization, or POST /platforms/NAME/recover, wxproxy goes on by itself",
			"没有可用的 refresh token：请商家重新授权；授权后，或调用 POST /platforms/NAME/recover 后，wxproxy 会自动继续"},
	},
	apiAuthorizerInfo: {
		NotAuthorized: {token.ClassTransient, "WeChat says that the account has not authorized the platform; the list of authorizers decides", "微信表示该账号没有授权给本平台；以授权方列表为准"},
	},
}

// remedyOfPlatform returns what an errcode means that an API of a platform answered.
func remedyOfPlatform(code int, api string) remedy {
	for _, rows := range []map[int]remedy{platformRefusals[api], componentRefusals} {
		if row, ok := rows[code]; ok {
			return row
		}
	}
	switch ofComponentToken(code) {
	case token.Dead:
		return componentRefusals[40001]
	default:
	}
	if row, ok := refusals[code]; ok {
		return row
	}
	return unknownPlatformRefusal
}

// What to do when WeChat refuses a ticket: nothing but another one helps.
const (
	ticketRefused   = "WeChat refuses the component_verify_ticket; wxproxy waits for the next one, which comes every 10 minutes; if it refuses that, too, check that app_id is of the platform whose events come to /push/NAME"
	ticketRefusedZH = "微信不接受该 component_verify_ticket；wxproxy 会等待下一个（每 10 分钟推送一次）；如果仍不接受，请检查 app_id 是否为推送到 /push/NAME 的第三方平台"
)

// unknownPlatformRefusal is for every other errcode.
var unknownPlatformRefusal = remedy{token.ClassConfiguration, "look up the errcode in WeChat's documentation of third-party platforms",
	"请在微信第三方平台的文档中查询该错误码"}

// What to do when WeChat was not asked.
var (
	noTicketYet = remedy{token.ClassTransient, "wxproxy waits for WeChat's next component_verify_ticket, which comes every 10 minutes; if none does, check that the authorization-event URL in the open platform's console is /push/NAME of this proxy and is reached from outside",
		"wxproxy 正在等待微信推送 component_verify_ticket（每 10 分钟一次）；如果一直没有收到，请检查开放平台的「授权事件接收 URL」是否为本代理的 /push/NAME 且外网可访问"}
	notAuthorized = remedy{token.ClassAccount, "the merchant has to authorize the platform, or to authorize it again; wxproxy goes on by itself then",
		"请商家授权或重新授权给本平台；之后 wxproxy 会自动继续"}
	storeAway = remedy{token.ClassTransient, "have the store that token.store names be reached and take what it is given; wxproxy goes on by itself then",
		"请恢复 token.store 所指的存储（可访问且可写）；之后 wxproxy 会自动继续"}
	tooManyFetchesOfPlatform = remedy{token.ClassQuota, "find the program that fetches this token as well, from api_component_token or api_authorizer_token, and have it use wxproxy",
		"请查找还有哪个程序在调用 api_component_token 或 api_authorizer_token，并让它改用 wxproxy"}
)
