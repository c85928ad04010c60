package wecom

import (
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// unknownRefusal and unknownCall are for errcodes that package meanings has no words for.
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
	asking.UnknownHost: {token.ClassTransient, "check DNS and the host in upstream.wecom.url; where a proxy is the only way out, set upstream.proxy",
		"请检查 DNS 和 upstream.wecom.url 中的域名；只能经由代理出外网时，请设置 upstream.proxy"},
	asking.Late: {token.ClassTransient, "wxproxy tries again by itself; if it lasts, check the network and the firewall; where a proxy is the only way out, set upstream.proxy",
		"wxproxy 会自动重试；如果持续出现，请检查网络和防火墙；只能经由代理出外网时，请设置 upstream.proxy"},
	asking.Untrusted: {token.ClassTransient, "check the clock, upstream.wecom.url and ca_file: there is no trusted TLS connection",
		"请检查系统时间、upstream.wecom.url 和 ca_file：无法建立可信的 TLS 连接"},
	asking.Unreachable: {token.ClassTransient, "check upstream.wecom.url, the network and the firewall: WeCom cannot be reached; where a proxy is the only way out, set upstream.proxy",
		"请检查 upstream.wecom.url、网络和防火墙：无法连接企业微信；只能经由代理出外网时，请设置 upstream.proxy"},
	asking.LostConnection: {token.ClassTransient, "wxproxy tries again by itself; if it lasts, check what stands between this machine and WeCom",
		"wxproxy 会自动重试；如果持续出现，请检查本机与企业微信之间的网络设备"},
	asking.Other: {token.ClassTransient, "wxproxy tries again by itself; if it lasts, look into its log, and check the network between this machine and WeCom",
		"wxproxy 会自动重试；如果持续出现，请查看日志，并检查本机与企业微信之间的网络"},
}
