package token

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

func redeemed(value string, life time.Duration) Token {
	return Token{Value: secret.New(value), Expires: time.Now().Add(life)}
}

func TestATokenThatACodeYieldedIsAdopted(t *testing.T) {
	w := &fakeWeChat{classic: true}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		time.Sleep(time.Hour)
		k.Adopt(redeemed("redeemed", 2*time.Hour), time.Now())
		wantToken(t, k, "redeemed")
		time.Sleep(110 * time.Minute) // beyond what was planned for the first
		wantToken(t, k, "redeemed")
		wantFetches(t, w, 1)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		wantToken(t, k, "token-2")
	})
}

func TestAnAdoptedTokenEndsWhatWasWrong(t *testing.T) {
	w := &fakeWeChat{classic: true, err: &Refusal{Code: 61023}}
	inBubble(t, w, func(t *testing.T, k *Keeper) {
		if s := k.Status(); s.LastError == nil || s.State != StateGone {
			t.Fatalf("got %+v; want a failure", s)
		}
		k.Adopt(redeemed("redeemed", 2*time.Hour), time.Now())
		if s := k.Status(); s.LastError != nil || s.State != StateFresh {
			t.Errorf("got %+v; want a good token", s)
		}
	})
}

// What was asked for before a code was redeemed brings nothing after that.
func TestAnAdoptedTokenOutlivesAnEarlierFetch(t *testing.T) {
	w := &fakeWeChat{classic: true, latency: 5 * time.Second}
	store := &keptStore{}
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w, func(o *Options) { o.Store = store })
		defer k.Stop()
		k.Start()
		time.Sleep(time.Second) // the fetch is under way
		k.Adopt(redeemed("redeemed", 2*time.Hour), time.Now())
		wantToken(t, k, "redeemed")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		wantToken(t, k, "redeemed")
		if got := store.now().Token.Value.Reveal(); got != "redeemed" {
			t.Errorf("the store has %q; want the token of the code", got)
		}

		k.Adopt(redeemed("earlier", 2*time.Hour), time.Now().Add(-time.Minute))
		wantToken(t, k, "redeemed")
		k.Adopt(redeemed("dead", -time.Second), time.Now())
		wantToken(t, k, "redeemed")
	})
}

func TestALazyKeeperFetchesWhenItIsAsked(t *testing.T) {
	w := &fakeWeChat{classic: true}
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w, func(o *Options) { o.Lazy = true })
		defer k.Stop()
		k.Start()
		time.Sleep(48 * time.Hour)
		wantFetches(t, w, 0)
		wantToken(t, k, "token-1")
		time.Sleep(119 * time.Minute)
		synctest.Wait()
		wantToken(t, k, "token-2") // refreshed ahead, while it is used
		wantFetches(t, w, 2)
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if n := w.fetches(); n > 2+13 {
			t.Errorf("got %d fetches; want none after a day without a call", n)
		}

		heir := newKeeper(w, func(o *Options) { o.Lazy = true })
		heir.Inherit(k)
		defer heir.Stop()
		before := w.fetches()
		heir.Start()
		time.Sleep(24 * time.Hour)
		wantFetches(t, w, before)
	})
}

// A failure for want of a credential ends as soon as there is one.
func TestAnotherCredentialEndsTheBackOff(t *testing.T) {
	w, renewed := &fakeWeChat{classic: true, err: errors.Join(ErrNoTicket, ErrNotAsked)}, false
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w, func(o *Options) { o.Lazy, o.Renewed = true, func() bool { return renewed } })
		defer k.Stop()
		k.Start()
		for range 3 {
			if _, err := k.Token(time.Second); !errors.Is(err, ErrNoTicket) {
				t.Errorf("got %v; want ErrNoTicket", err)
			}
		}
		if n := w.fetches(); n > 2 {
			t.Errorf("got %d fetches; want a back-off", n)
		}
		renewed = true
		w.fail(nil)
		wantToken(t, k, "token-1")
	})
}

// For rejections there is at most one fetch in 30 s, as for all tokens that a fetch ends.
func TestAnAuthorizersRejectionsFetchOnceIn30Seconds(t *testing.T) {
	w := &fakeWeChat{classic: true}
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w, func(o *Options) { o.Platform = "wxcomponent" })
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		time.Sleep(time.Minute)
		wantReplaced(t, k, "token-1", "token-2")
		for range 29 {
			time.Sleep(time.Second)
			wantReplaced(t, k, "token-2", "token-2")
		}
		wantFetches(t, w, 2)
		time.Sleep(2 * time.Second)
		wantReplaced(t, k, "token-2", "token-3")
	})
}

// A platform without a token says so itself: its accounts do not say it a hundred thousand times.
func TestAccountsAreSilentAboutThePlatformsToken(t *testing.T) {
	for _, platform := range []string{"", "wxcomponent"} {
		var log bytes.Buffer
		w := &fakeWeChat{classic: true, err: &Unavailable{Account: "saas", Cause: ErrNoTicket}}
		synctest.Test(t, func(t *testing.T) {
			k := newKeeper(w, func(o *Options) {
				o.Platform, o.Log = platform, slog.New(slog.NewTextHandler(&log, nil))
			})
			k.Start()
			time.Sleep(time.Minute)
			k.Stop()
		})
		if said := log.Len() > 0; said != (platform == "") {
			t.Errorf("platform %q: got %s", platform, log.String())
		}
	}
}
