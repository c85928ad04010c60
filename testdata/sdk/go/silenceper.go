package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/credential"
	"github.com/silenceper/wechat/v2/miniprogram"
	miniconfig "github.com/silenceper/wechat/v2/miniprogram/config"
	"github.com/silenceper/wechat/v2/miniprogram/qrcode"
	"github.com/silenceper/wechat/v2/officialaccount"
	"github.com/silenceper/wechat/v2/officialaccount/basic"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/officialaccount/material"
	"github.com/silenceper/wechat/v2/officialaccount/menu"
	"github.com/silenceper/wechat/v2/officialaccount/message"
	"github.com/silenceper/wechat/v2/util"
)

// redirected sends what is for WeChat's API to the proxy instead. The SDK's other
// packages use the same client: WeChat Pay and WeCom stay where they are.
type redirected struct {
	base *url.URL
	next http.RoundTripper // nil: http.DefaultTransport
	host string            // empty: api.weixin.qq.com
}

func (r redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == cmp.Or(r.host, "api.weixin.qq.com") {
		req = req.Clone(req.Context())
		req.URL.Scheme, req.URL.Host, req.Host = r.base.Scheme, r.base.Host, ""
	}
	return cmp.Or(r.next, http.DefaultTransport).RoundTrip(req)
}

// others answers for hosts that are not WeChat's API and not the proxy.
type others struct{ next http.RoundTripper }

func (o others) RoundTrip(req *http.Request) (*http.Response, error) {
	answers := map[string]string{
		"qyapi.weixin.qq.com":   `{"errcode":0,"access_token":"of WeCom","expires_in":7200}`,
		"api.mch.weixin.qq.com": `<xml>of WeChat Pay</xml>`,
	}
	if answer, ok := answers[req.URL.Host]; ok {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer)), Request: req}, nil
	}
	return o.next.RoundTrip(req)
}

// silenceper makes the commonest calls with github.com/silenceper/wechat.
func silenceper(base *url.URL, appID, secret string) []call {
	util.DefaultHTTPClient = &http.Client{Transport: redirected{base: base}}
	http.DefaultTransport = others{http.DefaultTransport}
	tokens := cache.Cache(cache.NewMemory())
	if address := os.Getenv("SDK_REDIS"); address != "" {
		tokens = cache.NewRedis(context.Background(), &cache.RedisOpts{Host: address})
	}
	account := officialaccount.NewOfficialAccount(&config.Config{AppID: appID, AppSecret: secret, Cache: tokens})
	mini := miniprogram.NewMiniProgram(&miniconfig.Config{AppID: appID, AppSecret: secret, Cache: tokens})
	mediaID := ""
	return []call{
		{"user info", func() error {
			u, err := account.GetUser().GetUserInfo("OPENID")
			return expect(err, u != nil && u.OpenID == "OPENID")
		}},
		{"users", func() error {
			_, err := account.GetUser().ListUserOpenIDs()
			return err
		}},
		{"template message", func() error {
			id, err := account.GetTemplate().Send(&message.TemplateMessage{ToUser: "OPENID", TemplateID: "T",
				Data: map[string]*message.TemplateDataItem{"a": {Value: "模板"}}})
			return expect(err, id != 0)
		}},
		{"customer-service message", func() error {
			return account.GetCustomerMessageManager().Send(message.NewCustomerTextMessage("OPENID", "你好"))
		}},
		{"media upload", func() error {
			m, err := account.GetMaterial().MediaUploadFromReader(material.MediaTypeImage, "a.png", bytes.NewReader(picture()))
			mediaID = m.MediaID
			return expect(err, mediaID != "")
		}},
		{"media download", func() error {
			address, err := account.GetMaterial().GetMediaURL(mediaID)
			if err != nil {
				return err
			}
			resp, err := util.DefaultHTTPClient.Get(address)
			if err != nil {
				return errors.New("the download failed")
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			return expect(err, bytes.Equal(body, picture()))
		}},
		{"mini-program code", func() error {
			image, err := mini.GetQRCode().GetWXACodeUnlimit(qrcode.QRCoder{Scene: "a=b", Page: "pages/index"})
			return expect(err, len(image) > 0)
		}},
		{"QR code", func() error {
			t, err := account.GetBasic().GetQRTicket(basic.NewTmpQrRequest(60, "scene"))
			return expect(err, t != nil && t.Ticket != "")
		}},
		{"menu", func() error {
			b := new(menu.Button)
			if err := account.GetMenu().SetMenu([]*menu.Button{b.SetClickButton("今日歌曲", "K")}); err != nil {
				return err
			}
			m, err := account.GetMenu().GetMenu()
			return expect(err, len(m.Menu.Button) == 1)
		}},
		{"jsapi ticket", func() error {
			c, err := account.GetJs().GetConfig("https://shop.example/")
			return expect(err, c != nil && c.Signature != "")
		}},
		{"callback IPs", func() error {
			ips, err := account.GetBasic().GetCallbackIP()
			return expect(err, len(ips) > 0)
		}},
		{"WeCom stays", func() error {
			token, err := credential.NewWorkAccessToken("corp", "corpsecret", "", "", tokens).GetAccessToken()
			return expect(err, token == "of WeCom")
		}},
		{"WeChat Pay stays", func() error {
			answer, err := util.PostXML("https://api.mch.weixin.qq.com/pay/unifiedorder", "an order")
			return expect(err, string(answer) == "<xml>of WeChat Pay</xml>")
		}},
	}
}

func expect(err error, ok bool) error {
	if err == nil && !ok {
		return fmt.Errorf("got another answer than WeChat's")
	}
	return err
}
