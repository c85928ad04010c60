package demo

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"wxproxy/config"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/wecomtest"
)

// What the demo's corp has.
const (
	corpID   = "wwdemo0123456789ab"
	crmAgent = 1000002 // the first agent_id
	robot    = "ROBOT"
	endPath  = "/end" // at the simulated WeCom: the token of crm ends
)

// corpSecretLength is how long the secret of an application is.
const corpSecretLength = 43

// weCom is a simulated WeCom with the applications of a corp.
type weCom struct {
	*wecomtest.WeCom
	url      string
	crm      *wecomtest.Application
	apps     []wecomtest.App    // what the configuration has
	callback wecomtest.Callback // without its URL
}

// newWeCom returns a WeCom that pushes with keys.
func newWeCom(s Settings, keys pushKeys) *weCom {
	w := &weCom{WeCom: wecomtest.New(wecomtest.Rules{})}
	for i := range max(s.Accounts, 2) {
		app := wecomtest.App{CorpID: corpID, AgentID: strconv.Itoa(crmAgent + i)}
		app.Secret = secretOf(app.AgentID, corpSecretLength)
		w.apps = append(w.apps, app)
		switch s.Fail {
		case failIP:
			app.TrustedIPs = []string{otherAddress}
		case failSecret:
			app.Secret = secretOf("another one of "+app.AgentID, corpSecretLength)
		}
		if added := w.Add(app); i == 0 {
			w.crm = added
		}
	}
	w.AddRobot(robot)
	w.callback = wecomtest.Callback{CorpID: corpID, AgentID: w.apps[0].AgentID, Token: keys.token, AESKey: keys.aesKey}
	return w
}

func (w *weCom) name() string { return "WeCom" }

func (w *weCom) start(address string, wrap func(http.Handler) http.Handler) (server, string, error) {
	s, err := w.StartAt(address, func(s *http.Server) { s.Handler = wrap(s.Handler) })
	if err != nil {
		return nil, "", err
	}
	w.url = s.URL
	return s, s.URL, nil
}

// load reads what a user would write into a file.
func (w *weCom) load(set map[string]string) (*config.Config, error) {
	return config.Parse([]byte(w.accounts()), lookup(set))
}

func (w *weCom) accounts() string {
	var text strings.Builder
	fmt.Fprintf(&text, "[upstream.wecom]\nurl = %q\n", w.url)
	for i, app := range w.apps {
		name := [...]string{"crm", "shop", fmt.Sprint("app", i+1)}[min(i, 2)]
		fmt.Fprintf(&text, "\n[[account]]\nkind     = \"wecom\"\nname     = %q\ncorp_id  = %q\nagent_id = %s\nsecret   = %q\n", name, app.CorpID, app.AgentID, app.Secret)
		if i == 0 {
			text.WriteString("default  = true\n")
		}
	}
	return text.String()
}

func (w *weCom) call() string { return "/@crm/cgi-bin/user/get?userid=zhangsan" }

func (w *weCom) endToken() { w.crm.Revoke() }

func (w *weCom) push(ctx context.Context, url, said string) (wechattest.Delivery, error) {
	w.callback.URL = url
	if err := w.callback.Check(ctx); err != nil {
		return wechattest.Delivery{}, err
	}
	return w.callback.Push(ctx, w.callback.Text("zhangsan", said)), nil
}

func (w *weCom) chaos(ctx context.Context, ended func(event string)) {
	w.Chaos(ctx, chaosEvery, ended)
}

// pages adds the page that ends a token before its time, which at WeCom no caller can.
func (w *weCom) pages(mux *http.ServeMux) {
	mux.HandleFunc("POST "+endPath, func(rw http.ResponseWriter, _ *http.Request) {
		w.crm.Revoke()
		fmt.Fprintln(rw, "the token of crm has ended")
	})
}

const wecomText = `
wxproxy demo: a simulated WeCom, and wxproxy before it on %[1]s
A corp has two applications there, crm and shop. Paste these into another terminal. None of
them has an access_token.

  curl '%[1]s/@crm/cgi-bin/user/get?userid=zhangsan'
  curl -H 'Wxproxy-Account: shop' -d '{"touser":"zhangsan","msgtype":"text","agentid":%[6]d,"text":{"content":"hello"}}' %[1]s/cgi-bin/message/send

By WeCom's own name, as of a program on a machine whose hosts file leads here:

  curl -H 'Host: qyapi.weixin.qq.com' '%[1]s/cgi-bin/user/get?userid=zhangsan'

An SDK fetches a token itself. It gets one that is good at this proxy alone; its secret is a
client's key (here there are no clients: any will do), and behind a colon which application:

  curl '%[1]s/cgi-bin/gettoken?corpid=%[5]s&corpsecret=KEY:shop'
  curl '%[1]s/@crm/wxproxy/jsapi-signature?type=agent_config&url=https%%3A%%2F%%2Fcrm.example.com%%2F'
  curl -H 'Host: qyapi.weixin.qq.com' -d '{"msgtype":"text","text":{"content":"hello"}}' '%[1]s/cgi-bin/webhook/send?key=%[7]s'

Now have the simulated WeCom end crm's token before its time, and call again: Wxproxy-Attempts
says 2, and the answer is as good as before.

  curl -X POST %[4]s` + endPath + `
  curl -i '%[1]s/@crm/cgi-bin/user/get?userid=zhangsan'

WeCom also calls. Be a member who writes to the application: the simulated WeCom pushes that,
encrypted, to %[3]s; wxproxy passes it in the clear to
a small program of the demo's, and encrypts what that answers.

  curl -d 'hello' %[4]s/say

  curl %[2]s/status

The same as a page, which refreshes itself: %[2]s/

`

const wecomTextChinese = `
wxproxy demo：一个模拟的企业微信，前面是 wxproxy：%[1]s
某企业在这里有两个应用：crm 和 shop。在另一个终端粘贴下面的命令，它们都不带 access_token。

  curl '%[1]s/@crm/cgi-bin/user/get?userid=zhangsan'
  curl -H 'Wxproxy-Account: shop' -d '{"touser":"zhangsan","msgtype":"text","agentid":%[6]d,"text":{"content":"hello"}}' %[1]s/cgi-bin/message/send

用企业微信自己的域名，就像 hosts 文件指向这里的机器上的程序：

  curl -H 'Host: qyapi.weixin.qq.com' '%[1]s/cgi-bin/user/get?userid=zhangsan'

SDK 自己会获取 token。它得到的 token 只在这个 wxproxy 上有效；secret 处填客户端（client）的密钥
（这里没有配置 client，填什么都行），冒号后面写是哪个应用：

  curl '%[1]s/cgi-bin/gettoken?corpid=%[5]s&corpsecret=KEY:shop'
  curl '%[1]s/@crm/wxproxy/jsapi-signature?type=agent_config&url=https%%3A%%2F%%2Fcrm.example.com%%2F'
  curl -H 'Host: qyapi.weixin.qq.com' -d '{"msgtype":"text","text":{"content":"hello"}}' '%[1]s/cgi-bin/webhook/send?key=%[7]s'

现在让模拟企业微信提前作废 crm 的 token，再调用一次：Wxproxy-Attempts 显示 2，应答和之前一样正常。

  curl -X POST %[4]s` + endPath + `
  curl -i '%[1]s/@crm/cgi-bin/user/get?userid=zhangsan'

企业微信也会来调用您。扮演一个给应用发消息的成员：模拟企业微信把消息加密推送到
%[3]s；wxproxy 以明文转给演示自带的
一个小程序，再把它的回复加密后交回。

  curl -d 'hello' %[4]s/say

  curl %[2]s/status

同样的内容有一个自动刷新的页面：%[2]s/

`

func (w *weCom) text() (english, chinese string, arguments []any) {
	return wecomText, wecomTextChinese, []any{corpID, crmAgent + 1, robot}
}
