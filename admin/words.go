package admin

import (
	"net/http"
	"strconv"
	"strings"

	"wxproxy/token"
)

// A lang is a language that the page speaks.
type lang int

const (
	english lang = iota
	chinese
	langs
)

// A phrase says one thing in every language. Those with verbs are formats.
type phrase [langs]string

// The words of the page.
var (
	wordLang      = phrase{"en", "zh-CN"}
	wordOtherLang = phrase{"中文", "English"}
	wordTitle     = phrase{"wxproxy", "wxproxy"}

	wordAllWell  = phrase{"All is well", "一切正常"}
	wordNoTokens = phrase{"Accounts without a token: %d of %d", "没有 token 的账号：%d / %d"}
	wordProblems = phrase{"Accounts with a problem: %d of %d", "有问题的账号：%d / %d"}
	wordNoHosts  = phrase{"None of WeChat’s hosts can be reached", "微信的所有域名都无法连接"}
	wordNoStore  = phrase{"The token store is of no use; tokens in memory are served on", "token 存储不可用；继续使用内存中的 token"}
	wordDraining = phrase{"Draining: requests under way are answered, then the process ends", "正在停止：处理完进行中的请求后退出"}

	wordUptime   = phrase{"Up for", "已运行"}
	wordInFlight = phrase{"Requests under way", "进行中的请求"}
	wordStore    = phrase{"Token store", "Token 存储"}
	wordVersion  = phrase{"Version", "版本"}

	wordStoreDown  = phrase{"of no use", "不可用"}
	wordStoreNewer = phrase{"holds records of a later version of wxproxy, which are left alone", "含有更高版本 wxproxy 的记录，保持不动"}

	wordConfig      = phrase{"Configuration", "配置"}
	wordRead        = phrase{"read", "读取于"}
	wordNotReloaded = phrase{"not reloaded", "重新加载失败"}
	wordMistakeIn   = phrase{"mistakes:", "有误之处："}
	wordGoesOn      = phrase{"the one before goes on", "继续使用之前的配置"}
	wordOldConfig   = phrase{"The configuration was not reloaded; the one before goes on", "配置未能重新加载；继续使用之前的配置"}

	wordAsOf = phrase{"As of", "更新于"}

	wordLastHour   = phrase{"The last hour", "最近一小时"}
	wordHourAgo    = phrase{"60 min ago", "60 分钟前"}
	wordNow        = phrase{"now", "现在"}
	wordRequests   = phrase{"Requests", "请求"}
	wordFailedN    = phrase{"%s failed", "失败 %s"}
	wordMostCalls  = phrase{"%s/min", "%s/分钟"}
	wordAll        = phrase{"all", "全部"}
	wordAmong      = phrase{"failed", "失败"}
	wordHalfOf     = phrase{"half within", "半数"}
	wordMostOf     = phrase{"95 % within", "95%"}
	wordPer100     = phrase{"%.1f per 100 requests", "每 100 个请求 %.1f 个"}
	wordErrcodes   = phrase{"Errcodes from WeChat", "微信返回的错误码"}
	wordSinceStart = phrase{"since the start:", "启动以来："}
	wordOther      = phrase{"other", "其他"}
	wordLatency    = phrase{"Latency", "延迟"}
	wordMedian     = phrase{"half of the requests", "半数请求"}
	wordMost       = phrase{", 95 %% within %s", "，95%% 在 %s内"}
	wordWithin     = phrase{"≤ %s", "≤ %s"}
	hintRequests   = phrase{"%s: %s requests, %s failed", "%s：请求 %s，失败 %s"}
	hintErrcodes   = phrase{"%s: %s answers with an errcode", "%s：%s 个带错误码的应答"}
	hintLatency    = phrase{"%s: half within %s, 95 %% within %s", "%s：半数在 %s内，95%% 在 %s内"}

	wordAccounts   = phrase{"Accounts", "账号"}
	wordFilter     = phrase{"Filter by name, app_id, state or errcode", "按名称、app_id、状态或错误码筛选"}
	wordDoFilter   = phrase{"Filter", "筛选"}
	wordShown      = phrase{"%s of %s shown, those with a problem first; filter to see others", "显示 %s / %s 个，有问题的在前；其余请筛选"}
	wordMatching   = phrase{"%s of %s match", "%s / %s 个符合"}
	wordNoneMatch  = phrase{"No account matches.", "没有符合的账号。"}
	wordAccount    = phrase{"Account", "账号"}
	wordToken      = phrase{"Token", "Token"}
	wordExpires    = phrase{"Expires", "过期"}
	wordRefreshed  = phrase{"Last refresh", "上次刷新"}
	wordNext       = phrase{"Next refresh", "下次刷新"}
	wordFetches    = phrase{"Fetches today", "今日获取"}
	wordRejections = phrase{"Rejections", "被拒次数"}
	wordHour       = phrase{"Requests, 1 h", "请求，1 小时"}
	wordFresh      = phrase{"fresh", "有效"}
	wordDue        = phrase{"due", "待刷新"}
	wordGone       = phrase{"gone", "无 token"}
	wordAsleep     = phrase{"asleep", "休眠"}
	wordErrcode    = phrase{"errcode %d", "错误码 %d"}
	wordTicket     = phrase{"%s ticket", "%s ticket"}
	wordRemedy     = phrase{"What to do: ", "处理办法："}

	wordHosts   = phrase{"WeChat’s hosts", "微信域名"}
	wordBoth    = phrase{"Hosts of WeChat and WeCom", "微信与企业微信域名"}
	wordHost    = phrase{"Host", "域名"}
	wordState   = phrase{"State", "状态"}
	wordSince   = phrase{"Since", "开始于"}
	wordUp      = phrase{"up", "正常"}
	wordDown    = phrase{"down", "无法连接"}
	wordClients = phrase{"Clients", "客户端"}
	wordClient  = phrase{"Client", "客户端"}
	wordTotal   = phrase{"Requests since the start", "启动以来的请求"}
	wordFailed  = phrase{"Failed", "失败"}
	wordMay     = phrase{"Accounts", "可用账号"}
	wordLimits  = phrase{"Limits", "限制"}
	wordEvery   = phrase{"all", "全部"}
	wordNobody  = phrase{"without a key", "无密钥的调用方"}
	wordAtATime = phrase{"%d at a time", "并发 %d"}
	wordPerSec  = phrase{"%s/s", "%s/秒"}
	wordPerMin  = phrase{"%s/min", "%s/分钟"}
	wordMore    = phrase{"and %s more", "另有 %s 个"}

	wordIn      = phrase{"in %s", "%s后"}
	wordAgo     = phrase{"%s ago", "%s前"}
	wordMillis  = phrase{"%d ms", "%d 毫秒"}
	wordSecs    = phrase{"%s s", "%s 秒"}
	wordSeconds = phrase{"%d s", "%d 秒"}
	wordMinutes = phrase{"%d min", "%d 分钟"}
	wordHours   = phrase{"%d h %d min", "%d 小时 %d 分"}
	wordDays    = phrase{"%d d %d h", "%d 天 %d 小时"}

	wordRefresh   = phrase{"Refresh", "刷新"}
	wordRefreshOf = phrase{"Refresh %s", "刷新 %s"}
	wordAskKey    = phrase{"This takes the key of the admin listener", "此操作需要管理端口的密钥"}
	wordKey       = phrase{"admin.key", "admin.key"}
	wordKept      = phrase{"This page remembers it until it is closed or loaded again.", "本页面在关闭或重新加载之前会记住它。"}
	wordWrongKey  = phrase{"That is not the key.", "密钥不正确。"}
	wordCancel    = phrase{"Cancel", "取消"}
	wordAsking    = phrase{"asking WeChat …", "正在询问微信……"}
	wordDone      = phrase{"WeChat was asked; the account has a good token.", "已询问微信；该账号的 token 有效。"}
	wordUnasked   = phrase{"WeChat was not asked: the token was fetched less than 30 s ago, or somebody has just asked.", "未询问微信：token 获取于 30 秒之内，或刚刚有人询问过。"}
	wordSlow      = phrase{"WeChat has not answered yet; the refresh goes on.", "微信尚未应答；刷新仍在进行。"}
	wordRefused   = phrase{"not refreshed", "未能刷新"}
	wordLost      = phrase{"wxproxy does not answer. What you see is old.", "wxproxy 没有应答，当前显示的内容可能已过时。"}
	wordLogin     = phrase{"Sign in with admin.key or admin.read_key as the password; the user name may be anything.", "请以 admin.key 或 admin.read_key 作为密码登录，用户名任意。"}
)

// maxLanguages is how much of a browser's list of languages counts.
const maxLanguages = 500

// langOf returns the language that a reader asks for: with the switch of the
// page, or else in the settings of the browser.
func langOf(r *http.Request) lang {
	asked := r.URL.Query().Get("lang")
	if asked == "" {
		languages := r.Header.Get("Accept-Language")
		asked = preferred(languages[:min(len(languages), maxLanguages)])
	}
	if isChinese(asked) {
		return chinese
	}
	return english
}

// preferred returns the language that the reader likes most, by the header
// Accept-Language, among those that the page knows; "" if there is none.
func preferred(header string) string {
	best, most := "", 0.0
	for choice := range strings.SplitSeq(header, ",") {
		tag, quality, weighed := strings.Cut(strings.TrimSpace(choice), ";q=")
		weight := 1.0
		if weighed {
			weight, _ = strconv.ParseFloat(strings.TrimSpace(quality), 64) // 0 if it is no number: not liked
		}
		if known := isChinese(tag) || isTag(tag, "en"); known && weight > most {
			best, most = tag, weight
		}
	}
	return best
}

func isChinese(tag string) bool { return isTag(tag, "zh") }

// isTag reports whether a language tag is that of a language, in whatever country.
func isTag(tag, language string) bool {
	main, _, _ := strings.Cut(tag, "-")
	return strings.EqualFold(main, language)
}

// stateWord returns the state of a token in words.
func stateWord(s token.Status) phrase {
	switch {
	case s.Asleep:
		return wordAsleep
	case s.State == token.StateFresh:
		return wordFresh
	case s.State == token.StateDue:
		return wordDue
	}
	return wordGone
}
