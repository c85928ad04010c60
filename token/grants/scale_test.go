package grants

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/background"
	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/store/redis"
	"wxproxy/token/wechat"
)

// manyAuthorizers have authorized one platform.
const manyAuthorizers = 100_000

const component = "wxcomponent0000000"

func keyOf(i int) token.Key { return token.Key{Platform: component, AppID: fmt.Sprintf("wx%016x", i)} }

// fill stores what so many authorizers were granted, and a token of each.
func fill(b *testing.B, s token.PlatformStore, n int) {
	b.Helper()
	const writers = 16
	now := time.Now()
	var all sync.WaitGroup
	for first := range writers {
		all.Go(func() {
			for i := first; i < n; i += writers {
				key := keyOf(i)
				if _, err := s.Amend(key, func(r *token.Record) bool {
					r.Refresh, r.AuthorizedAt = refreshOf(key.AppID), now
					r.Token, r.Notice.FetchedAt = token.Token{Value: tokenValueOf(key.AppID), Expires: now.Add(2 * time.Hour)}, now
					return true
				}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// Of the lengths of WeChat's.
func refreshOf(appID string) secret.Secret {
	return secret.New("refreshtoken@@@" + strings.Repeat(appID, 3))
}

func tokenValueOf(appID string) secret.Secret { return secret.New(strings.Repeat(appID, 9)) }

// BenchmarkListing reports how long it takes until a store has told what it has of
// 100,000 authorizers.
func BenchmarkListing(b *testing.B) {
	key := secret.New(strings.Repeat("k", 32))
	for _, row := range []struct {
		name string
		open func() store.Config
	}{
		{"files", func() store.Config {
			return store.Config{Spec: secret.New("file:" + filepath.Join(b.TempDir(), "tokens")), Key: key}
		}},
		{"Redis", func() store.Config {
			return store.Config{Spec: secret.New("redis://" + redistest.Start(b).Addr), KeyPrefix: "wxproxy", Key: key}
		}},
	} {
		b.Run(row.name, func(b *testing.B) {
			opened, err := store.Open(row.open())
			if err != nil {
				b.Fatal(err)
			}
			if r, ok := opened.(*redis.Store); ok {
				defer r.Close()
			}
			s := opened.(token.PlatformStore)
			fill(b, s, manyAuthorizers)
			b.ResetTimer()
			for b.Loop() {
				n := 0
				if err := s.Each(component, func(key token.Key, r token.Record, err error) error {
					if n++; err != nil || !r.Refresh.Equal(refreshOf(key.AppID).Reveal()) {
						return fmt.Errorf("%v: %w", key, err)
					}
					return nil
				}); err != nil || n != manyAuthorizers {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkAuthorizers reports what an authorizer costs at rest that has a Keeper and its token: bytes
// of heap and stack, and goroutines.
func BenchmarkAuthorizers(b *testing.B) {
	for _, spec := range []string{"memory:", "redis:"} {
		b.Run(spec, func(b *testing.B) {
			before, goroutines := inUse(), runtime.NumGoroutine()
			c := store.Config{Spec: secret.New(spec), KeyPrefix: "wxproxy"}
			if spec == "redis:" {
				c.Spec = secret.New("redis://" + redistest.Start(b).Addr)
			}
			opened, err := store.Open(c)
			if err != nil {
				b.Fatal(err)
			}
			s := opened.(token.PlatformStore)
			fill(b, s, manyAuthorizers)
			stored := inUse()
			var keepers []*token.Keeper
			for b.Loop() {
				keepers = startAll(b, s)
			}
			b.ReportMetric(float64(inUse()-before)/manyAuthorizers, "B/authorizer")
			b.ReportMetric(float64(stored-before)/manyAuthorizers, "B/record")
			b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
			for _, k := range keepers {
				k.Stop()
			}
		})
	}
}

func startAll(b *testing.B, s token.PlatformStore) []*token.Keeper {
	b.Helper()
	queue, issuer, log := background.NewQueue(32), wechat.NewAuthorizerIssuer(), slog.New(slog.DiscardHandler)
	means := &Means{Ask: func(_ context.Context, appID string, _ secret.Secret) (token.Grant, error) {
		return token.Grant{AppID: appID, Token: token.Token{Value: tokenValueOf(appID + "1"), Expires: time.Now().Add(2 * time.Hour)}, Refresh: refreshOf(appID)}, nil
	}}
	shared, _ := s.(token.Sharer)
	keepers := make([]*token.Keeper, manyAuthorizers)
	for i := range keepers {
		a := &Authorizer{Key: keyOf(i), Store: s, Means: means}
		keepers[i] = token.NewKeeper(token.Options{
			Name: a.Key.AppID, AppID: a.Key.AppID, Platform: component, Fetch: a.Fetch, Probe: func(context.Context, secret.Secret) token.Verdict { return token.Unclear },
			Issuer: issuer, Store: s, Shared: shared, Queue: queue, Kind: token.Rotating{}, Log: log,
		})
		keepers[i].Start()
	}
	for _, k := range keepers {
		if _, err := k.Token(time.Minute); err != nil {
			b.Fatal(err)
		}
	}
	return keepers
}

// inUse returns how much memory is in use, the garbage not counted.
func inUse() int {
	runtime.GC()
	runtime.GC() // what had a finalizer, and what pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
