package platform_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/platform"
	"wxproxy/token"
)

// adjusted starts a platform that serves the shop, which is called each minute, and has it
// obey other settings. It returns how long after its first token the shop got the next one.
func adjusted(t *testing.T, first, then platform.Settings) (renewed time.Duration, w *world) {
	w = newWorld(t)
	o := w.options()
	o.Name, o.RefreshBefore, o.Lent = first.Name, first.RefreshBefore, first.Lent
	p := w.run(o)
	w.push(p, w.Grant(shop).Event)
	time.Sleep(time.Second)
	w.mustServe(p, shop)
	began := time.Now()
	p.Adjust(then)
	for time.Since(began) < 2*time.Hour && w.Counts().Refreshes == 0 {
		time.Sleep(time.Minute)
		w.mustServe(p, shop)
	}
	return time.Since(began), w
}

// A reload may change when tokens are due, those that are there, too.
func TestTokensAreDueWhenTheSettingsOfAReloadSaySo(t *testing.T) {
	for _, row := range []struct {
		name            string
		then            platform.Settings
		earliest, until time.Duration
	}{
		{"as before", platform.Settings{Name: "saas"}, 86 * time.Minute, 119 * time.Minute},
		{"earlier", platform.Settings{Name: "saas", RefreshBefore: 59 * time.Minute}, 45 * time.Minute, 85 * time.Minute},
		{"lent to programs", platform.Settings{Name: "saas", Lent: true}, 70 * time.Minute, 108 * time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, w := adjusted(t, platform.Settings{Name: "saas"}, row.then)
				if got < row.earliest || got > row.until {
					t.Errorf("the shop's token was replaced after %v; want between %v and %v", got, row.earliest, row.until)
				}
				time.Sleep(90*time.Minute - got)
				if row.then.RefreshBefore > 0 && w.Counts().ComponentTokens != 2 {
					t.Errorf("got %+v; want the platform's own token replaced as early", w.Counts())
				}
			})
		})
	}
}

// A renamed platform is called by its new name wherever it is named: it is the same one.
func TestARenamedPlatformSaysItsNewName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		w.push(p, w.Grant(shop).Event)
		time.Sleep(time.Second)
		p.Adjust(platform.Settings{Name: "mall"})
		time.Sleep(time.Minute)
		w.mu.Lock()
		w.log.Reset()
		w.mu.Unlock()
		w.push(p, w.Revoke(shop))
		w.push(p, w.Grant(cafe).Event)
		time.Sleep(time.Second)
		w.mustServe(p, cafe)
		w.RevokeTokens(cafe)
		a, _ := p.Authorizer(cafe)
		value, _ := a.Token(time.Second)
		_, _ = a.Replace(value, 5*time.Second)
		synctest.Wait() // whoever waits for a token has it before the log has its line
		a, _ = p.Authorizer(shop)
		if err := a.Usable(); err == nil || !strings.Contains(err.Error(), "the platform mall") || p.Status().Name != "mall" {
			t.Errorf("got %v of %s; want its new name", err, p.Status().Name)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if log := w.log.String(); strings.Contains(log, "platform=saas") || strings.Count(log, "platform=mall") < 2 || !strings.Contains(log, "token refreshed") {
			t.Errorf("got %s; want each line of mall", log)
		}
	})
}

// A request that outlives the platform gets no keeper that would go on for ever.
func TestAStoppedPlatformKeepsNoTokenOfAnAccountFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		w.push(p, w.Grant(shop).Event)
		time.Sleep(time.Second)
		a, _ := p.Authorizer(shop)
		p.Stop()
		if k, err := a.Keeper(); err != nil {
			t.Error(err)
		} else if _, err := k.Token(time.Second); !errors.Is(err, token.ErrStopped) {
			t.Errorf("got %v; want a keeper that has stopped", err)
		}
	})
}

// The end of a platform is not that of a code's redemption: the answer comes once, and the
// platform that takes its place, as after a reload, finds it in the store.
func TestTheEndOfAPlatformLosesNoRedemption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Turns = new(turns)
		p := w.run(o)
		time.Sleep(time.Second)
		w.wechat.Inject(wechattest.Fault{Path: "/cgi-bin/component/api_query_auth", Times: 1, Delay: 3 * time.Second})
		w.push(p, w.Grant(shop).Event)
		time.Sleep(time.Second)
		ending := make(chan struct{})
		go func() {
			defer close(ending)
			p.Stop()
		}()
		synctest.Wait()
		next := w.run(o)
		late := w.Grant(cafe).Event
		if _, err := p.Event(t.Context(), platform.Push{Received: time.Now(), Body: late.Content}); !errors.Is(err, token.ErrStopped) {
			t.Errorf("an event for the platform that has ended: got %v; want that WeChat sends it again", err)
		}
		w.push(next, late)
		<-ending
		time.Sleep(10 * time.Second)
		w.mustServe(next, shop)
		w.mustServe(next, cafe)
		if c := w.Counts(); c.QueryAuths != 2 || c.RefusedQueryAuths != 0 || c.Infos != 0 {
			t.Errorf("got %+v; want each code redeemed once", c)
		}
		if got := w.types(shop) + "," + w.types(cafe); got != "info:authorized,info:authorized" {
			t.Errorf("got %s forwarded; want each event once", got)
		}
	})
}

// turns are those of a process.
type turns struct{ held sync.Map }

func (t *turns) Lease(key token.Key) (func(), error) {
	if _, isHeld := t.held.LoadOrStore(key, nil); isHeld {
		return nil, token.ErrLeased
	}
	return func() { t.held.Delete(key) }, nil
}

// An AppSecret that WeChat refuses is looked at again without a reload, as an account's is.
func TestAnAppSecretThatWasRepairedIsFoundWithoutAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		var repaired atomic.Bool
		o.Secret = func() (secret.Secret, error) {
			if repaired.Load() {
				return secret.New(appSecret), nil
			}
			return secret.New("wrong"), nil
		}
		p := w.run(o)
		for range 20 { // it backs off more and more
			_, _ = p.Component().Token(time.Second)
			time.Sleep(time.Minute)
		}
		repaired.Store(true)
		time.Sleep(3 * time.Second)
		if c := w.Counts(); c.ComponentTokens != 1 || p.Status().State != platform.StateReady {
			t.Errorf("got %+v, %+v; want the platform ready", c, p.Status())
		}
	})
}

// What failed because of the whole platform is over for all its accounts when that is seen to
// be, or when an operator says so, and not only when each has waited for its back-off.
func TestAccountsAskAgainWhenTheFailureOfTheirPlatformIsOver(t *testing.T) {
	cure := func() {}
	for _, row := range []struct {
		name  string
		cured func(*testing.T, *world, *platform.Platform)
	}{
		{"a call goes well", func(_ *testing.T, w *world, p *platform.Platform) { cure(); p.AddressAccepted() }},
		{"recover", func(t *testing.T, w *world, p *platform.Platform) {
			cure()
			if _, err := p.RecoverByHand(t.Context()); err != nil {
				t.Error(err)
			}
		}},
		{"a reload", func(_ *testing.T, w *world, p *platform.Platform) { cure(); p.Retry() }},
		{"the platform's token comes", func(t *testing.T, w *world, p *platform.Platform) {
			cure()
			if _, err := p.Component().Refresh("", time.Minute); err != nil {
				t.Error(err)
			}
		}},
		{"calls that fail by turns", func(_ *testing.T, w *world, p *platform.Platform) {
			before := failedFetches(p)
			for range 50 {
				p.AddressRefused(61004, "access clientip is not registered")
				p.AddressAccepted()
				time.Sleep(time.Second)
			}
			if got := failedFetches(p) - before; got > 4 {
				t.Errorf("WeChat was asked %d times more in a minute; want each account to ask once, or twice", got)
			}
			cure()
			time.Sleep(time.Minute)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := w.run(w.options())
				for _, appID := range []string{shop, cafe} {
					w.push(p, w.Grant(appID).Event)
					synctest.Wait()
					w.mustServe(p, appID)
				}
				cure = w.wechat.Inject(wechattest.Fault{Path: refreshPath, Body: []byte(`{"errcode":61004,"errmsg":"access clientip is not registered requestIP: 203.0.113.7 rid: 1"}`)})
				for range 4 * 60 { // until the pause is half an hour
					time.Sleep(time.Minute)
					_, _ = served(p, shop)
					_, _ = served(p, cafe)
				}
				if state(p, shop) != platform.StateFailing || state(p, cafe) != platform.StateFailing {
					t.Fatalf("got %s and %s; want them to fail", state(p, shop), state(p, cafe))
				}
				row.cured(t, w, p)
				time.Sleep(10 * time.Second)
				w.mustServe(p, shop)
				w.mustServe(p, cafe)
				if s := p.Status(); s.State != platform.StateReady || state(p, shop) != platform.StateReady {
					t.Errorf("got %s, %+v, %s; want all ready", s.State, s.Problem, state(p, shop))
				}
			})
		})
	}
}

func failedFetches(p *platform.Platform) (n uint64) {
	for _, c := range p.Fetches() {
		if c.Outcome != token.FetchSucceeded {
			n += c.N
		}
	}
	return n
}
