package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/ArtisanCloud/PowerLibs/v3/cache"
	"github.com/ArtisanCloud/PowerWeChat/v3/src/kernel"
	"github.com/ArtisanCloud/PowerWeChat/v3/src/openPlatform"
	silencecache "github.com/silenceper/wechat/v2/cache"
	silenceplatform "github.com/silenceper/wechat/v2/openplatform"
	"github.com/silenceper/wechat/v2/openplatform/config"
	"github.com/silenceper/wechat/v2/util"

	"github.com/silenceper/wechat/v2/officialaccount/message"
)

// An authorization is what a program is told when an account authorizes its platform.
type authorization struct {
	component, secret, ticket string
	authorizer, code          string // no code: an earlier run has shown it
}

// keep keeps the refresh token that a code has yielded for the next run.
func (authorization) keep(refresh string) error {
	return os.WriteFile("refresh-token", []byte(refresh), 0o600)
}

// kept returns the refresh token that an earlier run has kept.
func (authorization) kept() (string, error) {
	text, err := os.ReadFile("refresh-token")
	return string(text), err
}

// platform manages the tokens of a third-party platform with a Go SDK, as its manual says:
//
//	sdk platform silenceper|powerwechat BASE COMPONENT SECRET TICKET APPID CODE
func platform(sdk string, base *url.URL, a authorization) []call {
	if sdk == "powerwechat" {
		return powerWeChat(base, a)
	}
	return silenceperPlatform(base, a)
}

// silenceperPlatform does so with github.com/silenceper/wechat.
func silenceperPlatform(base *url.URL, a authorization) []call {
	util.DefaultHTTPClient = &http.Client{Transport: redirected{base: base}}
	tokens := silencecache.Cache(silencecache.NewMemory())
	if address := os.Getenv("SDK_REDIS"); address != "" {
		tokens = silencecache.NewRedis(context.Background(), &silencecache.RedisOpts{Host: address})
	}
	saas := silenceplatform.NewOpenPlatform(&config.Config{AppID: a.component, AppSecret: a.secret, Token: "token", Cache: tokens})
	shop, refresh := saas.GetOfficialAccount(a.authorizer), ""
	return []call{
		{"component token", func() error {
			if _, err := saas.GetComponentAccessToken(); err == nil {
				return nil
			}
			t, err := saas.SetComponentAccessToken(context.Background(), a.ticket)
			return expect(err, t != nil && t.AccessToken != "")
		}},
		{"authorization page", func() error {
			page, err := saas.GetComponentLoginPage("https://saas.example/back", 3, "")
			return expect(err, len(page) > 150)
		}},
		{"authorization code", func() (err error) {
			if a.code == "" {
				refresh, err = a.kept()
				return err
			}
			info, err := saas.QueryAuthCode(a.code)
			if err != nil || info == nil || info.Appid != a.authorizer || info.AccessToken == "" || info.RefreshToken == "" {
				return fmt.Errorf("got %v and no tokens", err)
			}
			refresh = info.RefreshToken
			return a.keep(refresh)
		}},
		{"refresh", func() error {
			if a.code == "" { // the SDK does so when its token has expired
				t, err := saas.GetAuthrAccessToken(a.authorizer)
				return expect(err, t != "")
			}
			t, err := saas.RefreshAuthrToken(a.authorizer, refresh)
			return expect(err, t != nil && t.AccessToken != "" && t.RefreshToken != "")
		}},
		{"account's data", func() error {
			account, info, err := saas.GetAuthrInfo(a.authorizer)
			return expect(err, account != nil && account.NickName != "" && info.Appid == a.authorizer)
		}},
		{"user info", func() error {
			u, err := shop.GetUser().GetUserInfo("OPENID")
			return expect(err, u != nil && u.OpenID == "OPENID")
		}},
		{"customer-service message", func() error {
			return shop.GetCustomerMessageManager().Send(message.NewCustomerTextMessage("OPENID", "你好"))
		}},
		{"jsapi ticket", func() error {
			c, err := shop.PlatformJs().GetConfig("https://shop.example/", a.authorizer)
			return expect(err, c != nil && c.Signature != "")
		}},
		{"refresh again", func() error {
			t, err := saas.RefreshAuthrToken(a.authorizer, refresh)
			return expect(err, t != nil && t.AccessToken != "" && t.RefreshToken != "")
		}},
		{"callback IPs", func() error {
			ips, err := shop.GetBasic().GetCallbackIP()
			return expect(err, len(ips) > 0)
		}},
	}
}

// powerWeChat does so with github.com/ArtisanCloud/PowerWeChat.
func powerWeChat(base *url.URL, a authorization) []call {
	http.DefaultTransport = redirected{base: base, next: http.DefaultTransport} // an account's client has no base URL of its own
	tokens := cache.CacheInterface(cache.NewMemCache("sdk", 0, ""))
	if address := os.Getenv("SDK_REDIS"); address != "" {
		tokens = kernel.NewRedisClient(&kernel.UniversalOptions{Addrs: []string{address}})
	}
	saas, err := openPlatform.NewOpenPlatform(&openPlatform.UserConfig{
		AppID: a.component, Secret: a.secret, Token: "token", AESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
		Cache: tokens,
		Http:  openPlatform.Http{BaseURI: base.String() + "/"},
		Log:   openPlatform.Log{Level: "error", File: "info.log", Error: "error.log"},
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	ctx, refresh := context.Background(), ""
	return []call{
		{"ticket", func() error { return saas.VerifyTicket.SetTicket(a.ticket) }},
		{"component token", func() error {
			t, err := saas.AccessToken.GetToken(ctx, false)
			return expect(err, t != nil && t.ComponentAccessToken != "")
		}},
		{"pre-authorization code", func() error {
			code, err := saas.Base.CreatePreAuthorizationCode(ctx)
			return expect(err, code != nil && code.PreAuthCode != "")
		}},
		{"authorization code", func() (err error) {
			if a.code == "" {
				refresh, err = a.kept()
				return err
			}
			got, err := saas.Base.HandleAuthorize(ctx, a.code)
			if err != nil || got.AuthorizationInfo == nil {
				return fmt.Errorf("got %v and no authorization_info", err)
			}
			refresh = got.AuthorizationInfo.AuthorizerRefreshToken
			if err := a.keep(refresh); err != nil {
				return err
			}
			return expect(nil, got.AuthorizationInfo.AuthorizerAppid == a.authorizer && refresh != "")
		}},
		{"account's data", func() error {
			got, err := saas.Base.GetAuthorizer(ctx, a.authorizer)
			return expect(err, got != nil && got.AuthorizerInfo != nil)
		}},
		{"list", func() error {
			got, err := saas.Base.GetAuthorizers(ctx, 0, 100)
			return expect(err, got != nil && got.TotalCount == 1 && len(got.List) == 1)
		}},
		{"refresh", func() error {
			shop, err := saas.OfficialAccount(a.authorizer, refresh, nil)
			if err != nil {
				return err
			}
			t, err := shop.AccessToken.GetToken(ctx, a.code != "")
			return expect(err, t != nil && t.AuthorizerAccessToken != "" && (a.code == "" || t.AuthorizerRefreshToken != ""))
		}},
		{"template list", func() error {
			_, err := saas.CodeTemplate.List(ctx)
			return err
		}},
		{"callback IPs", func() error {
			shop, err := saas.OfficialAccount(a.authorizer, refresh, nil)
			if err != nil {
				return err
			}
			got, err := shop.Base.GetCallbackIP(ctx)
			return expect(err, got != nil && len(got.IPList) > 0)
		}},
	}
}
