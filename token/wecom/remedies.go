package wecom

import (
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// refusals is what WeCom's errcodes mean when a token was asked for. Sources: WeCom's
// manual of gettoken, https://developer.work.weixin.qq.com/document/path/91039, its page of
// errcodes, and what the community has met. Several mean other things at WeChat.
var refusals = map[int]remedy{
	-1: {token.ClassTransient, "WeCom is busy; wxproxy tries again by itself",
		"企业微信系统繁忙；wxproxy 会自动重试"},

	40001: {token.ClassConfiguration, "check secret: it is not that of an application of this corp_id, was reset, or the application is disabled; wxproxy tries another one at once, and the same seldom, since WeCom bans this machine's IP address after several wrong ones",
		"请检查 secret：它不属于该 corp_id 的应用、已被重置，或应用已停用；更换后 wxproxy 立即重试，同一个错误的 secret 只会很少重试，因为多次错误会导致本机 IP 被企业微信封禁"},
	40013: {token.ClassConfiguration, "check corp_id: WeCom does not know it; it is on the page of the corp in WeCom's console, and begins with ww or wx; correct it together with secret, since WeCom bans this machine's IP address after several wrong ones",
		"请检查 corp_id：企业微信不认识它；它在管理后台「我的企业」页面，以 ww 或 wx 开头；多次错误会导致本机 IP 被企业微信封禁"},
	40091: {token.ClassConfiguration, "check secret: it is not valid, maybe another corp's; wxproxy tries another one at once, and the same seldom, since WeCom bans this machine's IP address after several wrong ones",
		"请检查 secret：它无效，可能属于其他企业；更换后 wxproxy 立即重试，同一个错误的 secret 只会很少重试，因为多次错误会导致本机 IP 被企业微信封禁"},
	41002: {token.ClassConfiguration, "check upstream.wecom.url and what stands between: WeCom got no corp id",
		"请检查 upstream.wecom.url 及中间的代理：企业微信没有收到 corpid"},
	41004: {token.ClassConfiguration, "check upstream.wecom.url and what stands between: WeCom got no secret",
		"请检查 upstream.wecom.url 及中间的代理：企业微信没有收到 corpsecret"},
	41024: {token.ClassConfiguration, "check upstream.wecom.url and what stands between: WeCom got no secret",
		"请检查 upstream.wecom.url 及中间的代理：企业微信没有收到 corpsecret"},
	2000002: {token.ClassConfiguration, "check corp_id: there is no such corp, or no longer",
		"请检查 corp_id：该企业不存在或已解散"},
	42001: {token.ClassConfiguration, "check upstream.wecom.url: gettoken itself asks for no access_token",
		"请检查 upstream.wecom.url：gettoken 接口本身不需要 access_token"},

	tooOften: {token.ClassQuota, "wait: WeCom takes no question for a token for an hour, as there were too many, or too many wrong secrets from this machine's IP address; find who else calls gettoken, and unblock the corp at open.work.weixin.qq.com/wwopen/devtool/checkCorpSpamBlock",
		"请等待：获取 token 过于频繁，或本机 IP 多次使用错误的 secret，企业微信一小时内不再受理；请查找还有谁在调用 gettoken，也可在 open.work.weixin.qq.com/wwopen/devtool/checkCorpSpamBlock 自助解封"},
	45033: {token.ClassTransient, "too many questions at a time; wxproxy tries again by itself",
		"并发请求过多；wxproxy 会自动重试"},

	50003: {token.ClassAccount, "enable the application in WeCom's console: it is disabled",
		"该应用已停用：请在企业微信管理后台启用"},
}

// callRefusals is what errcodes mean that programs meet when they call with a good token.
var callRefusals = map[int]remedy{
	60020: {token.ClassConfiguration, "put {ip} on the list of trusted IP addresses of this application in WeCom's console (the application's page, 企业可信IP; of a service provider's application, the provider's console); it works a minute later",
		"请在企业微信管理后台该应用页面的「企业可信IP」中加入 {ip}（服务商代开发的应用在服务商后台配置），保存一分钟后生效"},
	48009: {token.ClassConfiguration, "use an application of your own in the place of the contacts assistant, whose secret reads no details from {ip}, which is new",
		"通讯录同步助手不能从新的 IP（{ip}）读取详情：请改用自建应用"},
	48002: {token.ClassConfiguration, "this application may not use the API: see its permissions in WeCom's console",
		"该应用没有此接口的权限：请在企业微信管理后台查看"},
	50003: {token.ClassAccount, "enable the application in WeCom's console: it is disabled",
		"该应用已停用：请在企业微信管理后台启用"},
	301002: {token.ClassConfiguration, "check which account is called: the agentid in the request is another application's",
		"请检查所用账号：请求中的 agentid 属于其他应用"},
}

// unknownRefusal and unknownCall are for every other errcode.
var (
	unknownRefusal = remedy{token.ClassConfiguration, "look up the errcode in WeCom's documentation",
		"请在企业微信文档中查询该错误码"}
	unknownCall = remedy{token.ClassConfiguration, "look up the errcode in WeCom's documentation of the API", "请在企业微信该接口的文档中查询该错误码"}
)

// What to do about what a Keeper or a Guard found out itself.
var (
	manyWrong = remedy{token.ClassQuota, "correct the secrets of the accounts that WeCom refuses (the log and /status name them), so that it does not ban this machine's IP address for all; then this account is tried by itself",
		"请更正被企业微信拒绝的各账号的 secret（见日志与 /status），以免本机 IP 被封禁；之后 wxproxy 会自动尝试该账号"}
	secretPause = remedy{token.ClassConfiguration, "until {until} the same secret is not shown again: neither a reload, nor a restart, nor a refresh by hand ends that, another secret does",
		"在 {until} 之前不会再次使用同一个 secret：重新加载配置、重启或手动刷新都不能提前，只有更换 secret 才会立即重试"}
	restPause = remedy{token.ClassQuota, "until {until} no token is asked for: neither a reload, nor a restart, nor a refresh by hand ends that",
		"在 {until} 之前不会再获取 token：重新加载配置、重启或手动刷新都不能提前"}
	manyWrongPause = remedy{token.ClassQuota, "until {until} accounts that never worked wait: the limit is that of the whole process, and neither a reload nor a refresh by hand ends that",
		"在 {until} 之前，从未成功过的账号都要等待：这是整个进程的限制，重新加载配置或手动刷新都不能提前"}
	deadToken = remedy{token.ClassAccount, "wxproxy tries again by itself when there are calls; if it lasts, reset the application's secret in WeCom's console and put the new one here",
		"有调用时 wxproxy 会自动重试；如果持续出现，请在企业微信管理后台重置该应用的 secret 并更新配置"}
	diedSoon = remedy{token.ClassAccount, "wait half a minute: wxproxy then replaces it by itself; if that happens often, find out who resets the application's secret",
		"请等待半分钟，wxproxy 会自动更换；如果经常出现，请查找谁在重置该应用的 secret"}
	successorLate = remedy{token.ClassTransient, "ask again: wxproxy renews it by itself",
		"请稍后重试：wxproxy 会自动刷新"}
	storeAway = remedy{token.ClassTransient, "wxproxy tries again by itself; if it lasts, look at the token store",
		"wxproxy 会自动重试；如果持续出现，请检查 token 存储"}
)

// troubles are the remedies where there is no answer of WeCom's.
var troubles = map[asking.Trouble]remedy{
	asking.Shortage: {token.ClassTransient, "raise the limit of open files (LimitNOFILE, ulimit -n), or find what uses up this machine's descriptors, ports or memory: WeCom was not asked",
		"请提高可打开文件数的上限（LimitNOFILE、ulimit -n），或查找耗尽本机描述符、端口或内存的原因：没有向企业微信发出请求"},
	asking.Unreadable: {token.ClassConfiguration, "make the account's secret readable for wxproxy",
		"请让 wxproxy 能够读取该账号的 secret"},
	asking.Stopped: {token.ClassTransient, "ask again when wxproxy has started again",
		"请在 wxproxy 重新启动后重试"},
	asking.Strange: {token.ClassTransient, "wxproxy tries again by itself; if it lasts, check upstream.wecom.url and what stands between",
		"wxproxy 会自动重试；如果持续出现，请检查 upstream.wecom.url 及中间的代理"},
	asking.UnknownHost: {token.ClassTransient, "check DNS and the host in upstream.wecom.url",
		"请检查 DNS 和 upstream.wecom.url 中的域名"},
	asking.Late: {token.ClassTransient, "wxproxy tries again by itself; if it lasts, check the network and the firewall",
		"wxproxy 会自动重试；如果持续出现，请检查网络和防火墙"},
	asking.Untrusted: {token.ClassTransient, "check the clock, upstream.wecom.url and ca_file: there is no trusted TLS connection",
		"请检查系统时间、upstream.wecom.url 和 ca_file：无法建立可信的 TLS 连接"},
	asking.Unreachable: {token.ClassTransient, "check upstream.wecom.url, the network and the firewall: WeCom cannot be reached",
		"请检查 upstream.wecom.url、网络和防火墙：无法连接企业微信"},
	asking.LostConnection: {token.ClassTransient, "wxproxy tries again by itself; if it lasts, check what stands between this machine and WeCom",
		"wxproxy 会自动重试；如果持续出现，请检查本机与企业微信之间的网络设备"},
	asking.Other: {token.ClassTransient, "wxproxy tries again by itself; if it lasts, look into its log, and check the network between this machine and WeCom",
		"wxproxy 会自动重试；如果持续出现，请查看日志，并检查本机与企业微信之间的网络"},
}
