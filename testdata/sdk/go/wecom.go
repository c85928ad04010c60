package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/ArtisanCloud/PowerLibs/v3/cache"
	"github.com/ArtisanCloud/PowerWeChat/v3/src/work"
	"github.com/ArtisanCloud/PowerWeChat/v3/src/work/message/request"
	silencecache "github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/util"
	silencework "github.com/silenceper/wechat/v2/work"
	workconfig "github.com/silenceper/wechat/v2/work/config"
	"github.com/silenceper/wechat/v2/work/message"
	"github.com/xen0n/go-workwx"
)

// An agent is an application of a corp at WeCom.
type agent struct {
	corp, secret string
	id           int
}

// file is as large as an upload may be, with bytes that no text has.
func file() []byte { return bytes.Repeat([]byte("\x00\xff\x89-\n"), 4<<20) }

// wecom makes the calls that people make most with a Go SDK for WeCom:
//
//	sdk wecom go-workwx|silenceper|powerwechat|fastwego|go-wecom BASE CORPID SECRET AGENTID
func wecom(sdk string, base *url.URL, corp, secret, agentID string) []call {
	id, err := strconv.Atoi(agentID)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	a := agent{corp, secret, id}
	switch sdk {
	case "go-workwx":
		return goWorkwx(base, a)
	case "silenceper":
		return silenceperWork(base, a)
	case "fastwego":
		return fastwegoWork(base, a)
	case "go-wecom":
		return goWecom(base, a)
	default:
		return powerWeChatWork(base, a)
	}
}

// goWorkwx does so with github.com/xen0n/go-workwx, which takes the scheme and the host of
// a base URL alone, and never tries again.
func goWorkwx(base *url.URL, a agent) []call {
	app := workwx.New(a.corp, workwx.WithQYAPIHost(base.String())).WithApp(a.secret, int64(a.id))
	return []call{
		{"user", func() error {
			u, err := app.GetUser("zhangsan")
			return expect(err, u != nil && u.UserID == "zhangsan")
		}},
		{"message", func() error {
			return app.SendTextMessage(&workwx.Recipient{UserIDs: []string{"zhangsan"}}, "你好", false)
		}},
		{"media upload", func() error {
			media, err := workwx.NewMediaFromBuffer("a.bin", file())
			if err != nil {
				return err
			}
			m, err := app.UploadTempFileMedia(media)
			return expect(err, m != nil && m.MediaID != "")
		}},
		{"corp's ticket", func() error {
			t, err := app.GetJSAPITicket()
			return expect(err, t != "")
		}},
		{"application's ticket", func() error {
			t, err := app.GetJSAPITicketAgentConfig()
			return expect(err, t != "")
		}},
		{"user once more", func() error {
			u, err := app.GetUser("lisi")
			return expect(err, u != nil && u.UserID == "lisi")
		}},
	}
}

// silenceperWork does so with github.com/silenceper/wechat, which has no base URL for WeCom.
func silenceperWork(base *url.URL, a agent) []call {
	util.DefaultHTTPClient = &http.Client{Transport: redirected{host: "qyapi.weixin.qq.com", base: base}}
	app := silencework.NewWork(&workconfig.Config{CorpID: a.corp, CorpSecret: a.secret, AgentID: strconv.Itoa(a.id), Cache: silencecache.NewMemory()})
	mediaID := ""
	return []call{
		{"token", func() error {
			t, err := app.GetContext().GetAccessToken()
			return expect(err, t != "")
		}},
		{"user", func() error {
			u, err := app.GetAddressList().UserGet("zhangsan")
			return expect(err, u != nil && u.UserID == "zhangsan")
		}},
		{"message", func() error {
			sent, err := app.GetMessage().SendText(message.SendTextRequest{
				SendRequestCommon: &message.SendRequestCommon{ToUser: "zhangsan", AgentID: strconv.Itoa(a.id)},
				Text:              message.TextField{Content: "你好"},
			})
			return expect(err, sent != nil && sent.MsgID != "")
		}},
		{"media upload", func() error {
			m, err := app.GetMaterial().UploadTempFileFromReader("a.bin", "file", bytes.NewReader(file()))
			if m != nil {
				mediaID = m.MediaID
			}
			return expect(err, mediaID != "")
		}},
		{"media download", func() error {
			got, err := app.GetMaterial().GetTempFile(mediaID)
			return expect(err, bytes.Equal(got, file()))
		}},
		{"corp's ticket", func() error {
			c, err := app.JsSdk().GetConfig("https://shop.example/")
			return expect(err, c != nil && c.Signature != "")
		}},
		{"application's ticket", func() error {
			c, err := app.JsSdk().GetAgentConfig("https://shop.example/")
			return expect(err, c != nil && c.Signature != "")
		}},
	}
}

// powerWeChatWork does so with github.com/ArtisanCloud/PowerWeChat, which sends further
// parameters to gettoken and tries again by itself.
func powerWeChatWork(base *url.URL, a agent) []call {
	app, err := work.NewWork(&work.UserConfig{
		CorpID: a.corp, AgentID: a.id, Secret: a.secret,
		OAuth: work.OAuth{Callback: "https://shop.example/back"},
		Cache: cache.NewMemCache("sdk", 0, ""),
		Http:  work.Http{BaseURI: base.String(), Timeout: 60}, // with a slash at its end the corp's ticket has two; an upload of 20 MB takes long on a busy machine
		Log:   work.Log{Level: "error", File: "info.log", Error: "error.log"},
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	ctx := context.Background()
	return []call{
		{"token", func() error {
			t, err := app.AccessToken.GetToken(ctx, false)
			return expect(err, t != nil && t.AccessToken != "")
		}},
		{"user", func() error {
			u, err := app.User.Get(ctx, "zhangsan")
			return expect(err, u != nil && u.UserID == "zhangsan")
		}},
		{"message", func() error {
			sent, err := app.Message.SendText(ctx, &request.RequestMessageSendText{
				RequestMessageSend: request.RequestMessageSend{ToUser: "zhangsan", MsgType: "text", AgentID: a.id},
				Text:               &request.RequestText{Content: "你好"},
			})
			return expect(err, sent != nil && sent.ErrCode == 0)
		}},
		{"media upload", func() error {
			if err := os.WriteFile("a.bin", file(), 0o600); err != nil {
				return err
			}
			m, err := app.Media.UploadTempFile(ctx, "a.bin", nil)
			return expect(err, m != nil && m.MediaID != "")
		}},
		{"corp's ticket", func() error {
			c, err := app.JSSDK.ConfigSignature(ctx, "https://shop.example/", "", 0)
			return expect(err, c != nil && (*c)["signature"] != "")
		}},
		{"application's ticket", func() error {
			t, err := app.JSSDK.GetTicket(ctx)
			return expect(err, t != nil && t.Ticket != "")
		}},
		{"agent", func() error {
			got, err := app.Agent.Get(ctx, a.id)
			return expect(err, got != nil && got.AgentID == a.id)
		}},
	}
}
