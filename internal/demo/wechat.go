package demo

import (
	"context"
	"crypto/rand"
	"net/http"

	"wxproxy/config"
	"wxproxy/internal/wechattest"
)

// wechatAppID is the app_id of the demo's account.
const wechatAppID = "wxdemo0123456789ab"

// weChat is a simulated WeChat with one account.
type weChat struct {
	*wechattest.WeChat
	url, secret string
	callback    wechattest.Callback // without its URL
}

// newWeChat returns a WeChat that pushes with keys.
func newWeChat(keys pushKeys) *weChat {
	w := &weChat{WeChat: wechattest.New(), secret: rand.Text()}
	w.AddApp(wechattest.App{ID: wechatAppID, Secret: w.secret})
	w.callback = wechattest.Callback{AppID: wechatAppID, Token: keys.token, AESKey: keys.aesKey, Mode: wechattest.Safe}
	return w
}

func (w *weChat) name() string { return "WeChat" }

func (w *weChat) start(wrap func(http.Handler) http.Handler) (stop func(), err error) {
	s, err := w.StartAt(ownAddress, func(s *http.Server) { s.Handler = wrap(s.Handler) })
	if err != nil {
		return nil, err
	}
	w.url = s.URL
	return s.Close, nil
}

// load reads the variables that a user without a file would set.
func (w *weChat) load(set map[string]string) (*config.Config, error) {
	set["WXPROXY_APP_ID"], set["WXPROXY_SECRET"], set["WXPROXY_UPSTREAM_URL"] = wechatAppID, w.secret, w.url
	return config.Load("", lookup(set))
}

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

Ctrl-C ends the demo.

`

func (w *weChat) text() (format string, arguments []any) {
	return wechatText, []any{w.url, wechatAppID, w.secret}
}
