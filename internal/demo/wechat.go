package demo

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"wxproxy/config"
	"wxproxy/internal/wechattest"
)

// wechatAppID is the app_id of the demo's first account.
const wechatAppID = "wxdemo0123456789ab"

// secretLength is how long an AppSecret is.
const secretLength = 32

// weChat is a simulated WeChat.
type weChat struct {
	*wechattest.WeChat
	url      string
	apps     []wechattest.App    // what the configuration has
	callback wechattest.Callback // without its URL
}

// newWeChat returns a WeChat that pushes with keys.
func newWeChat(s Settings, keys pushKeys) *weChat {
	w := &weChat{WeChat: wechattest.New()}
	for i := range max(s.Accounts, 1) {
		app := wechattest.App{ID: wechatAppID}
		if i > 0 {
			app.ID = fmt.Sprintf("wxdemo%012d", i+1)
		}
		app.Secret = secretOf(app.ID, secretLength)
		w.apps = append(w.apps, app)
		switch s.Fail {
		case failIP:
			app.AllowIPs = []string{otherAddress}
		case failSecret:
			app.Secret = secretOf("another one of "+app.ID, secretLength)
		}
		w.AddApp(app)
	}
	w.callback = wechattest.Callback{AppID: wechatAppID, Token: keys.token, AESKey: keys.aesKey, Mode: wechattest.Safe}
	return w
}

func (w *weChat) name() string { return "WeChat" }

func (w *weChat) start(address string, wrap func(http.Handler) http.Handler) (server, string, error) {
	s, err := w.StartAt(address, func(s *http.Server) { s.Handler = wrap(s.Handler) })
	if err != nil {
		return nil, "", err
	}
	w.url = s.URL
	return s, s.URL, nil
}

// load reads the variables that a user without a file would set, or a file if there are
// several accounts.
func (w *weChat) load(set map[string]string) (*config.Config, error) {
	if len(w.apps) > 1 {
		return config.Parse([]byte(w.accounts()), lookup(set))
	}
	set["WXPROXY_APP_ID"], set["WXPROXY_SECRET"], set["WXPROXY_UPSTREAM_URL"] = wechatAppID, w.apps[0].Secret, w.url
	return config.Load("", lookup(set))
}

func (w *weChat) accounts() string {
	var text strings.Builder
	fmt.Fprintf(&text, "[upstream]\nurl = %q\n", w.url)
	for i, app := range w.apps {
		fmt.Fprintf(&text, "\n[[account]]\nname   = \"demo%d\"\napp_id = %q\nsecret = %q\n", i+1, app.ID, app.Secret)
		if i == 0 {
			text.WriteString("default = true\n")
		}
	}
	return text.String()
}

func (w *weChat) call() string { return "/cgi-bin/user/info?openid=OPENID" }

func (w *weChat) endToken() { w.Steal(wechatAppID) }

func (w *weChat) push(ctx context.Context, url, said string) (wechattest.Delivery, error) {
	w.callback.URL = url
	if err := w.SetCallback(ctx, w.callback); err != nil {
		return wechattest.Delivery{}, err
	}
	return w.Push(ctx, wechatAppID, w.callback.Text("OPENID", said)), nil
}

func (w *weChat) chaos(ctx context.Context, ended func(event string)) {
	w.Chaos(ctx, chaosEvery, func(event, _ string) { ended(event) })
}

func (w *weChat) pages(*http.ServeMux) {}

const wechatText = `
wxproxy demo: a simulated WeChat, and wxproxy before it on %[1]s
Paste these into another terminal. None of them has an access_token.

  curl '%[1]s/cgi-bin/user/info?openid=OPENID'
  curl -d '{"touser":"OPENID","msgtype":"text","text":{"content":"hello"}}' %[1]s/cgi-bin/message/custom/send

Now be the colleague who refreshes the same token behind wxproxy's back, and call again:
Wxproxy-Attempts says 2, and the answer is as good as before.

  curl -d '{"grant_type":"client_credential","appid":"%[5]s","secret":"%[6]s","force_refresh":true}' %[4]s/cgi-bin/stable_token
  curl -i '%[1]s/cgi-bin/user/info?openid=OPENID'

WeChat also calls. Be a user who writes to the account: the simulated WeChat pushes that, encrypted,
to %[3]s; wxproxy passes it in the clear to a small
program of the demo's, and encrypts what that answers.

  curl -d 'hello' %[4]s/say

  curl %[2]s/status

The same as a page, which refreshes itself: %[2]s/

`

const wechatTextChinese = `
wxproxy demo：一个模拟的微信，前面是 wxproxy：%[1]s
在另一个终端粘贴下面的命令。它们都不带 access_token。

  curl '%[1]s/cgi-bin/user/info?openid=OPENID'
  curl -d '{"touser":"OPENID","msgtype":"text","text":{"content":"hello"}}' %[1]s/cgi-bin/message/custom/send

现在扮演那位绕过 wxproxy 刷新了同一个 token 的同事，然后再调用一次：
Wxproxy-Attempts 显示 2，应答和之前一样正常。

  curl -d '{"grant_type":"client_credential","appid":"%[5]s","secret":"%[6]s","force_refresh":true}' %[4]s/cgi-bin/stable_token
  curl -i '%[1]s/cgi-bin/user/info?openid=OPENID'

微信也会来调用您。扮演一个给账号发消息的用户：模拟微信把消息加密推送到
%[3]s；wxproxy 以明文转给演示自带的
一个小程序，再把它的回复加密后交回。

  curl -d 'hello' %[4]s/say

  curl %[2]s/status

同样的内容有一个自动刷新的页面：%[2]s/

`

func (w *weChat) text() (english, chinese string, arguments []any) {
	return wechatText, wechatTextChinese, []any{wechatAppID, w.apps[0].Secret}
}
