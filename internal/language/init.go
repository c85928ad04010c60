package language

// initial is what wxproxy init says.
var initial = map[string]string{
	"wxproxy init: -app-id is for WeChat's accounts; an application of WeCom's has -corp-id and -agent-id": "wxproxy init：-app-id 用于微信账号；企业微信应用用 -corp-id 和 -agent-id",

	"AppID (begins with wx): ":                                                   "AppID（以 wx 开头）：",
	"AppSecret (it is not shown): ":                                              "AppSecret（输入时不显示）：",
	"Corp id (begins with ww): ":                                                 "企业 ID（以 ww 开头）：",
	"AgentId (a number; Enter, if the application has none): ":                   "AgentId（数字；应用没有则直接按 Enter）：",
	"Secret of the application (it is not shown): ":                              "应用的 Secret（输入时不显示）：",
	"Enter tries again, w and Enter writes the file all the same, Ctrl-C ends: ": "按 Enter 重试；输入 w 再按 Enter 则照样写文件；按 Ctrl-C 结束：",
	"Enter tries again, when the address is there; w and Enter writes the file all the same, Ctrl-C ends: ": "加入该地址后按 Enter 重试；输入 w 再按 Enter 则照样写文件；按 Ctrl-C 结束：",

	"-proxy: %v": "-proxy：%v",
	"the secret has only %d characters; copy it again, as WeChat's console shows it": "secret 只有 %d 个字符；请按微信后台显示的内容重新复制",
	"  Enter keeps %s\n": "  直接按 Enter 则仍用 %s\n",
	"    -proxy URL goes through a proxy; -unchecked writes the file without asking\n":               "    需要经过代理时请加 -proxy URL；-unchecked 则不询问就写文件\n",
	"# Made by wxproxy init. Every setting: docs/configuration.md, docs/configuration.zh-CN.md.\n\n": "# 由 wxproxy init 生成。全部设置见 docs/configuration.zh-CN.md。\n\n",

	"asking %s for a token ...\n":        "正在向 %s 获取 token ...\n",
	"good: there is a token.\n":          "正常：已获取到 token。\n",
	"there is no token for this account": "没有获取到该账号的 token",
	"%v; nothing was written":            "%v；没有写任何文件",
	"\n%s is written; only you can read it (mode 0600). Start wxproxy, then call from another terminal:\n\n":              "\n已写好 %s，只有您能读取（权限 0600）。先启动 wxproxy，再在另一个终端里调用：\n\n",
	"\n%s is written; who could read it before still can (mode %#o). Start wxproxy, then call from another terminal:\n\n": "\n已写好 %s，原来能读取的仍能读取（权限 %#o）。先启动 wxproxy，再在另一个终端里调用：\n\n",
	"note: %s: %v\n":                       "提示：%s: %v\n",
	"there were too many tries":            "尝试次数过多",
	"interrupted":                          "已中断",
	"there is no further line of input":    "没有更多的输入",
	"the line has more than %d bytes":      "该行超过 %d 字节",
	"having the terminal show nothing: %v": "让终端不显示输入：%v",

	"the AppID is empty; WeChat's console shows it next to the AppSecret":         "AppID 为空；微信后台与 AppSecret 一同显示它",
	"that looks like an AppSecret; are the two swapped?":                          "这看起来是 AppSecret；两者是不是写反了？",
	"that is an original ID (原始 ID); the AppID begins with wx":                    "这是原始 ID；AppID 以 wx 开头",
	"an AppID begins with wx":                                                     "AppID 以 wx 开头",
	"an AppID has wx and 16 of 0-9 and a-f behind it; here are %s behind it":      "AppID 是 wx 加 16 个 0-9 或 a-f；这里 wx 之后有%s",
	"%d characters, among them %q":                                                " %d 个字符，其中有 %q",
	"%d characters":                                                               " %d 个字符",
	"the corp id is empty; WeCom's console shows it under the corp's information": "企业 ID 为空；企业微信管理后台在「我的企业」中显示它",
	"that looks like an AgentId; the corp id begins with ww":                      "这看起来是 AgentId；企业 ID 以 ww 开头",
	"a corp id begins with ww":                                                    "企业 ID 以 ww 开头",
	"an AgentId is a number, as 1000002":                                          "AgentId 是数字，如 1000002",
	"that is an AppID; the AppSecret has 32 letters and digits":                   "这是 AppID；AppSecret 有 32 个字母和数字",
	"reading the file of the secret: %v":                                          "读取 secret 的文件：%v",

	"%s is a directory; name a file with -config": "%s 是目录；请用 -config 指定文件",
	"looking at %s: %v":                           "查看 %s：%v",
	"%s is there already; -force overwrites it, and -config names another file": "%s 已存在；-force 会覆盖它，-config 可指定别的文件",
	"nothing can be written into %s: %v":                                        "无法写入 %s：%v",
}
