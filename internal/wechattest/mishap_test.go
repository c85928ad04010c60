package wechattest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
)

func TestExpireEndsTokensOfBothKinds(t *testing.T) {
	w := newWeChat()
	c, s := classic(t, w), stable(t, w)
	w.Expire(appID)
	wantToken(t, w, c.Token, 42001)
	wantToken(t, w, s.Token, 42001)
	if got := w.Tokens(appID); len(got) != 0 {
		t.Errorf("got good tokens %q; want none", got)
	}

	newC, newS := classic(t, w), stable(t, w)
	wantToken(t, w, newC.Token, 0)
	wantToken(t, w, newS.Token, 0)
	wantToken(t, w, c.Token, 40001)
	wantToken(t, w, s.Token, 40001)
}

func TestStealRotatesTheClassicTokenAndKillsTheStableOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		c, s := classic(t, w), stable(t, w)
		w.Steal(appID)
		wantToken(t, w, c.Token, 0)
		wantToken(t, w, s.Token, 40001)
		time.Sleep(5 * time.Minute)
		wantToken(t, w, c.Token, 40001)

		if got, want := w.Fetches(appID), (wechattest.Fetches{Classic: 1, Stable: 1}); got != want {
			t.Errorf("got %+v; want the thief not counted: %+v", got, want)
		}
		if again := stable(t, w); again.Token == s.Token || again.ExpiresIn != 6900 {
			t.Errorf("got %+v; want the token of the thief, with what is left of it", again)
		}
	})
}

func TestRevokeSupersedesAllTokens(t *testing.T) {
	w := newWeChat()
	old := []grant{classic(t, w), classic(t, w), stable(t, w)}
	w.Revoke(appID)
	for _, g := range old {
		wantToken(t, w, g.Token, 40001)
	}
	wantToken(t, w, classic(t, w).Token, 0)
	wantToken(t, w, stable(t, w).Token, 0)
}

func TestKillLeavesATokenThatOnlyForceReplaces(t *testing.T) {
	w := newWeChat()
	c, s := classic(t, w), stable(t, w)
	w.Kill(appID)
	wantToken(t, w, c.Token, 40001)
	wantToken(t, w, s.Token, 40001)
	if again := stable(t, w); again.Token != s.Token {
		t.Error("got another token in the normal way; want the dead one repeated")
	}
	fresh := forced(t, w)
	wantToken(t, w, fresh.Token, 0)
	wantToken(t, w, classic(t, w).Token, 0)
}

func TestMishapsOfAnUnknownAppPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("got no panic; want one")
		}
	}()
	newWeChat().Expire("wx-unknown")
}

func TestChaosHappensUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second+time.Millisecond)
		defer cancel()
		events := make(map[string]int)
		total := 0
		w.Chaos(ctx, time.Second, func(event, app string) {
			if app != appID {
				t.Errorf("got app %q; want %q", app, appID)
			}
			events[event]++
			total++
		})
		if total != 100 || events["expired"] == 0 || events["stolen"] == 0 || events["revoked"] == 0 || len(events) != 3 {
			t.Errorf("got %d events %v; want 100 of three kinds", total, events)
		}
	})
}

func TestChaosWithoutAppsDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		wechattest.New().Chaos(ctx, time.Second, func(event, app string) {
			t.Errorf("got %s of %q; want nothing", event, app)
		})
	})
}
