package platform_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/token"
)

const (
	refreshPath = "/cgi-bin/component/api_authorizer_token"
	infoPath    = "/cgi-bin/component/api_get_authorizer_info"
	listPath    = "/cgi-bin/component/api_get_authorizer_list"
	redeemPath  = "/cgi-bin/component/api_query_auth"
)

// replaced has WeChat refuse an account's token, and returns why there is no other.
func (w *world) replaced(p *platform.Platform, appID string) error {
	w.t.Helper()
	a, _ := p.Authorizer(appID)
	value, err := a.Token(5 * time.Second)
	if err != nil {
		return err
	}
	w.RevokeTokens(appID)
	_, err = a.Replace(value, time.Minute)
	return err
}

// A list that was read before an account authorized does not say that it has not: nobody is
// ended by it, and nobody is told to authorize again.
func TestAListFromBeforeAnAuthorizationSaysNothingOfIt(t *testing.T) {
	for _, row := range []struct {
		name string
		fail func(*world)
	}{
		{"61003", func(w *world) {
			w.wechat.Inject(wechattest.Fault{Path: refreshPath, Errcode: 61003})
			w.wechat.Inject(wechattest.Fault{Path: infoPath, Errcode: 61003})
		}},
		{"61023", func(w *world) { w.wechat.Inject(wechattest.Fault{Path: refreshPath, Errcode: 61023}) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := w.run(w.options())
				time.Sleep(time.Hour)
				w.push(p, w.NewTicket())
				if _, err := p.Recover(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				w.push(p, w.Grant(shop).Event)
				w.push(p, w.Grant(cafe).Event)
				synctest.Wait()
				w.mustServe(p, shop)
				w.mustServe(p, cafe)
				before := w.Counts().Lists
				time.Sleep(31 * time.Second)
				row.fail(w)
				w.wechat.Inject(wechattest.Fault{Path: listPath, Errcode: -1})
				for range 3 {
					for _, appID := range []string{shop, cafe} {
						if err := w.replaced(p, appID); err == nil || errors.Is(err, token.ErrNotAuthorized) || state(p, appID) != platform.StateFailing {
							t.Errorf("%s: got %v, %s; want it failing", appID, err, state(p, appID))
						}
					}
					time.Sleep(time.Minute)
				}
				if got := w.Counts().Lists - before; got > 1 {
					t.Errorf("the list was read %d times in three minutes; want once at most", got)
				}
			})
		})
	}
}

// Where the list that wxproxy has is too old for an account in doubt, it is read again, for
// all that are, and decides.
func TestTheListIsReadForAccountsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		time.Sleep(time.Hour)
		w.push(p, w.NewTicket())
		if _, err := p.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		w.push(p, w.Grant(shop).Event)
		w.push(p, w.Grant(cafe).Event)
		synctest.Wait()
		w.mustServe(p, shop)
		w.mustServe(p, cafe)
		before := w.Counts().Lists
		time.Sleep(31 * time.Second)
		w.Disown(shop, true) // but for the list
		if err := w.replaced(p, shop); err == nil || state(p, shop) != platform.StateFailing || !strings.Contains(err.Error(), "api_get_authorizer_list that it has") || !strings.Contains(err.Error(), "errcode 61003") {
			t.Errorf("listed: got %v, %s; want it failing, and who says what", err, state(p, shop))
		}
		w.SpoilList(platformtest.ListFault{Without: []string{cafe}})
		w.Disown(cafe, true)
		if err := w.replaced(p, cafe); err == nil || state(p, cafe) != platform.StateFailing {
			t.Errorf("listed a moment ago: got %v, %s; want it failing", err, state(p, cafe))
		}
		if got := w.Counts().Lists - before; got != 1 {
			t.Errorf("the list was read %d times; want once", got)
		}
		time.Sleep(6 * time.Minute)
		_, _ = served(p, cafe)
		if got := state(p, cafe); got != platform.StateUnauthorized {
			t.Errorf("got %s; want it unauthorized", got)
		}
	})
}

// In the same second the list decides, and not one from before.
func TestTheListOfTheSameSecondIsNotAnOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		time.Sleep(time.Hour)
		w.push(p, w.NewTicket())
		if _, err := p.Recover(t.Context()); err != nil { // without the shop
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		end := w.Grant(shop) // an authorization that has ended
		w.push(p, end.Event)
		synctest.Wait()
		ended := w.Revoke(shop)
		w.Grant(shop)    // and it authorized again, in the same second
		w.push(p, ended) // else the list could be read in between, when it rightly lacks the shop
		synctest.Wait()
		time.Sleep(time.Minute)
		if got := state(p, shop); got == platform.StateUnauthorized {
			t.Errorf("got %s by a list from before", got)
		}
	})
}

// The list is read for the first of two accounts that authorize and end that in the same
// second. The end of the other one waits for the next list, but programs for a minute alone.
func TestAnEndOfTheSameSecondWaitsForTheList(t *testing.T) {
	for _, row := range []struct {
		name       string
		isRedeemed bool // before the end
	}{{"a code that was redeemed", true}, {"a code that was not", false}} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := w.run(w.options())
				time.Sleep(time.Hour)
				w.push(p, w.NewTicket())
				for _, appID := range []string{shop, cafe} {
					authorized := w.Grant(appID).Event
					if row.isRedeemed {
						w.push(p, authorized)
						synctest.Wait()
						w.push(p, w.Revoke(appID))
					} else {
						ended := w.Revoke(appID)
						w.push(p, authorized)
						w.push(p, ended)
					}
					synctest.Wait()
				}
				const both = "info:authorized info:unauthorized"
				if got := w.types(shop); got != both {
					t.Errorf("the first: got %q forwarded; want %q at once", got, both)
				}
				time.Sleep(time.Minute + time.Second)
				if got := w.types(cafe); got != both {
					t.Errorf("the second: got %q forwarded after a minute; want %q", got, both)
				}
				time.Sleep(6 * time.Minute)
				for _, appID := range []string{shop, cafe} {
					if got := state(p, appID); got != platform.StateUnauthorized {
						t.Errorf("%s: got %s; want it unauthorized", appID, got)
					}
				}
			})
		})
	}
}

// What a code cannot be redeemed for is what callers, the list of authorizers and the status
// say, with WeChat's errcode and what to do about it.
func TestACodeThatWaitsSaysWhy(t *testing.T) {
	const quota, busy = 45009, -1
	for _, row := range []struct {
		name           string
		fault          wechattest.Fault
		code           int
		reason, remedy string
		unfed          bool
	}{
		{"the address", wechattest.Fault{Body: []byte(`{"errcode":61004,"errmsg":"access clientip is not registered requestIP: 203.0.113.7 rid: 1"}`)}, 61004, "errcode 61004", "203.0.113.7", false},
		{"the quota", wechattest.Fault{Errcode: quota}, quota, "errcode 45009", "midnight", false},
		{"busy", wechattest.Fault{Errcode: busy}, busy, "errcode -1", "", false},
		{"not JSON", wechattest.Fault{Body: []byte("<html>Bad gateway</html>")}, 0, "not the JSON", "upstream.url", false},
		{"no ticket", wechattest.Fault{}, 0, "no usable component_verify_ticket", "/push/saas", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := platform.New(w.options())
				p.Start()
				t.Cleanup(p.Stop)
				synctest.Wait()
				clear := func() {}
				if !row.unfed {
					w.push(p, w.NewTicket())
					synctest.Wait()
					row.fault.Path = redeemPath
					clear = w.wechat.Inject(row.fault)
				}
				w.push(p, w.Grant(shop).Event)
				time.Sleep(2 * time.Second)
				_, err := served(p, shop)
				if err == nil || errors.Is(err, token.ErrNoTicket) != row.unfed {
					t.Fatalf("got %v; want a failure, for want of a ticket %t", err, row.unfed)
				}
				a, _ := p.Authorizer(shop)
				s := a.Status()
				for what, text := range map[string]string{"caller": err.Error(), "last_error": s.Problem.Reason + s.Problem.Remedy} {
					if !strings.Contains(text, row.reason) || !strings.Contains(text, row.remedy) || !strings.Contains(text, "code is not redeemed yet") || strings.Contains(text, "check the network") {
						t.Errorf("%s: got %q; want %q and %q", what, text, row.reason, row.remedy)
					}
				}
				if s.State != platform.StateFailing || s.Problem.Code != row.code {
					t.Errorf("got %+v; want errcode %d", s, row.code)
				}
				if of := p.Status(); (row.code == 61004) != (of.State == platform.StateFailing) || row.code == 61004 && of.Problem.Code != row.code {
					t.Errorf("the platform: got %s, %+v", of.State, of.Problem)
				}
				clear()
				w.push(p, w.NewTicket())
				time.Sleep(time.Minute)
				w.mustServe(p, shop)
				if s, of := a.Status(), p.Status(); s.State != platform.StateReady || of.State != platform.StateReady {
					t.Errorf("healed: got %+v, %+v", s, of)
				}
			})
		})
	}
}

// A code that can no longer be redeemed does not hold up the next one of its account, however
// long it takes until the list may be read.
func TestANewCodeIsNotHeldUpByASpentOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		time.Sleep(time.Hour)
		w.push(p, w.NewTicket())
		spent := w.Grant(shop)
		clear := w.wechat.Inject(wechattest.Fault{Path: redeemPath, Errcode: 61010})
		w.wechat.Inject(wechattest.Fault{Path: infoPath, Errcode: -1})
		w.push(p, spent.Event)
		synctest.Wait()
		clear()
		w.wechat.Inject(wechattest.Fault{Path: redeemPath, Errcode: 61010, Times: 1})
		time.Sleep(500 * time.Millisecond)
		w.push(p, w.Grant(shop).Event)
		time.Sleep(2 * time.Second)
		w.mustServe(p, shop)
	})
}
