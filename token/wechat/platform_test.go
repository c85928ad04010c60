package wechat

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/token"
)

// fetched are component tokens as a keeper has them: one that is refused is replaced by
// asking for another.
type fetched struct {
	c     *Component
	saas  *platformtest.Platform
	value string
	times int
}

func (f *fetched) Token(time.Duration) (string, error) {
	if f.value != "" {
		return f.value, nil
	}
	t, err := f.c.Token(context.Background(), secret.New(f.saas.Ticket()))
	f.value = t.Value.Reveal()
	f.times++
	return f.value, err
}

func (f *fetched) Replace(refused string, wait time.Duration) (string, error) {
	if refused == f.value {
		f.value = ""
	}
	return f.Token(wait)
}

// newSimulated returns a component of a simulated WeChat, which has made a ticket.
func newSimulated() (*Component, *platformtest.Platform, *fetched) {
	w := wechattest.New()
	saas := platformtest.Add(w, platformtest.Settings{AppID: componentAppID, Secret: componentSecret})
	saas.NewTicket()
	c := &Component{HTTP: &http.Client{Transport: w}, URL: "https://api.weixin.qq.com", AppID: componentAppID,
		Secret: func() (secret.Secret, error) { return secret.New(componentSecret), nil }}
	f := &fetched{c: c, saas: saas}
	c.Tokens = f
	return c, saas, f
}

// refusedWith returns the errcode of a refusal; 0: it is none.
func refusedWith(err error) int {
	if refusal := new(token.Refusal); errors.As(err, &refusal) {
		return refusal.Code
	}
	return 0
}

func TestAPlatformGetsWhatItAsksTheSimulatedWeChatFor(t *testing.T) {
	const shop = "wx1111111111111111"
	c, saas, tokens := newSimulated()
	ctx := t.Context()
	if err := c.StartTicketPush(ctx); err != nil {
		t.Errorf("StartTicketPush: %v", err)
	}
	code, life, err := c.PreAuthCode(ctx)
	if err != nil || code.Empty() || life != 30*time.Minute {
		t.Errorf("PreAuthCode: got a life of %v and %v; want half an hour", life, err)
	}
	authorized := saas.Grant(shop)
	if refresh, err := c.Info(ctx, shop); err != nil || !refresh.Empty() {
		t.Errorf("Info before the code was redeemed: got %v; want no refresh token", err)
	}
	first, err := c.QueryAuth(ctx, secret.New(authorized.Code))
	if err != nil || first.AppID != shop || first.Token.Value.Empty() || first.Refresh.Reveal() != saas.RefreshToken(shop) {
		t.Errorf("QueryAuth: got %+v and %v", first, err)
	}
	saas.Change(func(s *platformtest.Settings) { s.Rotate = true })
	saas.RevokeTokens(componentAppID)
	second, err := c.AuthorizerToken(ctx, shop, first.Refresh)
	if err != nil || second.Refresh.Reveal() == first.Refresh.Reveal() || second.Token.Value.Reveal() != saas.Tokens(shop)[1] {
		t.Errorf("AuthorizerToken: got %+v and %v; want another refresh token", second, err)
	}
	if tokens.times != 2 {
		t.Errorf("got %d component tokens; want 2, as one was revoked", tokens.times)
	}
	all, total, err := c.List(ctx, 0, MaxList)
	if err != nil || total != 1 || len(all) != 1 || all[0].Refresh.Reveal() != second.Refresh.Reveal() || all[0].AuthorizedAt.IsZero() {
		t.Errorf("List: got %+v, %d and %v", all, total, err)
	}
	if refresh, err := c.Info(ctx, shop); err != nil || refresh.Reveal() != second.Refresh.Reveal() {
		t.Errorf("Info: got another refresh token, and %v", err)
	}
	if doubled := saas.Counts(); doubled.QueryAuths != 1 || doubled.RefusedQueryAuths != 0 || doubled.Refreshes != 1 {
		t.Errorf("got %+v; want one code redeemed, and one refresh", doubled)
	}
}

func TestAPlatformIsRefusedByTheSimulatedWeChatForItsReasons(t *testing.T) {
	const shop = "wx1111111111111111"
	c, saas, tokens := newSimulated()
	ctx := t.Context()
	spent := saas.Grant(shop)
	grant, err := c.QueryAuth(ctx, secret.New(spent.Code))
	if err != nil {
		t.Fatal(err)
	}
	ask := map[string]struct {
		call func() error
		want int
	}{
		"a spent code": {func() error {
			_, err := c.QueryAuth(ctx, secret.New(spent.Code))
			return err
		}, 61009},
		"an unknown ticket": {func() error {
			_, err := c.Token(ctx, secret.New("ticket@@@x"))
			return err
		}, 61006},
		"another account's refresh token": {func() error {
			_, err := c.AuthorizerToken(ctx, shop, secret.New("refreshtoken@@@x"))
			return err
		}, 61023},
		"an account that has not authorized": {func() error {
			_, err := c.AuthorizerToken(ctx, "wx2222222222222222", grant.Refresh)
			return err
		}, 61003},
		"an account's token": {func() error {
			tokens.value = saas.Tokens(shop)[0]
			_, _, err := c.List(ctx, 0, 1)
			tokens.value = ""
			return err
		}, 61014},
	}
	for name, row := range ask {
		if err := row.call(); refusedWith(err) != row.want {
			t.Errorf("%s: got %v; want %d", name, err, row.want)
		}
	}
	saas.Change(func(s *platformtest.Settings) { s.AllowIPs = []string{"203.0.113.7"} })
	if _, _, err := c.PreAuthCode(ctx); refusedWith(err) != 61004 {
		t.Errorf("from an address that is not allowed: got %v; want 61004", err)
	}
}
