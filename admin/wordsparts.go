package admin

import "wxproxy/platform"

// The words of the page about third-party platforms.
var (
	wordPlatform     = phrase{"Third-party platform", "第三方平台"}
	wordNoTicket     = phrase{"Third-party platforms without a usable ticket: %s", "没有可用 component_verify_ticket 的第三方平台：%s"}
	wordTicketLate   = phrase{"Third-party platforms to which no ticket has come for long: %s", "长时间未收到 component_verify_ticket 的第三方平台：%s"}
	wordPlatformFail = phrase{"Third-party platforms with a problem: %s", "有问题的第三方平台：%s"}
	wordAuthProblems = phrase{"Accounts of third-party platforms with a problem: %s of %s", "第三方平台中有问题的账号：%s / %s"}
	wordNotLoaded    = phrase{"the accounts are being read from the store", "正在从存储中读取授权账号"}
	wordTicketCame   = phrase{"Ticket", "component_verify_ticket"}
	wordNone         = phrase{"none", "无"}
	wordOwnToken     = phrase{"Token expires", "token 过期"}
	wordListRead     = phrase{"List of accounts read", "授权账号列表读取于"}
	wordNeverRead    = phrase{"not yet", "尚未"}
	wordEventsWait   = phrase{"Accounts whose events wait", "事件待处理的账号"}
	wordCallsHour    = phrase{"Calls in the last hour", "最近一小时的调用"}
	wordAuthorized   = phrase{"Authorized", "授权于"}
	wordAuthorizers  = phrase{"Accounts that have authorized %s", "已授权 %s 的账号"}
	wordNoAuthorizer = phrase{"No account has authorized it yet. GET /wxproxy/authorize-url has the page for merchants.", "尚无账号授权。GET /wxproxy/authorize-url 可取得供商家授权的页面。"}

	wordReady        = phrase{"ready", "正常"}
	wordFailing      = phrase{"failing", "异常"}
	wordTicketless   = phrase{"no ticket", "无 ticket"}
	wordNeeds        = phrase{"needs authorization", "需重新授权"}
	wordUnauthorized = phrase{"unauthorized", "已取消授权"}
)

// The words of the page about WeCom.
var (
	wordWeCom        = phrase{"WeCom", "企业微信"}
	wordRefusals     = phrase{"WeCom refused calls, %s since the start, the last one", "企业微信拒绝了调用，启动以来 %s 次，最近一次在"}
	wordWrongSecrets = phrase{"Secrets that WeCom refused in the last hour", "最近一小时被企业微信拒绝的 secret"}
	wordOfAtMost     = phrase{"%s of %s at most", "%s，上限 %s"}
)

// platformWords are the states of platforms and their authorizers in words.
var platformWords = map[string]phrase{
	platform.StateReady: wordReady, platform.StateFailing: wordFailing, platform.StateNoTicket: wordTicketless,
	platform.StateNeedsAuthorization: wordNeeds, platform.StateUnauthorized: wordUnauthorized,
}

// The words of the page about pushes.
var (
	wordPushes      = phrase{"Pushes", "消息推送"}
	wordPushesHour  = phrase{"Pushes from WeChat, the last hour", "最近一小时的消息推送"}
	wordNotTaken    = phrase{"failed or refused", "失败或被拒绝"}
	wordPushesNot   = phrase{"%s failed, %s refused", "失败 %s，拒绝 %s"}
	hintPushes      = phrase{"%s: %s taken, %s failed, %s refused", "%s：成功 %s，失败 %s，拒绝 %s"}
	wordWaiting     = phrase{"Waiting", "等待投递"}
	wordOldest      = phrase{"the oldest came", "最早的一条收到于"}
	wordRoom        = phrase{"%s of %s MiB", "%s / %s MiB"}
	wordNoInbox     = phrase{"the inbox cannot be asked now", "暂时无法读取收件箱"}
	wordUndelivered = phrase{"Not delivered", "未能投递"}
	wordKeptFor     = phrase{"kept for 7 days; POST /pushes/failed/ID/retry tries one again", "保留 7 天；POST /pushes/failed/ID/retry 可重新投递"}
	wordLastPush    = phrase{"Last push", "上次推送"}
	wordPushesToday = phrase{"Today", "今日"}
	wordLastFailure = phrase{"Last failure", "上次失败"}
	wordNoPushes    = phrase{"No account has a push_token.", "没有账号配置 push_token。"}
	wordNotThere    = phrase{"not configured any more, or without pushes", "已不在配置中，或不再接收推送"}
	wordForward     = phrase{"Forward", "转发"}
	wordPushID      = phrase{"Id", "编号"}
	wordPushType    = phrase{"Type", "类型"}
	wordReceived    = phrase{"Received", "收到于"}
	wordAttempts    = phrase{"Attempts", "尝试次数"}
	wordWhy         = phrase{"Why", "原因"}
	wordThisMachine = phrase{"this machine’s public IP address", "本机的公网 IP"}
	wordPushesWait  = phrase{"Pushes have been waiting for more than 10 minutes", "有消息推送等待投递超过 10 分钟"}
)

// The words of the page about APIs and the calls that failed.
var (
	wordNoAccount   = phrase{"There is no account of this name.", "没有这个名称的账号。"}
	wordNoPage      = phrase{"There is no such page.", "没有这个页面。"}
	wordOverview    = phrase{"Overview", "概览"}
	wordAPIs        = phrase{"APIs", "接口"}
	wordAllAPIs     = phrase{"all of them, today, and the last calls that failed", "全部接口、今日统计与最近失败的调用"}
	wordNoCalls     = phrase{"Nothing was called yet.", "尚无调用。"}
	wordAPI         = phrase{"API", "接口"}
	wordCalls1h     = phrase{"Calls, 1 h", "调用，1 小时"}
	wordFailed1h    = phrase{"Failed, 1 h", "失败，1 小时"}
	wordHalf1h      = phrase{"Median, 1 h", "中位数，1 小时"}
	wordMost1h      = phrase{"P95, 1 h", "P95，1 小时"}
	wordCallsToday  = phrase{"Calls today", "今日调用"}
	wordFailedToday = phrase{"Failed today", "今日失败"}
	wordHalfToday   = phrase{"Median today", "今日中位数"}
	wordMostToday   = phrase{"P95 today", "今日 P95"}

	wordMilliseconds = phrase{"%s ms", "%s 毫秒"}

	wordFailedCalls = phrase{"The last calls that failed", "最近失败的调用"}
	wordNoneFailed  = phrase{"No call has failed.", "没有失败的调用。"}
	wordWhen        = phrase{"When", "时间"}
	wordIDs         = phrase{"To ask about it", "查询依据"}
	wordAskWeChat   = phrase{"Ask WeChat", "询问微信"}
	wordAskAbout    = phrase{"Ask WeChat about %s", "询问微信：%s"}
	wordWeChatKnows = phrase{"What WeChat knows of the call", "微信记录的这次调用"}
	wordTookWeChat  = phrase{"Took WeChat", "微信耗时"}
	wordFrom        = phrase{"Came from", "来源 IP"}
	wordURL         = phrase{"Request", "请求"}
	wordSent        = phrase{"Body", "请求体"}
	wordAnswered    = phrase{"Answer", "应答"}
	wordClose       = phrase{"Close", "关闭"}
)

// kindWords are the kinds of accounts in words.
var kindWords = map[string]phrase{"wechat": {"WeChat", "微信"}, "wecom": wordWeCom}
