package platform_test

import (
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/token"
)

// The list of addresses that may call is one for the platform and all its accounts: that
// this machine is not on it is seen in a call, hours before a token has to be fetched.
func TestARefusedAddressIsAProblemOfThePlatform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		w.push(p, w.Grant(shop).Event)
		synctest.Wait()
		w.mustServe(p, shop)
		mustBeReady := func(when string) {
			t.Helper()
			if s := p.Status(); s.State != platform.StateReady || s.Problem.Reason != "" {
				t.Errorf("%s: got %+v; want it ready", when, s)
			}
		}
		mustBeReady("at first")
		p.AddressAccepted()
		for range 20 {
			p.AddressRefused(61004, "access clientip is not registered requestIP: 203.0.113.7 rid: 1")
		}
		s := p.Status()
		if s.State != platform.StateFailing || s.Problem.Code != 61004 || !strings.Contains(s.Problem.Remedy, "203.0.113.7") || !strings.Contains(s.Problem.RemedyZH, "203.0.113.7") {
			t.Errorf("got %s, %+v; want the address, and what to do", s.State, s.Problem)
		}
		p.AddressAccepted()
		mustBeReady("after a call that went well")
		p.AddressRefused(61004, "access clientip is not registered requestIP: 203.0.113.7 rid: 1")
		if got := p.Denials(); len(got) != 1 || got[0] != (token.DenialCount{Errcode: 61004, N: 21}) {
			t.Errorf("got %v; want each counted", got)
		}
		p.Component().SecretRefused(61004, "x")
		if got := p.Denials(); len(got) != 1 || got[0].N != 22 {
			t.Errorf("got %v; want those of the AppSecret counted with them", got)
		}
		p.Component().SecretAccepted()
		if lines := strings.Count(w.log.String(), "refuses calls from this machine"); lines != 1 {
			t.Errorf("got %d lines about it in 10 minutes; want 1", lines)
		}
		if _, err := p.Recover(t.Context()); err != nil {
			t.Error(err)
		}
		mustBeReady("after the list was read")

		p.AddressRefused(61004, "access clientip is not registered requestIP: 203.0.113.7 rid: 1")
		w.Expire(shop)
		time.Sleep(3 * time.Hour)
		w.push(p, w.NewTicket())
		w.mustServe(p, shop)
		mustBeReady("after a token came")
	})
}

// Of an account whose refresh token is lost the operator reads why nothing can be said yet,
// and not that the network is to be looked at.
func TestWhatCannotBeConcludedIsSaidInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		w.push(p, w.Grant(shop).Event)
		synctest.Wait()
		w.mustServe(p, shop)
		time.Sleep(time.Hour)
		w.Change(func(s *platformtest.Settings) { s.AllowIPs = []string{"203.0.113.7"} })
		if _, err := p.Recover(t.Context()); err == nil {
			t.Fatal("the list could be read")
		}
		w.Change(func(s *platformtest.Settings) { s.AllowIPs = nil })
		w.LoseRefresh(shop)
		w.RevokeTokens(shop)
		a, _ := p.Authorizer(shop)
		k, err := a.Keeper()
		if err != nil {
			t.Fatal(err)
		}
		asked, err := k.Refresh("", time.Minute)
		s := a.Status()
		if !asked || err == nil || s.State != platform.StateFailing {
			t.Fatalf("got %v, %v, %+v; want it failing", asked, err, s)
		}
		for _, want := range []string{"errcode 61004", "list of authorizers"} {
			if !strings.Contains(s.Problem.Reason, want) {
				t.Errorf("got %q; want %q in it", s.Problem.Reason, want)
			}
		}
		if !strings.Contains(s.Problem.Remedy, "POST /platforms/saas/recover") || !strings.Contains(s.Problem.RemedyZH, "POST /platforms/saas/recover") || strings.Contains(s.Problem.Remedy, "network") {
			t.Errorf("got %+v; want what helps", s.Problem)
		}
		if _, err := p.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // between two refreshes by hand
		_, _ = k.Refresh("", time.Minute)
		if s := a.Status(); s.State != platform.StateNeedsAuthorization {
			t.Errorf("got %+v; want it to need authorization", s)
		}
	})
}

// A token that WeChat refuses, and has no other for, does not expire in two hours.
func TestADeadTokenOfAnAccountHasNoLifeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		w.push(p, w.Grant(shop).Event)
		synctest.Wait()
		a, _ := p.Authorizer(shop)
		if s := a.Status(); time.Until(s.Expires) < time.Hour {
			t.Errorf("got %+v; want what the store has", s)
		}
		w.mustServe(p, shop)
		w.RevokeTokens(shop)
		w.Disown(shop, true)
		time.Sleep(time.Minute)
		value, _ := served(p, shop)
		k, _ := a.Keeper()
		_, err := k.Replace(value, time.Minute)
		if s := a.Status(); err == nil || s.State != platform.StateFailing || !s.Expires.IsZero() {
			t.Errorf("got %v, %+v; want it failing, without a token", err, s)
		}
	})
}

// What is to be done about a platform has its name, as there may be several.
func TestRemediesNameThePlatform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := platform.New(w.options())
		p.Start()
		defer p.Stop()
		synctest.Wait()
		for _, e := range []token.Explanation{p.Status().Problem, p.Explain(token.ErrNoTicket)} {
			if !strings.Contains(e.Remedy, "/push/saas") || !strings.Contains(e.RemedyZH, "/push/saas") || strings.Contains(e.Remedy+e.RemedyZH, "NAME") {
				t.Errorf("got %+v; want the platform's name", e)
			}
		}
		if _, err := p.Component().Token(time.Second); err == nil || !strings.Contains(err.Error(), "/push/saas") {
			t.Errorf("got %v; want the platform's name", err)
		}
	})
}

// A store that cannot be read when the process starts is what is wrong, and not that there is
// no ticket; and whether it has an account, nobody can tell.
func TestAStoreThatIsNotReadYetIsSaidToBeTheProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		away := &awayStore{PlatformStore: w.store}
		away.isAway.Store(true)
		o.Store = away
		p := platform.New(o)
		p.Start()
		defer p.Stop()
		synctest.Wait()
		s := p.Status()
		if s.State != platform.StateFailing || s.Loaded || !strings.Contains(s.Problem.Remedy, "token.store") || p.Unreadable(shop) == nil {
			t.Errorf("got %+v; want the store named", s)
		}
		away.isAway.Store(false)
		time.Sleep(time.Minute)
		if s := p.Status(); s.State != platform.StateNoTicket || !s.Loaded || p.Unreadable(shop) != nil {
			t.Errorf("got %+v; want that there is no ticket", s)
		}
	})
}

// An awayStore is out of reach now and then.
type awayStore struct {
	token.PlatformStore
	isAway atomic.Bool
}

func (s *awayStore) Load(key token.Key) (token.Record, error) {
	if s.isAway.Load() {
		return token.Record{}, token.ErrAway
	}
	return s.PlatformStore.Load(key)
}

// Tickets that have stopped are a problem long before the last one ends.
func TestTicketsThatAreLateAreSaidToBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		synctest.Wait()
		time.Sleep(24 * time.Minute)
		if s := p.Status(); s.State != platform.StateReady || s.Problem.Reason != "" {
			t.Errorf("got %+v; want no problem", s)
		}
		time.Sleep(2 * time.Minute)
		s := p.Status()
		if s.State != platform.StateReady || !strings.Contains(s.Problem.Reason, "since 2000-01-01T00:00:00Z") || !strings.Contains(s.Problem.Remedy, "/push/saas") {
			t.Errorf("got %+v; want it said, while calls go on", s)
		}
		if !strings.Contains(w.log.String(), "no fresh component_verify_ticket") || !strings.Contains(w.log.String(), "remedy_zh") {
			t.Errorf("got %s; want it logged, with what to do", w.log.String())
		}
		w.push(p, w.NewTicket())
		if s := p.Status(); s.Problem.Reason != "" {
			t.Errorf("got %+v; want it over", s)
		}
	})
}

// A fullStore takes nothing while its disk is full.
type fullStore struct {
	token.PlatformStore
	isFull atomic.Bool
}

var errDiskFull = &fs.PathError{Op: "write", Path: "store", Err: syscall.ENOSPC}

func (s *fullStore) Save(key token.Key, r token.Record) (token.Record, error) {
	if s.isFull.Load() {
		return token.Record{}, errDiskFull
	}
	return s.PlatformStore.Save(key, r)
}

func (s *fullStore) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	if s.isFull.Load() {
		return token.Record{}, errDiskFull
	}
	return s.PlatformStore.Amend(key, change)
}

// A token whose refresh token the store does not take is not served, and nothing says it is.
func TestATokenThatIsNotUsedIsNotSaidToBeServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		full := &fullStore{PlatformStore: w.store}
		o.Store = full
		p := w.run(o)
		w.push(p, w.Grant(shop).Event)
		synctest.Wait()
		before, err := served(p, shop)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.ReplaceRefresh(shop) // so that the next refresh brings another one
		full.isFull.Store(true)
		a, _ := p.Authorizer(shop)
		k, err := a.Keeper()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = k.Refresh("", time.Minute)
		synctest.Wait()
		if got := w.log.String(); strings.Contains(got, "served all the same") {
			t.Errorf("got %s; want nothing said of a token that is not used", got)
		}
		if now, err := served(p, shop); err == nil && now != before {
			t.Error("a token is used whose refresh token is not stored")
		}
	})
}

// Before the first ticket, an operator reads in the status why WeChat sends none.
func TestThatWeChatSendsNoTicketIsSaidWithItsErrcode(t *testing.T) {
	for _, row := range []struct {
		name   string
		fault  wechattest.Fault
		code   int
		remedy string
	}{
		{"the address", wechattest.Fault{Body: []byte(`{"errcode":61004,"errmsg":"access clientip is not registered requestIP: 203.0.113.7 rid: 1"}`)}, 61004, "203.0.113.7"},
		{"the secret", wechattest.Fault{Body: []byte(`{"errcode":40125,"errmsg":"invalid appsecret rid: 1"}`)}, 40125, "secret"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				row.fault.Path = "/cgi-bin/component/api_start_push_ticket"
				clear := w.wechat.Inject(row.fault)
				p := platform.New(w.options())
				p.Start()
				t.Cleanup(p.Stop)
				time.Sleep(time.Second)
				s := p.Status()
				if s.State != platform.StateNoTicket || s.Problem.Code != row.code || !strings.Contains(s.Problem.Remedy, row.remedy) || !strings.Contains(s.Problem.Reason, "no usable component_verify_ticket") {
					t.Errorf("got %s, %+v; want errcode %d, and what to do", s.State, s.Problem, row.code)
				}
				clear()
				time.Sleep(11 * time.Minute)
				if s := p.Status(); s.State != platform.StateNoTicket || s.Problem.Code != 0 {
					t.Errorf("asked again: got %s, %+v; want that a ticket is waited for", s.State, s.Problem)
				}
				w.push(p, w.NewTicket())
				synctest.Wait()
				if s := p.Status(); s.State != platform.StateReady || s.Problem.Reason != "" {
					t.Errorf("got %s, %+v; want it ready", s.State, s.Problem)
				}
			})
		})
	}
}
