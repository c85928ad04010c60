package wechat

import "wxproxy/token"

// unknownPlatformRefusal is for errcodes that package meanings has no words for.
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
