package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"

	"wxproxy/config"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/wecomtest"
)

// What the demo's corp has.
const (
	corpID  = "wwdemo0123456789ab"
	crmID   = "1000002"
	shopID  = "1000003"
	robot   = "ROBOT"
	endPath = "/end" // at the simulated WeCom: the token of crm ends
)

// weCom is a simulated WeCom with two applications of a corp.
type weCom struct {
	*wecomtest.WeCom
	url       string
	crm, shop *wecomtest.Application
	callback  wecomtest.Callback // without its URL
}

// newWeCom returns a WeCom that pushes with keys.
func newWeCom(keys pushKeys) *weCom {
	w := &weCom{WeCom: wecomtest.New(wecomtest.Rules{})}
	w.crm = w.Add(wecomtest.App{CorpID: corpID, AgentID: crmID, Secret: newSecret()})
	w.shop = w.Add(wecomtest.App{CorpID: corpID, AgentID: shopID, Secret: newSecret()})
	w.AddRobot(robot)
	w.callback = wecomtest.Callback{CorpID: corpID, AgentID: crmID, Token: keys.token, AESKey: keys.aesKey}
	return w
}

func (w *weCom) name() string { return "WeCom" }

func (w *weCom) start(wrap func(http.Handler) http.Handler) (stop func(), err error) {
	s, err := w.StartAt(ownAddress, func(s *http.Server) { s.Handler = wrap(s.Handler) })
	if err != nil {
		return nil, err
	}
	w.url = s.URL
	return s.Close, nil
}

const wecomConfiguration = `
[upstream.wecom]
url = %q

[[account]]
kind     = "wecom"
name     = "crm"
corp_id  = %q
agent_id = %s
secret   = %q
default  = true

[[account]]
kind     = "wecom"
name     = "shop"
corp_id  = %q
agent_id = %s
secret   = %q
`

// load reads what a user would write into a file.
func (w *weCom) load(set map[string]string) (*config.Config, error) {
	text := fmt.Sprintf(wecomConfiguration, w.url, corpID, crmID, w.crm.Secret, corpID, shopID, w.shop.Secret)
	return config.Parse([]byte(text), lookup(set))
}

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
  curl -H 'Wxproxy-Account: shop' -d '{"touser":"zhangsan","msgtype":"text","agentid":%[7]s,"text":{"content":"hello"}}' %[1]s/cgi-bin/message/send

By WeCom's own name, as of a program on a machine whose hosts file leads here:

  curl -H 'Host: qyapi.weixin.qq.com' '%[1]s/cgi-bin/user/get?userid=zhangsan'

An SDK fetches a token itself. It gets one that is good at this proxy alone; its secret is a
client's key (here there are no clients: any will do), and behind a colon which application:

  curl '%[1]s/cgi-bin/gettoken?corpid=%[5]s&corpsecret=KEY:shop'
  curl '%[1]s/@crm/wxproxy/jsapi-signature?type=agent_config&url=https%%3A%%2F%%2Fcrm.example.com%%2F'
  curl -H 'Host: qyapi.weixin.qq.com' -d '{"msgtype":"text","text":{"content":"hello"}}' '%[1]s/cgi-bin/webhook/send?key=%[8]s'

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

Ctrl-C ends the demo.

`

func (w *weCom) text() (format string, arguments []any) {
	return wecomText, []any{w.url, corpID, crmID, shopID, robot}
}

// newSecret returns a secret that is as long as WeCom's: check remarks on others.
func newSecret() string {
	const length = 43
	return (rand.Text() + rand.Text())[:length]
}
