package platform_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/token"
	"wxproxy/token/store"
)

// forgetful returns a platform that was started without a ticket, and with a store that has
// forgotten that the shop authorized.
func forgetful(t *testing.T, w *world) *platform.Platform {
	first := w.run(w.options())
	w.push(first, w.Grant(shop).Event)
	time.Sleep(time.Minute)
	first.Stop()
	w.store = store.NewMemory()
	o := w.options()
	o.ReadsList = true
	p := platform.New(o)
	t.Cleanup(p.Stop)
	if err := p.Unreadable(shop); !errors.Is(err, token.ErrNoTicket) {
		t.Errorf("before the start: got %v; want no ticket", err)
	}
	p.Start()
	time.Sleep(7 * time.Second)
	return p
}

// With a store that starts empty, the first ticket has the list read at once, and until then
// nobody is told that an account is unknown.
func TestTheFirstTicketHasTheListRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := forgetful(t, w)
		if _, isKnown := p.Authorizer(shop); isKnown || !errors.Is(p.Unreadable(shop), token.ErrNoTicket) {
			t.Errorf("got %v; want no ticket", p.Unreadable(shop))
		}
		if err := p.Unreadable("saas2"); err != nil {
			t.Errorf("got %v of what is no app id; want it unknown", err)
		}
		w.push(p, w.NewTicket())
		synctest.Wait()
		w.mustServe(p, shop)
		if err := p.Unreadable(cafe); err != nil {
			t.Errorf("got %v; want the cafe unknown", err)
		}
	})
}

// A first list that cannot be read is tried again soon, and at once with another ticket.
func TestTheFirstListIsTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := forgetful(t, w)
		before := w.Counts().Lists
		w.SpoilList(platformtest.ListFault{Extra: 1})
		w.push(p, w.NewTicket())
		synctest.Wait()
		err := p.Unreadable(shop)
		if err == nil || errors.Is(err, token.ErrNoTicket) || !strings.Contains(p.Explain(err).Remedy, "reads the list") {
			t.Errorf("got %v; want it said that the list is not read yet", err)
		}
		time.Sleep(9 * time.Minute)
		if n := w.Counts().Lists - before; n < 6 || n > 12 { // pages, of which a reading takes two
			t.Errorf("got %d pages in nine minutes; want it tried less and less often", n)
		}
		w.SpoilList(platformtest.ListFault{})
		w.push(p, w.NewTicket())
		synctest.Wait()
		w.mustServe(p, shop)
	})
}

// Who redeemed a code may have died before it was stored. The program that shows the code again
// gets WeChat's refusal, and the merchant is served.
func TestWhatADeadProcessHasRedeemedIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		synctest.Wait() // it has read the list
		redeemed := func(appID string) secret.Secret {
			code := secret.New(w.Grant(appID).Code)
			o := w.options()
			o.Store = store.NewMemory()
			dying := w.run(o)
			if _, err := dying.Redeem(t.Context(), code); err != nil {
				t.Fatal(err)
			}
			dying.Stop()
			return code
		}
		show := func(code secret.Secret) {
			t.Helper()
			_, err := p.Redeem(t.Context(), code)
			if refusal, ok := errors.AsType[*token.Refusal](err); !ok || refusal.Code != 61010 && refusal.Code != 61009 {
				t.Errorf("got %v; want WeChat's refusal", err)
			}
		}
		code := redeemed(shop)
		show(code)
		w.mustServe(p, shop)

		lists := w.Counts().Lists
		show(code)
		time.Sleep(10 * time.Minute)
		if n := w.Counts().Lists - lists; n != 0 {
			t.Errorf("got %d lists for the same code; want none", n)
		}

		show(redeemed(cafe))
		w.mustServe(p, cafe)
		lists = w.Counts().Lists
		for i := range 20 { // rubbish has the list read at most once in five minutes
			show(secret.New(fmt.Sprint("queryauthcode@@@", i)))
			time.Sleep(10 * time.Second)
		}
		late := redeemed("wx3333333333333333")
		lists = w.Counts().Lists - lists
		show(late)
		time.Sleep(6 * time.Minute)
		w.mustServe(p, "wx3333333333333333")
		if lists > 2 {
			t.Errorf("got %d lists; want one, and that of the process that died", lists)
		}
	})
}

// A list that is read while a code waits to be redeemed leaves the account to the code, which
// brings a newer refresh token.
func TestTheListIsNotFasterThanACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		synctest.Wait()
		time.Sleep(time.Hour)
		w.push(p, w.NewTicket())
		clear := w.wechat.Inject(wechattest.Fault{Path: "/cgi-bin/component/api_query_auth", Delay: 5 * time.Second})
		authorized := w.Grant(shop)
		w.push(p, authorized.Event)
		time.Sleep(time.Second) // it is redeemed, and the answer is under way
		if _, err := p.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, isKnown := p.Authorizer(shop); isKnown && a.Status().State == platform.StateReady {
			_, _ = a.Token(time.Second)
		}
		clear()
		time.Sleep(time.Minute)
		w.mustServe(p, shop)
		if c := w.Counts(); c.Refreshes != 0 {
			t.Errorf("got %d refreshes; want the token of the code alone", c.Refreshes)
		}
	})
}
