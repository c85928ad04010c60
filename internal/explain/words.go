package explain

import "wxproxy/internal/meanings"

// A phrase says one thing in English and in Chinese. Those with verbs are formats.
type phrase [2]string

// nameOf has what kinds of errcodes are called.
var nameOf = map[meanings.Kind]phrase{
	meanings.WeChat: {"WeChat", "微信"},
	meanings.WeCom:  {"WeCom", "企业微信"},
	meanings.Own:    {"wxproxy", "wxproxy"},
}

// whenWords has what stands before the remedy of a situation.
var whenWords = map[string]phrase{
	meanings.Token:    {"when wxproxy asks for a token: ", "wxproxy 获取 token 时："},
	meanings.Ticket:   {"when wxproxy asks for a ticket: ", "wxproxy 获取 ticket 时："},
	meanings.Platform: {"from APIs of a third-party platform: ", "第三方平台的接口返回时："},
	meanings.Callback: {"when check -live has WeChat try the pushes: ", "check -live 检测推送时："},
	meanings.Wxproxy:  {"what wxproxy does: ", "wxproxy 的处理："},
}

var (
	wordMeans   = phrase{"%d (%s): %s\n", "%d（%s）：%s\n"}
	wordRemedy  = phrase{"  what to do: %s\n", "  处理办法：%s\n"}
	wordOfAPI   = phrase{"from %s: ", "%s 返回时："}
	wordSource  = phrase{"  source: %s\n", "  出处：%s\n"}
	wordAlso    = phrase{"  at %s, %d means: %s (wxproxy explain %s%d)\n", "  %s的 %d 表示：%s（wxproxy explain %s%d）\n"}
	wordUnknown = phrase{
		"%d: wxproxy does not know this errcode. Look it up:\n  WeChat: https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html, and the page of the API that answered it\n  WeCom:  https://developer.work.weixin.qq.com/document/path/90313, or https://open.work.weixin.qq.com/devtool/query?e=%[1]d\n",
		"%d：wxproxy 不认识这个错误码，请查询：\n  微信：https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html，以及返回它的接口的文档\n  企业微信：https://developer.work.weixin.qq.com/document/path/90313，或 https://open.work.weixin.qq.com/devtool/query?e=%[1]d\n",
	}
	wordStatus       = phrase{"http_%[1]d: the answer has no errcode, and the HTTP status %[1]d: %[2]s\n  what to do: %[3]s\n", "http_%[1]d：应答没有错误码，HTTP 状态码为 %[1]d：%[2]s\n  处理办法：%[3]s\n"}
	wordServerStatus = phrase{"call again later; if it lasts, look at what stands between wxproxy and WeChat, and whether other APIs answer", "请稍后重试；如果持续出现，请检查 wxproxy 与微信之间的网络设备，以及其他接口是否正常"}
	wordCallerStatus = phrase{"compare the method, the path and the body of the call with the API's page in the manual", "请对照接口文档检查请求的方法、路径和正文"}
	wordElsewhere    = phrase{"%d is not in the list of %s; it is %s's:\n", "%d 不在%s的错误码中，属于%s：\n"}
	wordNoErrcode    = phrase{"There is no errcode in this. Write the number, or paste the whole answer, as {\"errcode\":40001,...}.\n", "其中没有错误码。请输入数字，或粘贴完整的应答，如 {\"errcode\":40001,...}。\n"}
	wordThisMachine  = phrase{"this machine's public IP address", "本机的公网 IP"}
	wordRid          = phrase{
		"\nrid %[1]s: within 7 days WeChat tells what it got and answered, if the same account asks through wxproxy:\n" +
			"  curl -H \"Authorization: Bearer KEY\" -d '{\"rid\":\"%[1]s\"}' http://127.0.0.1:8080/@ACCOUNT/cgi-bin/openapi/rid/get\n",
		"\nrid %[1]s：7 天内可用同一账号经 wxproxy 向微信查询该请求的内容和应答：\n" +
			"  curl -H \"Authorization: Bearer KEY\" -d '{\"rid\":\"%[1]s\"}' http://127.0.0.1:8080/@ACCOUNT/cgi-bin/openapi/rid/get\n",
	}
)
