package token_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/wechat"
)

// A request that takes hours keeps the Keeper that it began with.
func TestAKeeperWhosePlaceWasTakenRotatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := map[string]int{}
		keeper := func(name string) *token.Keeper {
			return token.NewKeeper(token.Options{Issuer: wechat.NewIssuer(), AppID: "wx1", Kind: token.Rotating{}, Fetch: func(context.Context) (token.Token, error) {
				fetches[name]++
				return token.Token{Value: secret.New(fmt.Sprint(name, fetches[name])), Expires: time.Now().Add(2 * time.Hour)}, nil
			}})
		}
		old, next := keeper("old"), keeper("next")
		old.Start()
		synctest.Wait()
		next.Inherit(old)
		next.Start()
		old.MarkUnused()
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

// A reload replaces Keepers whose token has ended, while the store holds what they spent.
func TestWhatWasSpentCountsOnceAfterAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files, err := store.NewFile(t.TempDir(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]token.Store{"memory": store.NewMemory(), "files": files} {
			open := func() *token.Keeper {
				return token.NewKeeper(token.Options{Issuer: wechat.NewIssuer(), AppID: "wx1", Store: s, Fetch: func(context.Context) (token.Token, error) {
					return token.Token{Value: secret.New("t"), Expires: time.Now().Add(time.Minute)}, nil
				}})
			}
			old := open()
			if _, err := old.Token(time.Second); err != nil {
				t.Fatal(err)
			}
			old.Stop()
			time.Sleep(2 * time.Minute)
			next := open()
			next.Inherit(old)
			if _, err := next.Token(time.Second); err != nil {
				t.Fatal(err)
			}
			next.Stop()
			if got := next.Status().FetchesToday; got != 2 {
				t.Errorf("%s: got %d fetches; want 2", name, got)
			}
		}
	})
}
