package platform_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/platform"
	"wxproxy/token"
)

// A late store answers some questions for an account's record with what it had before the
// account authorized: a redemption runs beside whoever asks.
type late struct {
	token.PlatformStore
	stale atomic.Int32 // questions that are answered so
	skips atomic.Int32 // questions before them
}

func (s *late) Load(key token.Key) (token.Record, error) {
	if key.AppID == shop && key.Ticket == "" && s.skips.Add(-1) < 0 && s.stale.Add(-1) >= 0 {
		return token.Record{}, nil
	}
	return s.PlatformStore.Load(key)
}

// Who calls for an account while its code is redeemed finds no refresh token, and then one
// that WeChat has not refused to anybody: it is not taken for a useless one.
func TestACallBesideARedemptionEndsNoAuthorization(t *testing.T) {
	for skips := range int32(4) {
		for stale := range int32(4) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s := &late{PlatformStore: w.store}
				o := w.options()
				o.Store = s
				p := w.run(o)
				w.push(p, w.Grant(shop).Event)
				synctest.Wait()
				a, _ := p.Authorizer(shop)
				was, err := a.Token(time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute) // WeChat honoured it a while ago
				w.RevokeTokens(shop)
				s.skips.Store(skips)
				s.stale.Store(stale)
				_, _ = a.Replace(was, time.Minute)
				s.stale.Store(0)
				if got := state(p, shop); got == platform.StateNeedsAuthorization || got == platform.StateUnauthorized {
					t.Errorf("after %d stale answers behind %d: got %s", stale, skips, got)
				}
			})
		}
	}
}
