package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/fastwego/offiaccount"
	"github.com/fastwego/offiaccount/apis/account"
	"github.com/fastwego/offiaccount/apis/customservice"
	"github.com/fastwego/offiaccount/apis/material"
	"github.com/fastwego/offiaccount/apis/menu"
	"github.com/fastwego/offiaccount/apis/message/template"
	"github.com/fastwego/offiaccount/apis/oauth"
	"github.com/fastwego/offiaccount/apis/user"
	"github.com/fastwego/offiaccount/apis/util"
)

// fastwego makes the commonest calls with github.com/fastwego/offiaccount.
func fastwego(base *url.URL, appID, secret string) []call {
	offiaccount.WXServerUrl = base.String()
	sdk := offiaccount.New(offiaccount.Config{Appid: appID, Secret: secret})
	sdk.Logger = nil
	mediaID := ""
	// has calls f, and wants this in the answer.
	has := func(want string, f func() ([]byte, error)) func() error {
		return func() error {
			answer, err := f()
			return expect(err, bytes.Contains(answer, []byte(want)))
		}
	}
	return []call{
		{"user info", has(`"openid":"OPENID"`, func() ([]byte, error) {
			return user.GetUserInfo(sdk, url.Values{"openid": {"OPENID"}, "lang": {"zh_CN"}})
		})},
		{"users", has(`"total"`, func() ([]byte, error) { return user.Get(sdk, url.Values{"next_openid": {""}}) })},
		{"template message", has(`"errcode":0`, func() ([]byte, error) {
			return template.Send(sdk, []byte(`{"touser":"OPENID","template_id":"T","data":{"a":{"value":"模板"}}}`))
		})},
		{"customer-service message", has(`"errcode":0`, func() ([]byte, error) {
			return customservice.SendMessage(sdk, []byte("{\"touser\":\"OPENID\",\"msgtype\":\"text\",\"text\":{\"content\":\"你好\"}}\n"))
		})},
		{"media upload", func() error {
			file := filepath.Join(os.TempDir(), "a.png")
			if err := os.WriteFile(file, picture(), 0o600); err != nil {
				return err
			}
			answer, err := material.MediaUpload(sdk, file, url.Values{"type": {"image"}})
			_, rest, found := strings.Cut(string(answer), `"media_id":"`)
			mediaID, _, _ = strings.Cut(rest, `"`)
			return expect(err, found)
		}},
		{"media download", func() error { // the SDK takes every answer for JSON: its users fetch media with its token
			token, err := sdk.AccessToken.GetAccessTokenHandler(sdk)
			if err != nil {
				return err
			}
			resp, err := http.Get(base.String() + "/cgi-bin/media/get?access_token=" + token + "&media_id=" + mediaID)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			answer, err := io.ReadAll(resp.Body)
			return expect(err, bytes.Equal(answer, picture()))
		}},
		{"QR code", has(`"ticket"`, func() ([]byte, error) {
			return account.CreateQRCode(sdk, []byte(`{"expire_seconds":60,"action_name":"QR_STR_SCENE","action_info":{"scene":{"scene_str":"test"}}}`))
		})},
		{"new menu", has(`"errcode":0`, func() ([]byte, error) {
			return menu.Create(sdk, []byte(`{"button":[{"type":"click","name":"今日歌曲","key":"K"}]}`))
		})},
		{"menu", has(`今日歌曲`, func() ([]byte, error) { return menu.Get(sdk) })},
		{"jsapi ticket", func() error {
			ticket, _, err := oauth.GetJSApiTicket(sdk)
			return expect(err, ticket != "")
		}},
		{"other hosts stay", func() error {
			return expect(nil, strings.HasPrefix(oauth.GetAuthorizeUrl(appID, "https://shop.example/", "snsapi_base", "s"), "https://open.weixin.qq.com/"))
		}},
		{"callback IPs", has(`"ip_list"`, func() ([]byte, error) { return util.GetCallbackIp(sdk) })},
	}
}
