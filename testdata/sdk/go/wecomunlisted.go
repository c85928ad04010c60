package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fastwego/wxwork/corporation"
	"github.com/fastwego/wxwork/corporation/apis/app"
	"github.com/fastwego/wxwork/corporation/apis/contact/user"
	"github.com/fastwego/wxwork/corporation/apis/material"
	"github.com/fastwego/wxwork/corporation/apis/message"
	gowecom "github.com/wenerme/go-wecom/wecom"
)

// fastwegoWork does so with github.com/fastwego/wxwork, which panics when a 40014 reaches
// it, uploads files of a length that it does not tell, and knows no tickets.
func fastwegoWork(base *url.URL, a agent) []call {
	corporation.WXServerUrl = base.String()
	corp := corporation.New(corporation.Config{Corpid: a.corp})
	corp.Logger = nil
	sdk := corp.NewApp(corporation.AppConfig{AgentId: strconv.Itoa(a.id), Secret: a.secret})
	// has calls f, and wants this in the answer.
	has := func(want string, f func() ([]byte, error)) func() error {
		return func() error {
			answer, err := f()
			return expect(err, bytes.Contains(answer, []byte(want)))
		}
	}
	return []call{
		{"token", func() error {
			t, err := corporation.GetAccessToken(sdk)
			return expect(err, t != "")
		}},
		{"user", has(`"userid":"zhangsan"`, func() ([]byte, error) { return user.Get(sdk, url.Values{"userid": {"zhangsan"}}) })},
		{"message", has(`"errcode":0`, func() ([]byte, error) {
			return message.Send(sdk, fmt.Appendf(nil, `{"touser":"zhangsan","msgtype":"text","agentid":%d,"text":{"content":"你好"}}`, a.id))
		})},
		{"media upload", has(`"media_id":"`, func() ([]byte, error) {
			name := filepath.Join(os.TempDir(), "a.bin")
			if err := os.WriteFile(name, file(), 0o600); err != nil {
				return nil, err
			}
			return material.Upload(sdk, name, url.Values{"type": {"file"}})
		})},
		{"corp's ticket", has(`"ticket":"`, func() ([]byte, error) { return sdk.Client.HTTPGet("/cgi-bin/get_jsapi_ticket") })},
		{"application's ticket", has(`"ticket":"`, func() ([]byte, error) { return sdk.Client.HTTPGet("/cgi-bin/ticket/get?type=agent_config") })},
		{"agent", has(`"agentid":`+strconv.Itoa(a.id), func() ([]byte, error) {
			return app.AgentGet(sdk, url.Values{"agentid": {strconv.Itoa(a.id)}})
		})},
	}
}

// goWecom does so with github.com/wenerme/go-wecom, which never tries again and leaves
// uploads to its users, who make them with its token.
func goWecom(base *url.URL, a agent) []call {
	sdk := gowecom.NewClient(gowecom.Conf{CorpID: a.corp, CorpSecret: a.secret, AgentID: a.id})
	sdk.Request.BaseURL = base.String()
	return []call{
		{"token", func() error {
			t, err := sdk.AccessToken()
			return expect(err, t != "")
		}},
		{"user", func() error {
			u, err := sdk.GetUser(&gowecom.GetUserRequest{UserID: "zhangsan"})
			return expect(err, u.UserID == "zhangsan")
		}},
		{"message", func() error {
			sent, err := sdk.SendMessage(&gowecom.SendMessageRequest{Touser: "zhangsan", Msgtype: "text", AgentID: a.id})
			return expect(err, sent.MsgID != "")
		}},
		{"media upload", func() error {
			t, err := sdk.AccessToken()
			if err != nil {
				return err
			}
			mediaID, err := upload(base.String()+"/cgi-bin/media/upload?type=file&access_token="+t, file())
			return expect(err, mediaID != "")
		}},
		{"corp's ticket", func() error {
			t, err := sdk.GetJsAPITicket()
			return expect(err, t.Ticket != "")
		}},
		{"application's ticket", func() error {
			t, err := sdk.GetAgentTicket()
			return expect(err, t.Ticket != "")
		}},
		{"addresses", func() error {
			got, err := sdk.GetAPIDomainIP()
			return expect(err, len(got.IPList) > 0)
		}},
	}
}

// upload uploads a file, and returns its media_id.
func upload(to string, content []byte) (string, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("media", "a.bin")
	if err != nil {
		return "", err
	}
	if _, err := part.Write(content); err != nil {
		return "", err
	}
	if err := form.Close(); err != nil {
		return "", err
	}
	resp, err := http.Post(to, form.FormDataContentType(), &body)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		MediaID string `json:"media_id"`
	}
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.MediaID, err
}
