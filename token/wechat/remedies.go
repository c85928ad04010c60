package wechat

import (
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// unknownRefusal is for errcodes that package meanings has no words for when a token was
// asked for.
var unknownRefusal = remedy{token.ClassConfiguration, "look up the errcode in WeChat's documentation",
	"请在微信文档中查询该错误码"}

// unknownTicketRefusal is the same for a ticket.
var unknownTicketRefusal = remedy{token.ClassConfiguration, "look up the errcode in WeChat's documentation of getticket",
	"请在微信 getticket 的文档中查询该错误码"}

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
	unknownHost = remedy{token.ClassTransient, "check DNS and the host in upstream.url; where a proxy is the only way out, set upstream.proxy",
		"请检查 DNS 和 upstream.url 中的域名；只能经由代理出外网时，请设置 upstream.proxy"}
	noAnswer = remedy{token.ClassTransient, "wxproxy tries again by itself; if it lasts, check the network and the firewall; where a proxy is the only way out, set upstream.proxy",
		"wxproxy 会自动重试；如果持续出现，请检查网络和防火墙；只能经由代理出外网时，请设置 upstream.proxy"}
	untrusted = remedy{token.ClassTransient, "check the clock, upstream.url and upstream.ca_file: there is no trusted TLS connection",
		"请检查系统时间、upstream.url 和 upstream.ca_file：无法建立可信的 TLS 连接"}
	usedUp = remedy{token.ClassTransient, "raise the limit of open files (LimitNOFILE, ulimit -n), or find what uses up this machine's descriptors, ports or memory: WeChat was not asked",
		"请提高可打开文件数的上限（LimitNOFILE、ulimit -n），或查找耗尽本机描述符、端口或内存的原因：没有向微信发出请求"}
	noConnection = remedy{token.ClassTransient, "check upstream.url, the network and the firewall: WeChat cannot be reached; where a proxy is the only way out, set upstream.proxy",
		"请检查 upstream.url、网络和防火墙：无法连接微信；只能经由代理出外网时，请设置 upstream.proxy"}
	lostConnection = remedy{token.ClassTransient, "wxproxy tries again by itself; if it lasts, check what stands between this machine and WeChat",
		"wxproxy 会自动重试；如果持续出现，请检查本机与微信之间的网络设备"}
	otherFailure = remedy{token.ClassTransient, "wxproxy tries again by itself; if it lasts, look into its log, and check the network between this machine and WeChat",
		"wxproxy 会自动重试；如果持续出现，请查看日志，并检查本机与微信之间的网络"}
)

// unquoted says what to do where WeChat was asked about a call and gave no answer: no other
// question follows by itself.
var unquoted = map[asking.Trouble]remedy{
	asking.Strange: {token.ClassTransient, "ask again; if it lasts, check upstream.url and what stands between",
		"请再次查询；如果持续出现，请检查 upstream.url 及中间的代理"},
	asking.Late: {token.ClassTransient, "ask again; if it lasts, check the network and the firewall; where a proxy is the only way out, set upstream.proxy",
		"请再次查询；如果持续出现，请检查网络和防火墙；只能经由代理出外网时，请设置 upstream.proxy"},
	asking.LostConnection: {token.ClassTransient, "ask again; if it lasts, check what stands between this machine and WeChat",
		"请再次查询；如果持续出现，请检查本机与微信之间的网络设备"},
	asking.Other: {token.ClassTransient, "ask again; if it lasts, look into wxproxy's log, and check the network between this machine and WeChat",
		"请再次查询；如果持续出现，请查看 wxproxy 的日志，并检查本机与微信之间的网络"},
}
