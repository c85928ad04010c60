package admin

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
	wordPushesWait  = phrase{"Pushes have been waiting for more than 10 minutes", "有消息推送等待投递超过 10 分钟"}
)
