package language

import (
	"regexp"
	"strings"
)

// faults are what a proxy that leads out does wrong, as package egress says it behind
// "the proxy HOST:PORT". %s stands for where nobody gets.
var faults = [][2]string{
	{"has a name that cannot be looked up", "的域名无法解析"},
	{"cannot be reached", "无法连接"},
	{"does not shake hands for TLS, or its certificate is not trusted", "没有完成 TLS 握手，或其证书不受信任"},
	{"wants a user and a password", "需要用户名和密码"},
	{"does not accept the user or the password", "不接受该用户名或密码"},
	{"wants another proof than a user and a password in Basic authentication", "要求 Basic 用户名密码以外的认证"},
	{"answers in another way than a proxy does", "的应答不像代理"},
	{"answers that there are too many requests", "应答说请求过多"},
	{"does not allow connections to %s", "不允许连接 %s"},
	{"does not get to %s itself", "自己到不了 %s"},
	{"ended the connection before there was a tunnel to %s", "在建立到 %s 的隧道之前断开了连接"},
	{"did not connect to %s within connect_timeout", "没有在 connect_timeout 内连上 %s"},
	{"connected neither to %s nor to the host before within connect_timeout", "在 connect_timeout 内既没有连上前一个接入点，也没有连上 %s"},
	{"did not connect to %s before the time for the answer was over", "没有在等待应答的时间内连上 %s"},
	{"answers with something of its own where %s should be", "没有连到 %s，而是返回了自己的内容"},
	{"leads to a certificate for %s that is not trusted", "给出的 %s 的证书不受信任"},
	{"leads to %s, with which there is no TLS", "连到了 %s，但无法建立 TLS"},
}

// ofProxy returns the part of a chain that is the fault of a proxy in Chinese, and others
// as they are.
func ofProxy(part string) string {
	for _, row := range faults {
		words := strings.ReplaceAll(regexp.QuoteMeta(row[0]), "%s", `(?P<target>\S+?)`)
		found := regexp.MustCompile(`^the proxy (\S+) ` + words + `( \([^)]*\))?(;.*)?$`).FindStringSubmatch(part)
		if found == nil {
			continue
		}
		rest, target := found[len(found)-2:], ""
		if len(found) == 5 {
			target = found[2]
		}
		return "代理 " + found[1] + " " + strings.ReplaceAll(row[1], "%s", target) + rest[0] + strings.ReplaceAll(rest[1], "; ", "；")
	}
	return part
}
