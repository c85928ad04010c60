package e2e

import (
	"regexp"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
)

// chineseLocale has the program run where people read Chinese.
const chineseLocale = "LANG=zh_CN.UTF-8"

var han = regexp.MustCompile(`\p{Han}`)

// Help, check and the mistakes of a configuration are read by people, in their language.
func TestTheProgramSpeaksChineseWhereTheLocaleDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir+"/config.toml", accountWith("shop", appID, appSecret, "stable"))
	writeFile(t, dir+"/bad.toml", "[proxy]\nlissen = \"127.0.0.1:9\"\nmax_body = \"lots\"\n"+accountWith("shop", appID, appSecret, "stabel"))
	chmod(t, dir+"/config.toml", 0o600)
	chmod(t, dir+"/bad.toml", 0o600)
	for name, test := range map[string]struct {
		args, env []string
		code      int
		want      []string
	}{
		"help":                     {[]string{"help"}, []string{chineseLocale}, exitOK, []string{"用法：wxproxy [COMMAND] [FLAGS]", "check      [-config FILE] [-live]", "说明配置的含义", "WXPROXY_APP_ID"}},
		"help about a command":     {[]string{"help", "check"}, []string{chineseLocale}, exitOK, []string{"用法：wxproxy check [-config FILE] [-live]", "退出码："}},
		"a command's flag -h":      {[]string{"check", "-h"}, []string{chineseLocale}, exitOK, []string{"用法：wxproxy check"}},
		"an unknown command":       {[]string{"chekc"}, []string{chineseLocale}, exitMistakes, []string{`没有命令 "chekc"`}},
		"an unknown flag":          {[]string{"check", "-dead"}, []string{chineseLocale}, exitMistakes, []string{"wxproxy check：没有这个参数：-dead；wxproxy help 列出所有参数\n"}},
		"check":                    {[]string{"check"}, []string{chineseLocale}, exitOK, []string{"监听 http://127.0.0.1:8080，供本机程序使用，不需要密钥", "shop 是 " + appID + "，stable token，secret 来自配置，默认账号"}},
		"LC_ALL before LANG":       {[]string{"check"}, []string{"LANG=en_US.UTF-8", "LC_ALL=zh_CN.UTF-8"}, exitOK, []string{"监听 http://127.0.0.1:8080"}},
		"LC_ALL=C before LANG":     {[]string{"check"}, []string{chineseLocale, "LC_ALL=C"}, exitOK, []string{"listens on http://127.0.0.1:8080"}},
		"mistakes of check":        {[]string{"check", "-config", "bad.toml"}, []string{chineseLocale}, exitFailure, []string{"bad.toml: proxy: 不认识的键 `lissen`，是不是想写 `listen`？第 2 行\n", "bad.toml: proxy.max_body: 不是大小；应写成 \"16MiB\" 这样，单位为 KiB、MiB、GiB、KB、MB、GB，不写单位为字节（现在是 \"lots\"）；第 3 行\n", "bad.toml: account[1].token_api: 不认识；应写成 \"stable\" 或 \"classic\"；是不是想写 \"stable\"？（现在是 \"stabel\"）；`shop`，第 8 行\n", "wxproxy：配置有误\n"}},
		"mistakes of serve":        {[]string{"serve", "-config", "bad.toml"}, []string{chineseLocale}, exitMistakes, []string{"bad.toml: proxy: 不认识的键 `lissen`，是不是想写 `listen`？第 2 行\n"}},
		"a file that is not there": {[]string{"serve", "-config", "nowhere.toml"}, []string{chineseLocale}, exitMistakes, []string{"nowhere.toml: 无法读取：文件或目录不存在"}},
		"no configuration":         {[]string{"serve", "-config", "/dev/null"}, []string{chineseLocale}, exitMistakes, []string{"account: 缺失；请加上有 name、app_id 和 secret 的 [[account]]"}},
		"mistakes in English":      {[]string{"check", "-config", "bad.toml"}, nil, exitFailure, []string{"bad.toml: proxy: unknown key `lissen`, did you mean `listen`?; line 2\n", "wxproxy: the configuration has mistakes\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := runs(t, test.code, launch{args: test.args, env: test.env, dir: dir})
			got := p.stdout.String() + p.stderr.String()
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %s\nwant %q in it", got, want)
				}
			}
			if strings.Contains(got, appSecret) {
				t.Errorf("got a secret in %s", got)
			}
		})
	}
}

func TestCheckLiveSpeaksChinese(t *testing.T) {
	t.Parallel()
	const wrong, elsewhere = "wx0000000000000001", "wx0000000000000002"
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret}, wechattest.App{ID: wrong, Secret: appSecret},
		wechattest.App{ID: elsewhere, Secret: appSecret, AllowIPs: []string{"203.0.113.7"}})
	toml := accountWith("shop", appID, appSecret, "stable") + accountWith("typo", wrong, otherSecret, "stable") + accountWith("away", elsewhere, appSecret, "stable")
	p := checksLive(t, exitFailure, w.URL, toml, chineseLocale)
	for _, want := range []string{
		"为每个账号向 " + w.URL + " 获取 token：\n",
		"  shop：正常；微信签发了 token，有效期 ",
		"  typo：errcode 40125: ", "\n    请检查 secret：它不是该账号的 AppSecret",
		"  away：errcode 40164: ", "\n    请在微信后台该账号的「IP 白名单」（设置与开发 → 基本配置 → IP 白名单）中加入 127.0.0.1",
	} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("got %s; want %q in it", p.stdout.String(), want)
		}
	}
	if got := p.stderr.String(); !strings.HasSuffix(got, "wxproxy：没有 token 的账号：2 / 3\n") {
		t.Errorf("got %q; want how many accounts have none", got)
	}
}

// Logs and answers are for programs, and for searching: they stay as they are.
func TestTheLogStaysEnglish(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
	p := serving(t, w.URL, accountWith("shop", appID, appSecret, "stable"), chineseLocale)
	p.mustSucceed()
	refused := p.mustAsk("POST", p.proxy+"/cgi-bin/../nowhere", "")
	p.stop()
	if got := p.stderr.String() + refused.body; han.MatchString(got) {
		t.Errorf("got Chinese in %s", got)
	}
}
