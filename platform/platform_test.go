package platform_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/platform/event"
	"wxproxy/token"
	"wxproxy/token/store"
)

const (
	component = "wxc0c0c0c0c0c0c0c0"
	appSecret = "canary-component-secret"
	shop      = "wx1111111111111111"
	cafe      = "wx2222222222222222"
)

// A world is WeChat with a platform, and what the platform's programs got.
type world struct {
	t      *testing.T
	wechat *wechattest.WeChat
	*platformtest.Platform
	store token.PlatformStore

	mu        sync.Mutex
	log       bytes.Buffer
	forwarded []platform.Push
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, wechat: wechattest.New(), store: store.NewMemory()}
	w.Platform = platformtest.Add(w.wechat, platformtest.Settings{AppID: component, Secret: appSecret, Malformed: true})
	return w
}

// Write takes the log.
func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(line)
}

func (w *world) forward(_ context.Context, p platform.Push) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forwarded = append(w.forwarded, p)
	return nil
}

// types returns what was forwarded of an account.
func (w *world) types(appID string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, p := range w.forwarded {
		if p.AppID == appID {
			all = append(all, p.Type)
		}
	}
	return strings.Join(all, " ")
}

// options are those of a platform in the world.
func (w *world) options() platform.Options {
	return platform.Options{
		Name: "saas", AppID: component, HTTP: &http.Client{Transport: w.wechat}, URL: "https://api.weixin.qq.com",
		Secret: func() (secret.Secret, error) { return secret.New(appSecret), nil },
		Store:  w.store, Forward: w.forward, PublishCheck: true, Log: slog.New(slog.NewTextHandler(w, nil)),
	}
}

// run starts a platform that has a ticket.
func (w *world) run(o platform.Options) *platform.Platform {
	p := platform.New(o)
	p.Start()
	w.t.Cleanup(p.Stop)
	w.push(p, w.NewTicket())
	return p
}

// push has a platform take an event, which it must keep.
func (w *world) push(p *platform.Platform, e platformtest.Event) platform.Taken {
	w.t.Helper()
	taken, err := p.Event(w.t.Context(), platform.Push{ID: "id", Received: time.Now(), ContentType: "text/xml", Body: e.Content})
	if err != nil {
		w.t.Fatalf("%s: %v", e.InfoType, err)
	}
	return taken
}

// served returns the token that the account is called with.
func served(p *platform.Platform, appID string) (string, error) {
	a, isKnown := p.Authorizer(appID)
	if !isKnown {
		return "", errors.New("unknown")
	}
	return a.Token(5 * time.Second)
}

// mustServe fails unless the account is called with the token that WeChat issued last.
func (w *world) mustServe(p *platform.Platform, appID string) {
	w.t.Helper()
	value, err := served(p, appID)
	good := w.Tokens(appID)
	if err != nil || len(good) == 0 || value != good[len(good)-1] {
		w.t.Errorf("%s: got %v of %d good tokens, %v; want the last", appID, value, len(good), err)
	}
}

func state(p *platform.Platform, appID string) string {
	a, isKnown := p.Authorizer(appID)
	if !isKnown {
		return "unknown"
	}
	return a.Status().State
}

func TestAnAuthorizationIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := platform.New(w.options())
		p.Start()
		t.Cleanup(p.Stop)
		synctest.Wait() // until the list is to be read as soon as it can be
		w.push(p, w.NewTicket())
		if w.Counts().ComponentTokens != 0 {
			t.Error("a component token was fetched because a ticket came")
		}
		if _, isKnown := p.Authorizer(shop); isKnown {
			t.Error("an account is known that nobody has heard of")
		}
		grant := w.Grant(shop)
		if taken := w.push(p, grant.Event); taken != platform.Kept {
			t.Errorf("got %v; want Kept", taken)
		}
		if taken := w.push(p, grant.Event); taken != platform.Repeated {
			t.Errorf("again: got %v; want Repeated", taken)
		}
		synctest.Wait()
		w.mustServe(p, shop)
		if got := w.types(shop); got != "info:authorized" {
			t.Errorf("got %q forwarded; want the event, once", got)
		}
		if taken := w.push(p, grant.Event); taken != platform.Repeated {
			t.Errorf("after it was acted upon: got %v; want Repeated", taken)
		}
		time.Sleep(3 * time.Hour)
		w.mustServe(p, shop)
		time.Sleep(11 * time.Minute)
		w.push(p, w.NewTicket())
		if c := w.Counts(); c.QueryAuths+c.RefusedQueryAuths != 1 || c.Refreshes == 0 || c.Refreshes > 3 || c.RefusedRefreshes > 0 {
			t.Errorf("got %+v; want one code redeemed, and a refresh or two", c)
		}
		for _, one := range append(w.Secrets(), appSecret) {
			if strings.Contains(w.log.String(), one) {
				t.Errorf("the log has a secret:\n%s", w.log.String())
			}
		}
		status := p.Status()
		if status.State != platform.StateReady || status.Authorizers[platform.StateReady] != 1 || !status.Loaded {
			t.Errorf("got %+v; want it ready", status)
		}
		total, page := p.Authorizers(0, 10, "")
		if total != 1 || page[0].AppID != shop || page[0].State != platform.StateReady || page[0].Expires.IsZero() || page[0].Authorized.Unix() != grant.Event.Created.Unix() {
			t.Errorf("got %d, %+v", total, page)
		}
	})
}

func TestUnauthorizedEndsServingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		first := w.Grant(shop)
		w.push(p, first.Event)
		synctest.Wait()
		w.mustServe(p, shop)
		time.Sleep(2 * time.Second)
		w.push(p, w.Revoke(shop))
		var why *platform.NotAuthorized
		if _, err := served(p, shop); !errors.As(err, &why) || why.State != token.Unauthorized || state(p, shop) != platform.StateUnauthorized {
			t.Errorf("got %v; want it unauthorized at once", err)
		}
		synctest.Wait()
		if got := w.types(shop); got != "info:authorized info:unauthorized" {
			t.Errorf("got %q forwarded", got)
		}
		time.Sleep(2 * time.Second)
		again := w.Grant(shop)
		w.push(p, again.Event)
		synctest.Wait()
		w.mustServe(p, shop)
	})
}

func TestOlderEventsNeverUndoNewerOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		first := w.Grant(shop)
		time.Sleep(2 * time.Second)
		ended := w.Revoke(shop)
		time.Sleep(2 * time.Second)
		second := w.Grant(shop)
		w.push(p, second.Event)
		synctest.Wait()
		w.push(p, ended)
		w.push(p, first.Event)
		synctest.Wait()
		w.mustServe(p, shop)
		if c := w.Counts(); c.QueryAuths+c.RefusedQueryAuths != 1 {
			t.Errorf("got %+v; want the old code left alone", c)
		}

		last := w.Grant(cafe)
		time.Sleep(2 * time.Second)
		w.push(p, w.Revoke(cafe))
		w.push(p, last.Event)
		synctest.Wait()
		if got := state(p, cafe); got != platform.StateUnauthorized || w.types(cafe) != "info:unauthorized info:authorized" {
			t.Errorf("got %s, %q; want it unauthorized, and both forwarded", got, w.types(cafe))
		}
	})
}

func TestInTheSameSecondTheListDecides(t *testing.T) {
	for _, isListed := range []bool{true, false} {
		t.Run(fmt.Sprint(isListed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := w.run(w.options())
				var ended, last platformtest.Event
				if isListed {
					w.push(p, w.Grant(shop).Event)
					synctest.Wait()
					time.Sleep(2 * time.Second)
					ended, last = w.Revoke(shop), w.Grant(shop).Event
				} else {
					last = w.Grant(shop).Event
					ended = w.Revoke(shop)
				}
				w.push(p, ended)
				w.push(p, last)
				synctest.Wait()
				time.Sleep(6 * time.Minute)
				if !isListed {
					if got := state(p, shop); got != platform.StateUnauthorized {
						t.Errorf("got %s; want it unauthorized", got)
					}
					return
				}
				w.mustServe(p, shop)
			})
		})
	}
}

func TestACodeWaitsForATicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.StopTickets()
		p := platform.New(w.options())
		p.Start()
		defer p.Stop()
		w.push(p, w.Grant(shop).Event)
		time.Sleep(59 * time.Second)
		if got := w.types(shop); got != "" {
			t.Errorf("got %q forwarded before a minute was over", got)
		}
		if got := p.Status(); got.State != platform.StateNoTicket || got.Problem.Remedy == "" || got.Waiting != 1 {
			t.Errorf("got %+v; want no ticket, in words", got)
		}
		if _, err := p.Component().Token(time.Second); !errors.Is(err, token.ErrNoTicket) {
			t.Errorf("got %v; want ErrNoTicket", err)
		}
		time.Sleep(2 * time.Second)
		if got := w.types(shop); got != "info:authorized" {
			t.Errorf("got %q forwarded after a minute", got)
		}
		time.Sleep(40 * time.Minute)
		if got := w.Counts().Starts; got < 3 || got > 5 {
			t.Errorf("WeChat was asked to push tickets %d times in 41 minutes; want once in ten", got)
		}
		w.push(p, w.NewTicket())
		synctest.Wait()
		w.mustServe(p, shop)
		if got := w.types(shop); got != "info:authorized" || state(p, shop) != platform.StateReady {
			t.Errorf("got %q forwarded, %s", got, state(p, shop))
		}
	})
}

func TestTheNewestTicketCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := w.NewTicket()
		time.Sleep(10 * time.Minute)
		p := w.run(w.options())
		if taken := w.push(p, first); taken != platform.Repeated {
			t.Errorf("an older ticket: got %v", taken)
		}
		if _, err := p.Component().Token(5 * time.Second); err != nil {
			t.Error(err)
		}
		if taken, err := p.Event(t.Context(), platform.Push{Body: bytes.Replace(w.NewTicket().Content, []byte(component), []byte("wxother"), 1)}); !errors.Is(err, platform.ErrForeign) {
			t.Errorf("got %v, %v; want ErrForeign", taken, err)
		}
		for range 10 {
			time.Sleep(10 * time.Minute)
			w.push(p, w.NewTicket())
		}
		if got := w.Counts().ComponentTokens; got != 1 {
			t.Errorf("%d component tokens in 100 minutes; want one", got)
		}
		if got := w.Counts().Starts; got > 1 {
			t.Errorf("WeChat was asked %d times to push tickets, though they came", got)
		}
	})
}

func TestAProgramShowsACodeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		grant := w.Grant(shop)
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				appID, err := p.Redeem(t.Context(), secret.New(grant.Code))
				if err != nil || appID != shop {
					t.Errorf("got %q, %v; want the shop", appID, err)
				}
			})
		}
		w.push(p, grant.Event)
		all.Wait()
		synctest.Wait()
		w.mustServe(p, shop)
		if c := w.Counts(); c.QueryAuths != 1 || c.RefusedQueryAuths != 0 {
			t.Errorf("got %+v; want the code redeemed once", c)
		}
		var refusal *token.Refusal
		if _, err := p.Redeem(t.Context(), secret.New("queryauthcode@@@no")); !errors.As(err, &refusal) || refusal.Code != 61009 {
			t.Errorf("got %v; want 61009", err)
		}
	})
}

func TestAProgramShowsACodeRightAfterTheMerchantEndedAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		w.push(p, w.Grant(shop).Event)
		synctest.Wait()
		time.Sleep(2 * time.Second)
		w.push(p, w.Revoke(shop))
		time.Sleep(2 * time.Second)
		again := w.Grant(shop)
		if _, err := p.Redeem(t.Context(), secret.New(again.Code)); err != nil {
			t.Fatal(err)
		}
		w.mustServe(p, shop)
		w.push(p, again.Event)
		synctest.Wait()
		w.mustServe(p, shop)
		if a, _ := p.Authorizer(shop); !a.Status().Authorized.Equal(again.Event.Created.Truncate(time.Second)) {
			t.Errorf("got %v; want the time of the event", a.Status().Authorized)
		}
	})
}

func TestProgramsGetAPlaceholderForATicket(t *testing.T) {
	w := newWorld(t)
	e := w.NewTicket()
	got := string(event.WithPlaceholder(e.Content))
	if !strings.Contains(got, event.PlaceholderTicket) || strings.Count(got, "ticket@@@") != 1 || event.WithPlaceholder(w.Grant(shop).Event.Content) != nil {
		t.Errorf("got %s", got)
	}
}

func TestACodeThatAnotherOneUsedIsRecovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		other := platform.New(func() platform.Options {
			o := w.options()
			o.Store = store.NewMemory()
			return o
		}())
		other.Start()
		defer other.Stop()
		w.push(other, w.NewTicket())
		grant := w.Grant(shop)
		if _, err := other.Redeem(t.Context(), secret.New(grant.Code)); err != nil {
			t.Fatal(err)
		}
		w.push(p, grant.Event)
		synctest.Wait()
		w.mustServe(p, shop)
	})
}

func TestLostRefreshTokensAreRecoveredOrNeedAuthorization(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		for _, appID := range []string{shop, cafe} {
			w.push(p, w.Grant(appID).Event)
		}
		synctest.Wait()
		w.ReplaceRefresh(shop)
		w.LoseRefresh(cafe)
		time.Sleep(3 * time.Hour)
		w.push(p, w.NewTicket())
		w.mustServe(p, shop)
		var why *platform.NotAuthorized
		_, err := served(p, cafe)
		if !errors.As(err, &why) || why.State != token.NeedsAuthorization || state(p, cafe) != platform.StateNeedsAuthorization || !strings.Contains(err.Error(), "重新授权") {
			t.Errorf("got %v, %s; want it to need authorization", err, state(p, cafe))
		}
		before := w.Counts()
		time.Sleep(10 * time.Hour)
		for range 20 {
			_, _ = served(p, cafe)
		}
		if after := w.Counts(); after.RefusedRefreshes != before.RefusedRefreshes || after.Infos != before.Infos {
			t.Errorf("got %+v; want WeChat left alone as in %+v", after, before)
		}
		w.push(p, w.Grant(cafe).Event)
		synctest.Wait()
		w.mustServe(p, cafe)
	})
}

func TestAnAccountThatWeChatDisownsIsNotEndedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		w.push(p, w.Grant(shop).Event)
		synctest.Wait()
		w.Disown(shop, true)
		time.Sleep(3 * time.Hour)
		w.push(p, w.NewTicket())
		_, err := served(p, shop)
		if err == nil || errors.Is(err, token.ErrNotAuthorized) || state(p, shop) != platform.StateFailing {
			t.Errorf("got %v, %s; want it failing", err, state(p, shop))
		}
		w.Disown(shop, false)
		time.Sleep(2 * time.Minute)
		w.mustServe(p, shop)
		if got := w.Counts().Lists; got > 5 {
			t.Errorf("the list was read %d times", got)
		}

		w.Revoke(shop) // and the event is lost
		time.Sleep(3 * time.Hour)
		w.push(p, w.NewTicket())
		if _, err := served(p, shop); !errors.Is(err, token.ErrNotAuthorized) || state(p, shop) != platform.StateUnauthorized {
			time.Sleep(10 * time.Minute)
			if _, err := served(p, shop); !errors.Is(err, token.ErrNotAuthorized) {
				t.Errorf("got %v, %s; want it unauthorized", err, state(p, shop))
			}
		}
	})
}

func TestTheListRestoresAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		for _, appID := range []string{shop, cafe} {
			w.push(p, w.Grant(appID).Event)
		}
		synctest.Wait()
		time.Sleep(2 * time.Hour)
		w.push(p, w.NewTicket())
		w.SpoilList(platformtest.ListFault{Without: []string{shop}, Extra: 3})
		if got, err := p.Recover(t.Context()); err == nil || got.Ended != 0 {
			t.Errorf("a list that breaks off: got %+v, %v", got, err)
		}
		w.SpoilList(platformtest.ListFault{Without: []string{shop}})
		if got, err := p.Recover(t.Context()); err != nil || got.Ended != 0 || got.Listed != 1 {
			t.Errorf("a list that contradicts WeChat: got %+v, %v", got, err)
		}
		w.SpoilList(platformtest.ListFault{})
		w.Revoke(cafe)
		if got, err := p.Recover(t.Context()); err != nil || got != (platform.Recovery{Listed: 1, Ended: 1}) {
			t.Errorf("got %+v, %v; want the cafe ended", got, err)
		}
		p.Stop()

		w.store = store.NewMemory() // as after a restart
		o := w.options()
		o.ReadsList = true
		q := w.run(o)
		time.Sleep(time.Minute)
		w.mustServe(q, shop)
		if got := state(q, cafe); got != "unknown" {
			t.Errorf("got %s; want the cafe unknown", got)
		}
	})
}

// An account that WeChat disowned everywhere for a while comes back, however little its list
// and its events agree about when the merchant authorized.
func TestWhatWeChatDisownedByMistakeComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		for _, appID := range []string{shop, cafe} {
			w.push(p, w.Grant(appID).Event)
		}
		synctest.Wait()
		time.Sleep(3 * time.Hour)
		w.push(p, w.NewTicket())
		w.SpoilList(platformtest.ListFault{Without: []string{shop, cafe}})
		w.Disown(shop, true)
		w.Disown(cafe, true)
		_, _ = served(p, cafe) // ended because its refresh token is refused
		if _, err := p.Recover(t.Context()); err != nil {
			t.Fatal(err) // and the shop because of the list
		}
		synctest.Wait()
		for _, appID := range []string{shop, cafe} {
			if got := state(p, appID); got != platform.StateUnauthorized {
				t.Errorf("%s: got %s; want it unauthorized", appID, got)
			}
		}

		w.SpoilList(platformtest.ListFault{Earlier: 2 * time.Second})
		w.Disown(shop, false)
		w.Disown(cafe, false)
		if got, err := p.Recover(t.Context()); err != nil || got.Restored != 2 {
			t.Errorf("got %+v, %v; want both restored", got, err)
		}
		time.Sleep(time.Minute)
		w.mustServe(p, shop)
		w.mustServe(p, cafe)
	})
}

// A list from before an authorization ended has a refresh token that is dead.
func TestAListFromBeforeAnEndGivesNoRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		w.push(p, w.Grant(shop).Event)
		synctest.Wait()
		time.Sleep(2 * time.Minute)
		if _, err := p.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.push(p, w.Revoke(shop))
		w.Grant(shop) // of which no event tells: there is a code alone
		a, _ := p.Authorizer(shop)
		if err := a.Reconsider(t.Context()); !errors.Is(err, token.ErrNotAuthorized) || state(p, shop) != platform.StateUnauthorized {
			t.Errorf("got %v, %s; want it unauthorized", err, state(p, shop))
		}
	})
}

func TestWeChatsCheckIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const checker = "wx570bc396a51b8ff8"
		w := newWorld(t)
		p := w.run(w.options())
		message := func(rest string) []byte {
			return []byte("<xml><ToUserName><![CDATA[gh_3c884a361561]]></ToUserName><FromUserName><![CDATA[o<user]]></FromUserName><CreateTime>1</CreateTime>" + rest + "</xml>")
		}
		for rest, want := range map[string]string{
			"<MsgType>event</MsgType><Event>LOCATION</Event>":                               "LOCATIONfrom_callback",
			"<MsgType>text</MsgType><Content>TESTCOMPONENT_MSG_TYPE_TEXT</Content>":         "TESTCOMPONENT_MSG_TYPE_TEXT_callback",
			"<MsgType>text</MsgType><Content><![CDATA[QUERY_AUTH_CODE:nothing]]></Content>": "",
		} {
			reply, isCheck := p.Check(checker, message(rest))
			if !isCheck || want == "" && len(reply) > 0 || !strings.Contains(string(reply), want) || want != "" && !strings.Contains(string(reply), "<ToUserName>o&lt;user</ToUserName>") {
				t.Errorf("%s: got %s, %v", rest, reply, isCheck)
			}
		}
		if _, isCheck := p.Check(checker, message("<MsgType>text</MsgType><Content>hello</Content>")); isCheck {
			t.Error("any text is taken for the check")
		}
		if _, isCheck := p.Check(shop, message("<MsgType>event</MsgType><Event>LOCATION</Event>")); isCheck {
			t.Error("any account is taken for the check's")
		}
		synctest.Wait()
		for _, spent := range []bool{false, true} {
			grant := w.Grant(checker)
			if spent {
				w.push(p, grant.Event)
				synctest.Wait()
			}
			if _, isCheck := p.Check(checker, message("<MsgType>text</MsgType><Content>QUERY_AUTH_CODE:"+grant.Code+"</Content>")); !isCheck {
				t.Error("the code is not taken for the check's")
			}
			time.Sleep(time.Minute)
			if sent := fmt.Sprintf("%s", w.wechat.Sent()); !strings.Contains(sent, grant.Code+"_from_api") {
				t.Errorf("spent %v: got %s", spent, sent)
			}
		}
	})
}

func TestTheAuthorizationPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		page, life, err := p.AuthorizeURL(t.Context(), platform.Authorization{RedirectURI: "https://saas.example/back?a=b&c=d", BizAppID: shop})
		if err != nil || life <= 0 || !strings.HasPrefix(page, "https://mp.weixin.qq.com/cgi-bin/componentloginpage?component_appid="+component+"&pre_auth_code=preauthcode%40%40%40") ||
			!strings.HasSuffix(page, "&redirect_uri=https%3A%2F%2Fsaas.example%2Fback%3Fa%3Db%26c%3Dd&auth_type=3&biz_appid="+shop) {
			t.Errorf("got %s, %v, %v", page, life, err)
		}
		page, _, err = p.AuthorizeURL(t.Context(), platform.Authorization{RedirectURI: "x", AuthType: "1", Mobile: true})
		if err != nil || !strings.HasPrefix(page, "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&component_appid=") || !strings.HasSuffix(page, "&auth_type=1#wechat_redirect") {
			t.Errorf("got %s, %v", page, err)
		}
	})
}
