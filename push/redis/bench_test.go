package redis

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/push/inbox"
	tokens "wxproxy/token/store/redis"
)

func BenchmarkAddToRedis(b *testing.B) {
	store, box := benchmarked(b)
	defer store.Close()
	p := push("a", "f", strings.Repeat("x", 500))
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := box.Add(context.Background(), p); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkDeliverFromRedis(b *testing.B) {
	store, box := benchmarked(b)
	defer store.Close()
	p := push("a", "f", strings.Repeat("x", 500))
	for range b.N {
		if err := box.Add(context.Background(), p); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	var count atomic.Int64
	done := make(chan struct{})
	box.Start(func(context.Context, *inbox.Push) error {
		if count.Add(1) == int64(b.N) {
			close(done)
		}
		return nil
	})
	<-done
	b.StopTimer()
	if err := box.Stop(context.Background()); err != nil {
		b.Error(err)
	}
}

func benchmarked(b *testing.B) (*Store, *inbox.Inbox) {
	b.Helper()
	link, err := tokens.New(tokens.Config{URL: secret.New("redis://" + redistest.Start(b).Addr), KeyPrefix: "p"})
	if err != nil {
		b.Fatal(err)
	}
	store := New(link, 1<<40, nil)
	box, err := inbox.Open(inbox.Config{Store: store})
	if err != nil {
		b.Fatal(err)
	}
	return store, box
}
