package egress

import (
	"strings"
	"testing"

	"wxproxy/internal/language"
)

// check -live says to Chinese readers what the proxy does wrong, too.
func TestEveryFaultIsThereInChinese(t *testing.T) {
	t.Parallel()
	for c := range causes {
		f := Fault{Proxy: "proxy.corp:3128", Target: "api.weixin.qq.com:443", cause: cause(c), code: "403", setting: "upstream.proxy"}
		const before, after = "the upstream cannot be reached: https://api.weixin.qq.com: ", "; https://api2.weixin.qq.com: EOF"
		got := language.Chinese.Chain(before + f.Words() + after)
		if !strings.HasPrefix(got, "无法连接微信接入点：https://api.weixin.qq.com：代理 proxy.corp:3128 ") || !strings.Contains(got, " (403)；https://api2.weixin.qq.com：") || strings.Contains(got, "%s") {
			t.Errorf("%s: got %s; want it in Chinese", f.Words(), got)
		}
		if strings.Contains(f.Words(), f.Target) != strings.Contains(got, f.Target) {
			t.Errorf("%s: got %s; want the target in both", f.Words(), got)
		}
	}
}
