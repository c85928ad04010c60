package token_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// A request that takes hours keeps the Keeper that it began with.
func TestAKeeperWhosePlaceWasTakenRotatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := map[string]int{}
		keeper := func(name string) *token.Keeper {
			return token.NewKeeper(token.Options{Issuer: wechat.NewIssuer(), AppID: "wx1", Classic: true, Fetch: func(context.Context) (token.Token, error) {
				fetches[name]++
				return token.Token{Value: secret.New(fmt.Sprint(name, fetches[name])), Expires: time.Now().Add(2 * time.Hour)}, nil
			}})
		}
		old, next := keeper("old"), keeper("next")
		old.Start()
		synctest.Wait()
		next.Inherit(old)
		next.Start()
		old.Rest()
		for range 6 {
			time.Sleep(time.Hour)
			next.Token(time.Second)
		}
		if fetches["old"] != 1 || fetches["next"] < 3 {
			t.Errorf("got %v; want the successor alone to fetch", fetches)
		}
		if got, err := old.Token(time.Second); err != nil || got == "" {
			t.Errorf("got %q, %v; want a token for a request that still needs one", got, err)
		}
		old.Stop()
		next.Stop()
	})
}
