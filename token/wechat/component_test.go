package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/meanings"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

const componentAppID, componentSecret = "wxcomponent0000000", "canaryappsecret0123456789canary01"

// A script answers one request after the other, and notes them.
type script struct {
	answers []string
	err     error
	seen    []*http.Request
	bodies  []string
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	s.seen, s.bodies = append(s.seen, req), append(s.bodies, string(body))
	if s.err != nil {
		return nil, s.err
	}
	n := min(len(s.seen), len(s.answers)) - 1
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(s.answers[n])), Request: req}, nil
}

// handed are component tokens: the next one replaces a refused one.
type handed struct {
	value, next string
	replaced    []string
}

func (h *handed) Token(time.Duration) (string, error) { return h.value, nil }

func (h *handed) Replace(refused string, _ time.Duration) (string, error) {
	h.replaced = append(h.replaced, refused)
	if h.next != "" {
		h.value = h.next
	}
	return h.value, nil
}

func newComponent(answers ...string) (*Component, *script, *handed) {
	s, tokens := &script{answers: answers}, &handed{value: "component&token"}
	return &Component{
		HTTP: &http.Client{Transport: s}, URL: "https://api.weixin.qq.com", AppID: componentAppID,
		Secret: func() (secret.Secret, error) { return secret.New(componentSecret), nil }, Tokens: tokens,
	}, s, tokens
}

func TestAPlatformsQuestionsAreAsWeChatDocumentsThem(t *testing.T) {
	const grant = `"authorizer_appid":"wx1","authorizer_access_token":"t1","expires_in":"7200","authorizer_refresh_token":"refreshtoken@@@1"`
	for _, row := range []struct {
		name, answer string
		call         func(ctx context.Context, c *Component) (any, error)
		target, body string
		want         string
	}{
		{"component token", `{"component_access_token":"t","expires_in":7200}`, func(ctx context.Context, c *Component) (any, error) {
			got, err := c.Token(ctx, secret.New("ticket@@@1"))
			return told(got), err
		}, "api_component_token", `{"component_appid":"wxcomponent0000000","component_appsecret":"canaryappsecret0123456789canary01","component_verify_ticket":"ticket@@@1"}`, "t 2h0m0s"},
		{"tickets", `{"errcode":0,"errmsg":"in a normal state"}`, func(ctx context.Context, c *Component) (any, error) { return nil, c.StartTicketPush(ctx) },
			"api_start_push_ticket", `{"component_appid":"wxcomponent0000000","component_secret":"canaryappsecret0123456789canary01"}`, "<nil>"},
		{"code", `{"authorization_info":{` + grant + `,"func_info":[]}}`, func(ctx context.Context, c *Component) (any, error) {
			got, err := c.QueryAuth(ctx, secret.New("queryauthcode@@@<1>"))
			return toldGrant(got), err
		}, "api_query_auth?access_token=component%26token", `{"authorization_code":"queryauthcode@@@<1>","component_appid":"wxcomponent0000000"}`, "wx1 t1 2h0m0s refreshtoken@@@1"},
		{"code, without the wrapper", `{` + grant + `}`, func(ctx context.Context, c *Component) (any, error) {
			got, err := c.QueryAuth(ctx, secret.New("c"))
			return toldGrant(got), err
		}, "api_query_auth?access_token=component%26token", `{"authorization_code":"c","component_appid":"wxcomponent0000000"}`, "wx1 t1 2h0m0s refreshtoken@@@1"},
		{"code of an account without APIs", `{"authorization_info":{"authorizer_appid":"wx1"}}`, func(ctx context.Context, c *Component) (any, error) {
			got, err := c.QueryAuth(ctx, secret.New("c"))
			return got.AppID, err
		}, "api_query_auth?access_token=component%26token", `{"authorization_code":"c","component_appid":"wxcomponent0000000"}`, "wx1"},
		{"authorizer token", `{"authorizer_access_token":"t2","expires_in":7200,"authorizer_refresh_token":"refreshtoken@@@2"}`, func(ctx context.Context, c *Component) (any, error) {
			got, err := c.AuthorizerToken(ctx, "wx1", secret.New("refreshtoken@@@1"))
			return toldGrant(got), err
		}, "api_authorizer_token?access_token=component%26token",
			`{"authorizer_appid":"wx1","authorizer_refresh_token":"refreshtoken@@@1","component_appid":"wxcomponent0000000"}`, "wx1 t2 2h0m0s refreshtoken@@@2"},
		{"info", `{"authorizer_info":{"nick_name":"a` + "\x01" + `b"},"authorization_info":{"authorizer_appid":"wx1","authorizer_refresh_token":"refreshtoken@@@3"}}`,
			func(ctx context.Context, c *Component) (any, error) {
				got, err := c.Info(ctx, "wx1")
				return got.Reveal(), err
			}, "api_get_authorizer_info?access_token=component%26token", `{"authorizer_appid":"wx1","component_appid":"wxcomponent0000000"}`, "refreshtoken@@@3"},
		{"list", `{"total_count":33,"list":[{"authorizer_appid":"wx1","refresh_token":"refreshtoken@@@1","auth_time":1558000607},{"authorizer_appid":"wx2","auth_time":"0"}]}`,
			func(ctx context.Context, c *Component) (any, error) {
				all, total, err := c.List(ctx, 500, 1000)
				if err != nil {
					return nil, err
				}
				return strings.TrimSpace(fmt.Sprintln(total, len(all), all[0].AppID, all[0].Refresh.Reveal(), all[0].AuthorizedAt.Unix(), all[1].Refresh.Empty(), all[1].AuthorizedAt.IsZero())), nil
			}, "api_get_authorizer_list?access_token=component%26token", `{"component_appid":"wxcomponent0000000","count":500,"offset":500}`, "33 2 wx1 refreshtoken@@@1 1558000607 true true"},
		{"pre_auth_code", `{"pre_auth_code":"preauthcode@@@1","expires_in":1800}`, func(ctx context.Context, c *Component) (any, error) {
			code, life, err := c.PreAuthCode(ctx)
			return code.Reveal() + " " + life.String(), err
		}, "api_create_preauthcode?access_token=component%26token", `{"component_appid":"wxcomponent0000000"}`, "preauthcode@@@1 30m0s"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, s, _ := newComponent(row.answer)
			got, err := row.call(t.Context(), c)
			if err != nil || fmt.Sprint(got) != row.want {
				t.Errorf("got %v, %v; want %s", got, err, row.want)
			}
			req := s.seen[0]
			if target := req.Method + " " + req.URL.RequestURI(); target != "POST /cgi-bin/component/"+row.target || s.bodies[0] != row.body {
				t.Errorf("got %s with %s; want %s with %s", target, s.bodies[0], row.target, row.body)
			}
			if req.ContentLength != int64(len(row.body)) || req.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got the length %d and %s", req.ContentLength, req.Header.Get("Content-Type"))
			}
		})
	}
}

func told(t token.Token) string {
	return t.Value.Reveal() + " " + time.Until(t.Expires).Round(time.Minute).String()
}

func toldGrant(g token.Grant) string { return g.AppID + " " + told(g.Token) + " " + g.Refresh.Reveal() }

func TestAPlatformAsksOnceMoreWithAnotherToken(t *testing.T) {
	const refused, info = `{"errcode":%d,"errmsg":"no"}`, `{"authorization_info":{"authorizer_refresh_token":"r"}}`
	for _, row := range []struct {
		code      int
		next      string
		asked     int
		succeeded bool
	}{
		{40001, "other", 2, true}, {42001, "other", 2, true}, {42006, "other", 2, true}, {40094, "other", 2, true}, {40014, "other", 2, true},
		{40001, "", 1, false}, // WeChat stands by it
		{61003, "other", 1, false}, {48001, "other", 1, false},
	} {
		c, s, tokens := newComponent(fmt.Sprintf(refused, row.code), info)
		tokens.next = row.next
		_, err := c.Info(t.Context(), "wx1")
		refusal, isRefusal := errors.AsType[*token.Refusal](err)
		if (err == nil) != row.succeeded || err != nil && (!isRefusal || refusal.Code != row.code || refusal.API != "api_get_authorizer_info") || len(s.seen) != row.asked {
			t.Errorf("%d: got %v after %d calls; want success %v after %d", row.code, err, len(s.seen), row.succeeded, row.asked)
		}
		if row.asked == 2 && s.seen[1].URL.Query().Get("access_token") != "other" {
			t.Errorf("%d: got %s; want the other token", row.code, s.seen[1].URL)
		}
	}
}

// Nothing that was sent, and nothing that WeChat might repeat of it, is in an error.
func TestAPlatformsErrorsHoldNoSecret(t *testing.T) {
	const echo = `{"errcode":61023,"errmsg":"bad refreshtoken@@@canary component&token canaryappsecret0123456789canary01 ticket@@@canary queryauthcode@@@canary"}`
	calls := map[string]func(ctx context.Context, c *Component) error{
		"api_component_token": func(ctx context.Context, c *Component) error {
			_, err := c.Token(ctx, secret.New("ticket@@@canary"))
			return err
		},
		"api_start_push_ticket": func(ctx context.Context, c *Component) error { return c.StartTicketPush(ctx) },
		"api_authorizer_token": func(ctx context.Context, c *Component) error {
			_, err := c.AuthorizerToken(ctx, "wx1", secret.New("refreshtoken@@@canary"))
			return err
		},
		"api_query_auth": func(ctx context.Context, c *Component) error {
			_, err := c.QueryAuth(ctx, secret.New("queryauthcode@@@canary"))
			return err
		},
		"api_get_authorizer_list": func(ctx context.Context, c *Component) error {
			_, _, err := c.List(ctx, 0, 500)
			return err
		},
	}
	sent := map[string][]string{
		"api_component_token": {"ticket@@@canary", componentSecret}, "api_start_push_ticket": {componentSecret},
		"api_authorizer_token": {"refreshtoken@@@canary", "component&token"}, "api_query_auth": {"queryauthcode@@@canary", "component&token"},
		"api_get_authorizer_list": {"component&token"},
	}
	for api, call := range calls {
		for name, s := range map[string]*script{
			"a refusal":  {answers: []string{echo}},
			"no answer":  {err: errors.New("broken pipe while sending refreshtoken@@@canary component&token canaryappsecret0123456789canary01 ticket@@@canary queryauthcode@@@canary")},
			"no JSON":    {answers: []string{"<html>refreshtoken@@@canary"}},
			"nothing":    {answers: []string{" "}},
			"wrong JSON": {answers: []string{`{"list":"refreshtoken@@@canary","component_access_token":7,"errcode":"x"}`}},
		} {
			c, _, _ := newComponent()
			c.HTTP = &http.Client{Transport: s}
			err := call(t.Context(), c)
			if err == nil {
				t.Errorf("%s, %s: got success", api, name)
				continue
			}
			for _, value := range sent[api] {
				if text := fmt.Sprintf("%v %+v %#v", err, err, explain(err, apiAuthorizerToken)); strings.Contains(text, value) {
					t.Errorf("%s, %s: got %s", api, name, text)
				}
			}
			if name == "no answer" && !strings.Contains(err.Error(), "calling WeChat's "+api) {
				t.Errorf("got %v", err)
			}
		}
	}
}

func TestAPlatformsStrangeAnswersAreErrors(t *testing.T) {
	for _, answer := range []string{`{}`, `{"component_access_token":""}`, `{"component_access_token":"a b"}`, `[]`, `{"total_count":-1}`, `{"total_count":1e300}`} {
		c, _, _ := newComponent(answer)
		_, err1 := c.Token(t.Context(), secret.New("t"))
		_, err2 := c.AuthorizerToken(t.Context(), "wx1", secret.New("r"))
		_, err3 := c.QueryAuth(t.Context(), secret.New("c"))
		_, err4 := c.Info(t.Context(), "wx1")
		_, _, err5 := c.List(t.Context(), 0, 1)
		_, _, err6 := c.PreAuthCode(t.Context())
		for i, err := range []error{err1, err2, err3, err4, err5, err6} {
			if e := explain(err, apiAuthorizerToken); err == nil || e.Class != token.ClassTransient {
				t.Errorf("%s, call %d: got %v, %v; want an error that passes", answer, i+1, err, e.Class)
			}
		}
	}
}

func TestAPlatformsFailuresAreExplained(t *testing.T) {
	of := func(api string, code int, reason string) error {
		return &token.Refusal{API: api, Code: code, Reason: reason}
	}
	for _, row := range []struct {
		name, api  string // the Keeper's
		err        error
		class      token.Class
		en, zh     string // parts
		forOthers  bool
		noticeable int // errcode
	}{
		{"wrong secret", apiComponentToken, of("", 40001, ""), token.ClassConfiguration, "check that secret", "AppSecret", false, 40001},
		{"another program", apiAuthorizerToken, of(apiAuthorizerToken, 40001, ""), token.ClassTransient, "also fetches", "哪个程序", true, 40001},
		{"an old component token", apiAuthorizerToken, of(apiAuthorizerToken, 42006, ""), token.ClassTransient, "also fetches", "哪个程序", true, 42006},
		{"sporadic", apiComponentToken, of(apiComponentToken, 48001, ""), token.ClassTransient, "by itself", "自动重试", true, 48001},
		{"no permission", apiAuthorizerToken, of(apiAuthorizerInfo, 48001, ""), token.ClassConfiguration, "permission sets", "权限集", false, 48001},
		{"expired ticket", apiComponentToken, of("", 61005, ""), token.ClassTransient, "/push/NAME", "/push/NAME", false, 61005},
		{"wrong ticket", apiComponentToken, of("", 61006, ""), token.ClassTransient, "next one", "下一个", false, 61006},
		{"the IP", apiAuthorizerToken, of("", 61004, "access clientip is not registered requestIP: 203.0.113.7 rid: x"), token.ClassConfiguration, "put 203.0.113.7 on the platform's", "203.0.113.7", false, 61004},
		{"a bad refresh token", apiAuthorizerToken, of("", 61023, ""), token.ClassAccount, "authorize the platform again", "重新授权", true, 61023},
		{"not authorized", apiAuthorizerToken, of("", 61003, ""), token.ClassTransient, "list of authorizers", "授权方列表", true, 61003},
		{"a spent code", apiAuthorizerToken, of(apiQueryAuth, 61009, ""), token.ClassAccount, "used already", "已被使用", true, 61009},
		{"an old code", apiAuthorizerToken, of(apiQueryAuth, 61010, ""), token.ClassAccount, "expired", "过期", true, 61010},
		{"as of any account", apiAuthorizerToken, of("", 50002, ""), token.ClassAccount, "restricted", "限制", true, 50002},
		{"unknown", apiAuthorizerToken, of("", 99999, ""), token.ClassConfiguration, "third-party platforms", "第三方平台", false, 99999},
		{"no ticket", apiComponentToken, fmt.Errorf("x: %w", token.ErrNoTicket), token.ClassTransient, "/push/NAME", "/push/NAME", false, 0},
		{"ended", apiAuthorizerToken, fmt.Errorf("%w: unauthorized", token.ErrNotAuthorized), token.ClassAccount, "authorize", "授权", false, 0},
		{"a store that takes nothing", apiAuthorizerToken, fmt.Errorf("%w: %w", token.ErrUnstored, io.ErrUnexpectedEOF), token.ClassTransient, "token.store", "token.store", false, 0},
		{"a store that cannot be read", apiAuthorizerToken, fmt.Errorf("reading a stored token: %w", &fs.PathError{Op: "open", Path: "/x", Err: syscall.EIO}), token.ClassTransient, "token.store", "token.store", false, 0},
		{"many fetches", apiAuthorizerToken, token.ErrManyFetches, token.ClassQuota, "api_authorizer_token", "api_authorizer_token", false, 0},
		{"for want of the component's token", apiAuthorizerToken, &token.Unavailable{Cause: of("", 40001, ""), Why: explain(of("", 40001, ""), apiComponentToken)},
			token.ClassConfiguration, "check that secret", "AppSecret", false, 40001},
		{"a ticket of an authorizer", apiAuthorizerToken, &token.Refusal{Ticket: true, Code: 48001}, token.ClassConfiguration, "JS-SDK", "JS-SDK", false, 48001},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := explain(row.err, row.api)
			if e.Class != row.class || e.Code != row.noticeable || !strings.Contains(e.Remedy, row.en) || !strings.Contains(e.RemedyZH, row.zh) {
				t.Errorf("got %+v", e)
			}
			if refusal, ok := errors.AsType[*token.Refusal](row.err); ok && e.Code == refusal.Code && e.Local == row.forOthers {
				t.Errorf("got local %v", e.Local)
			}
		})
	}
	for _, api := range []string{apiComponentToken, apiStartPushTicket, apiQueryAuth, apiAuthorizerToken, apiAuthorizerInfo, apiAuthorizerList, apiPreAuthCode} {
		for row := range meanings.WeChat.All() {
			if e := explain(of(api, row.Code, ""), ""); e.Remedy == "" || e.RemedyZH == "" || e.Class == "" {
				t.Errorf("%s, %d: got %+v", api, row.Code, e)
			}
		}
	}
}

func TestIssuersOfAPlatformKnowWhatRefusesATokenAndASecret(t *testing.T) {
	for name, issuer := range map[string]*token.Issuer{"component": NewComponentIssuer(), "authorizer": NewAuthorizerIssuer()} {
		if issuer.Explain(&token.Refusal{Code: 61004}).Remedy == NewIssuer().Explain(&token.Refusal{Code: 61004}).Remedy {
			t.Errorf("%s: got the remedy of an account", name)
		}
	}
	if v := NewComponentIssuer().OfToken(42006); v != token.Dead {
		t.Errorf("got %v of 42006; want the component's token dead", v)
	}
	if v := NewAuthorizerIssuer().OfToken(42006); v == token.Dead {
		t.Error("42006 says nothing of an authorizer's token")
	}
	if v := NewAuthorizerIssuer().OfSecret(40001); v != token.Unclear {
		t.Errorf("got %v; an authorizer has no AppSecret", v)
	}
}

// Whatever keeps the platform from its token, accounts ask again soon when it has one.
func TestAnAccountsFailureForWantOfThePlatformsTokenPasses(t *testing.T) {
	refusal := &token.Refusal{Code: 40125}
	why := NewComponentIssuer().Explain(refusal)
	e := NewAuthorizerIssuer().Explain(&token.Unavailable{Cause: refusal, Why: why})
	if e.Class != token.ClassTransient || e.Code != 40125 || e.Remedy != why.Remedy || why.Class != token.ClassConfiguration {
		t.Errorf("got %+v of %+v; want the same words, and a class that passes", e, why)
	}
}

func FuzzComponentAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"authorization_info":{"authorizer_appid":"wx1","authorizer_access_token":"t","expires_in":"7200","authorizer_refresh_token":"r"}}`,
		`{"total_count":1,"list":[{"authorizer_appid":"wx1","refresh_token":"r","auth_time":1}]}`, `{"errcode":61003,"errmsg":"x"}`, "{\"errcode\":1e300}", "null", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := readComponentAnswer(body, question{api: apiQueryAuth})
		if (a == nil) == (err == nil) {
			t.Fatalf("got %v, %v", a, err)
		}
		if err != nil {
			return
		}
		if g, err := a.grant(time.Now()); err == nil && (g.Token.Value.Empty() || time.Until(g.Token.Expires) > token.LongestLife) {
			t.Errorf("got %+v", g)
		}
		if !json.Valid(asking.WithoutControls(body)) {
			t.Errorf("got an answer in %q", body)
		}
	})
}
