package platforms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/platform/event"
	"wxproxy/proxy"
	"wxproxy/token"
	"wxproxy/token/store"
)

const (
	saasID, saasSecret = "wxaaaaaaaaaaaaaaaa", "canary-component-secret"
	shop               = "wx1111111111111111"
)

// started returns a platform that all have taken once, which has a ticket, and WeChat's side
// of it.
func started(t *testing.T, all *All) (*Running, *platformtest.Platform, platform.Options) {
	t.Helper()
	w := wechattest.New()
	saas := platformtest.Add(w, platformtest.Settings{AppID: saasID, Secret: saasSecret})
	o := platform.Options{Name: "saas", AppID: saasID, HTTP: &http.Client{Transport: w}, URL: "https://api.weixin.qq.com", Store: store.NewMemory(), PublishCheck: true}
	r := all.Take(o)
	r.ReadSecretWith(func() (secret.Secret, error) { return secret.New(saasSecret), nil })
	r.Start()
	if _, err := r.Events(true).Event(t.Context(), event.Push{Body: saas.NewTicket().Content}); err != nil {
		t.Fatal(err)
	}
	return r, saas, o
}

func TestAPlatformRunsAsLongAsSomebodyNeedsIt(t *testing.T) {
	var all All
	r, _, o := started(t, &all)
	if again := all.Take(o); again != r {
		t.Error("got another platform; want the one that runs")
	}
	renamed := o
	renamed.Name = "mall"
	if again := all.Take(renamed); again != r {
		t.Error("got another platform for another name; want the one that runs, or both would act upon what the store has")
	}
	all.Drop(r)
	other := o
	other.AppID = "wxbbbbbbbbbbbbbbbb"
	another := all.Take(other)
	if another == r {
		t.Error("got the same platform for another app id")
	}
	all.DropAll([]*Running{r, another})
	if _, err := r.Component().Token(time.Second); err != nil {
		t.Errorf("needed still: got %v", err)
	}
	all.Drop(r)
	if _, err := r.Redeem(t.Context(), secret.New("code")); !errors.Is(err, token.ErrStopped) {
		t.Errorf("needed no more: got %v; want that it has stopped", err)
	}
	if next := all.Take(o); next == r {
		t.Error("got the platform that has stopped")
	} else {
		all.Drop(next)
	}
}

func TestTheProxyCallsForAnAccountThatAuthorized(t *testing.T) { synctest.Test(t, callForAnAccount) }

func callForAnAccount(t *testing.T) {
	var all All
	r, saas, _ := started(t, &all)
	defer all.Drop(r)
	p := r.ForProxy(proxy.Account{Name: "saas"})
	if _, isKnown := p.Authorizer(shop); isKnown {
		t.Error("got an account that nobody has heard of")
	}
	grant, err := p.Redeem(saas.Grant(shop).Code, time.Minute)
	const granted = `[{"funcscope_category":{"id":1}},{"funcscope_category":{"id":2}},{"funcscope_category":{"id":3}}]`
	if err != nil || grant.AppID != shop || string(grant.FuncInfo) != granted {
		t.Fatalf("got %+v, %v; want the account of the code, and what it granted", grant, err)
	}
	a, isKnown := p.Authorizer(shop)
	if !isKnown || a.Authorized() != nil {
		t.Fatalf("got known %t; want an account that is served", isKnown)
	}
	value, err := a.Tokens.Token(time.Minute)
	lent, life, lendErr := a.Lend(time.Minute)
	if err != nil || lendErr != nil || lent != value || life <= 0 || !contains(a.Known(nil), value) || a.IsDead(value) {
		t.Errorf("got %v, %v, life %v; want the token", err, lendErr, life)
	}
	if code, life, err := p.PreAuthCode(time.Minute); err != nil || code == "" || life <= 0 {
		t.Errorf("got %v for %v; want a pre_auth_code", err, life)
	}
	if own, err := p.Account.Tokens.Token(time.Minute); err != nil || own == "" || p.Account.Name != "saas" || p.Account.AppID != saasID {
		t.Errorf("the platform itself: got %v", err)
	}

	time.Sleep(time.Minute)
	if taken, err := r.Events(true).Event(t.Context(), event.Push{Body: saas.Revoke(shop).Content}); err != nil || taken != event.Kept {
		t.Fatal(taken, err)
	}
	_, err = a.Tokens.Token(time.Minute)
	for _, err := range []error{a.Authorized(), err} {
		var unauthorized interface{ NotAuthorized() bool }
		if !errors.As(err, &unauthorized) || !unauthorized.NotAuthorized() {
			t.Errorf("after the end: got %v; want that it is not authorized", err)
		}
	}
}

func contains(all []string, value string) bool {
	for _, one := range all {
		if one == value {
			return true
		}
	}
	return false
}

// The check is left to programs where the configuration says so, although the platform lives
// over reloads that change that.
func TestWeChatsCheckIsAnsweredIfItIsToBe(t *testing.T) {
	var all All
	r, _, _ := started(t, &all)
	defer all.Drop(r)
	text := []byte("<xml><ToUserName>a</ToUserName><FromUserName>b</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType><Content>TESTCOMPONENT_MSG_TYPE_TEXT</Content></xml>")
	test := platformtest.TestAccounts()[0]
	if reply, isCheck := r.Events(true).Check(test, text); !isCheck || len(reply) == 0 {
		t.Error("got no answer to WeChat's check")
	}
	if _, isCheck := r.Events(false).Check(test, text); isCheck {
		t.Error("got an answer; want that programs get it")
	}
}

func TestErrorsSayWhatTheCallerGets(t *testing.T) {
	refusal := &token.Refusal{Code: 61010, Reason: "code is expired"}
	for _, row := range []struct {
		name                string
		err                 error
		unauthorized, unfed bool
		errcode             int
		later               bool
	}{
		{"an account that has ended its authorization", &platform.NotAuthorized{State: token.Unauthorized}, true, false, 0, false},
		{"no ticket", fmt.Errorf("asking: %w", token.ErrNoTicket), false, true, 0, false},
		{"no ticket for the platform's token", &token.Unavailable{Cause: token.ErrNoTicket, Retry: time.Second}, false, true, 0, true},
		{"WeChat's refusal", fmt.Errorf("asking: %w", refusal), false, false, 61010, false},
		{"a refusal to issue the platform's token", &token.Unavailable{Cause: refusal, Retry: time.Second}, false, false, 0, true},
		{"no answer in time", context.DeadlineExceeded, false, false, 0, true},
		{"no good answer", errors.New("asking WeChat: EOF"), false, false, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			var told interface {
				NotAuthorized() bool
				NoTicket() bool
				RefusedCall() (int, string, bool)
			}
			var later interface{ RetryAfter() time.Duration }
			err := ofCall(row.err)
			if !errors.As(err, &told) || !errors.Is(err, row.err) {
				t.Fatalf("got %v; want a problem", err)
			}
			errcode, _, _ := told.RefusedCall()
			if told.NotAuthorized() != row.unauthorized || told.NoTicket() != row.unfed || errcode != row.errcode || errors.As(err, &later) != row.later {
				t.Errorf("got %v: %t, %t, %d; want %+v", err, told.NotAuthorized(), told.NoTicket(), errcode, row)
			}
		})
	}
	if inWords(nil) != nil || ofCall(nil) != nil {
		t.Error("got an error where there is none")
	}
}
