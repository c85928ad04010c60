package wechat

import "wxproxy/token"

// refusals is what WeChat's errcodes mean when a token was asked for. Sources:
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-access-token/api_getaccesstoken.html
// and what the community has met.
var refusals = map[int]remedy{
	-1: {token.ClassTransient, "WeChat is busy; wxproxy tries again by itself",
		"微信系统繁忙；wxproxy 会自动重试"},
	-1000: {token.ClassTransient, "WeChat has an internal error; wxproxy tries again by itself",
		"微信内部错误；wxproxy 会自动重试"},

	40001: {token.ClassConfiguration, "check that secret is the AppSecret of this very app_id; it may have been reset",
		"请检查 secret 是否为该 app_id 的 AppSecret，可能已被重置"},
	40002: {token.ClassConfiguration, "check upstream.url: this is not the token API that wxproxy expects",
		"请检查 upstream.url：这不是 wxproxy 所需的获取 token 接口"},
	40013: {token.ClassConfiguration, "check app_id: WeChat does not know it; it begins with wx, unlike the original id, which begins with gh_",
		"请检查 app_id：微信不认识它；它以 wx 开头，不是以 gh_ 开头的原始 ID"},
	40014: {token.ClassConfiguration, "check app_id and secret of this account", "请检查该账号的 app_id 和 secret"},
	40125: {token.ClassConfiguration, "check secret: it is not this account's AppSecret; if it was reset at WeChat, put the new one here",
		"请检查 secret：它不是该账号的 AppSecret；如果已在微信后台重置，请填写新的"},
	40164: {token.ClassConfiguration, "put {ip} on the IP allow-list of this account in WeChat's console (Settings, Basic configuration, IP whitelist)",
		"请在微信后台该账号的「IP 白名单」中加入 {ip}"},
	40243: {token.ClassConfiguration, "unfreeze the AppSecret in WeChat's console; that takes about 10 minutes to work",
		"AppSecret 已被冻结：请在微信后台解冻，约 10 分钟后生效"},
	41002: {token.ClassConfiguration, "set app_id: WeChat got none", "请填写 app_id：微信没有收到"},
	41004: {token.ClassConfiguration, "set secret: WeChat got none", "请填写 secret：微信没有收到"},
	42001: {token.ClassConfiguration, "check upstream.url: the token API itself asks for no access_token",
		"请检查 upstream.url：获取 token 的接口本身不需要 access_token"},
	43002: {token.ClassConfiguration, "check upstream.url and what stands between: WeChat got another method than POST",
		"请检查 upstream.url 及中间的代理：微信收到的不是 POST 请求"},
	43003: {token.ClassConfiguration, "write upstream.url with https://", "upstream.url 必须以 https:// 开头"},
	44002: {token.ClassConfiguration, "check upstream.url and what stands between: WeChat got no request body",
		"请检查 upstream.url 及中间的代理：微信没有收到请求体"},
	47001: {token.ClassConfiguration, "check upstream.url and what stands between: WeChat could not read the request body",
		"请检查 upstream.url 及中间的代理：微信无法解析请求体"},
	48001: {token.ClassConfiguration, "this account may not use the token API; check its type and certification, or set token_api to the other value",
		"该账号无权调用此接口；请检查账号类型和认证状态，或更换 token_api"},
	61004: {token.ClassConfiguration, "put {ip} on the IP allow-list of this account in WeChat's console (Settings, Basic configuration, IP whitelist)",
		"请在微信后台该账号的「IP 白名单」中加入 {ip}"},
	61024: {token.ClassConfiguration, "use another app_id: this one is a third-party platform, which has no access_token of its own",
		"该 app_id 属于第三方平台，没有自己的 access_token，请换用其他账号"},

	45009: {token.ClassQuota, "this account's token calls of today are used up; find who else asks for tokens, or clear the quota in WeChat's console; the count restarts at midnight in Beijing",
		"今日获取 token 的次数已用完；请查找还有谁在获取 token，或在微信后台清零；北京时间零点重新计数"},
	45011: {token.ClassQuota, "too many token calls in this minute; find who else asks for tokens; wxproxy tries again by itself",
		"本分钟获取 token 过于频繁；请查找还有谁在获取 token；wxproxy 会自动重试"},

	50002: {token.ClassAccount, "WeChat has restricted this account; see the notices in its console",
		"该账号已被微信限制；请查看微信后台的通知"},
	50004: {token.ClassAccount, "WeChat has forbidden this account to use access tokens, perhaps as a punishment; see the notices in its console",
		"该账号被禁止使用 access_token，可能因违规处罚；请查看微信后台的通知"},
	50007: {token.ClassAccount, "WeChat has frozen this account; see the notices in its console",
		"该账号已被冻结；请查看微信后台的通知"},
	89501: {token.ClassAccount, "the account's administrator has a request from WeChat to decide on this IP address; confirm it on the phone",
		"微信已向账号管理员发送该 IP 的确认请求，请在手机上确认"},
	89502: {token.ClassAccount, "wait for the account's administrator to confirm this IP address on the phone",
		"请等待账号管理员在手机上确认该 IP"},
	89503: {token.ClassAccount, "the account's administrator must confirm this IP address in the message that WeChat sent to the phone",
		"请账号管理员在微信发送到手机的消息中确认该 IP"},
	89504: {token.ClassAccount, "wait for the account's administrator to confirm this IP address on the phone",
		"请等待账号管理员在手机上确认该 IP"},
	89505: {token.ClassAccount, "wait for the account's administrator to confirm this IP address on the phone",
		"请等待账号管理员在手机上确认该 IP"},
	89506: {token.ClassAccount, "the account's administrator refused this IP address twice; WeChat asks again after 24 hours",
		"账号管理员已两次拒绝该 IP；24 小时后微信才会再次询问"},
	89507: {token.ClassAccount, "the account's administrator refused this IP address; WeChat asks again after one hour",
		"账号管理员已拒绝该 IP；1 小时后微信才会再次询问"},
}

// unknownRefusal is for every other errcode.
var unknownRefusal = remedy{token.ClassConfiguration, "look up the errcode in WeChat's documentation",
	"请在微信文档中查询该错误码"}

// What to do when there is no answer of WeChat's.
var (
	unreadableSecret = remedy{token.ClassConfiguration, "make the account's secret readable for wxproxy",
		"请让 wxproxy 能够读取该账号的 secret"}
	shuttingDown = remedy{token.ClassTransient, "ask again when wxproxy has started again",
		"请在 wxproxy 重新启动后重试"}
	strangeAnswer = remedy{token.ClassTransient, "wxproxy tries again by itself; if it lasts, check upstream.url and what stands between",
		"wxproxy 会自动重试；如果持续出现，请检查 upstream.url 及中间的代理"}
	deadToken = remedy{token.ClassAccount, "wxproxy tries again by itself when there are calls; if it lasts, find the program that refreshes this account's token by force, or reset the AppSecret in WeChat's console and put the new one here",
		"有调用时 wxproxy 会自动重试；如果持续出现，请查找还有哪个程序在强制刷新该账号的 token，或在微信后台重置 AppSecret 并更新配置"}
	diedSoon = remedy{token.ClassAccount, "wait half a minute: wxproxy then replaces it by itself; if that happens often, find the program that fetches or resets this account's token as well",
		"请等待半分钟，wxproxy 会自动更换；如果经常出现，请查找还有哪个程序在获取或重置该账号的 token"}
	tooManyFetches = remedy{token.ClassQuota, "find the program that fetches this account's token from /cgi-bin/token as well and have it use wxproxy, or set token_api = \"stable\"",
		"请查找还有哪个程序在调用 /cgi-bin/token 获取该账号的 token，让它改用 wxproxy；或设置 token_api = \"stable\""}
	successorLate = remedy{token.ClassTransient, "ask again: wxproxy renews it by itself",
		"请稍后重试：wxproxy 会自动刷新"}
	unknownHost = remedy{token.ClassTransient, "check DNS and the host in upstream.url",
		"请检查 DNS 和 upstream.url 中的域名"}
	noAnswer = remedy{token.ClassTransient, "wxproxy tries again by itself; if it lasts, check the network and the firewall",
		"wxproxy 会自动重试；如果持续出现，请检查网络和防火墙"}
	untrusted = remedy{token.ClassTransient, "check the clock, upstream.url and upstream.ca_file: there is no trusted TLS connection",
		"请检查系统时间、upstream.url 和 upstream.ca_file：无法建立可信的 TLS 连接"}
	usedUp = remedy{token.ClassTransient, "raise the limit of open files (LimitNOFILE, ulimit -n), or find what uses up this machine's descriptors, ports or memory: WeChat was not asked",
		"请提高可打开文件数的上限（LimitNOFILE、ulimit -n），或查找耗尽本机描述符、端口或内存的原因：没有向微信发出请求"}
	noConnection = remedy{token.ClassTransient, "check upstream.url, the network and the firewall: WeChat cannot be reached",
		"请检查 upstream.url、网络和防火墙：无法连接微信"}
	lostConnection = remedy{token.ClassTransient, "wxproxy tries again by itself; if it lasts, check what stands between this machine and WeChat",
		"wxproxy 会自动重试；如果持续出现，请检查本机与微信之间的网络设备"}
	otherFailure = remedy{token.ClassTransient, "wxproxy tries again by itself; if it lasts, look into its log, and check the network between this machine and WeChat",
		"wxproxy 会自动重试；如果持续出现，请查看日志，并检查本机与微信之间的网络"}
)
