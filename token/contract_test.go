package token_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/store/redis"
)

// A sharedStore is what replicas have in common.
type sharedStore interface {
	token.Store
	token.Sharer
}

// everyStore opens an empty store of each kind, those of tests included.
func everyStore(t *testing.T) map[string]token.Store {
	t.Helper()
	key := secret.New(strings.Repeat("k", 32))
	all := map[string]token.Store{"a test's": token.NewKeptStore(), "a test's hub": newHub().join()}
	for name, c := range map[string]store.Config{
		"memory":           {Spec: secret.New("memory:")},
		"files":            {Spec: secret.New("file:" + filepath.Join(t.TempDir(), "tokens"))},
		"files, encrypted": {Spec: secret.New("file:" + filepath.Join(t.TempDir(), "tokens")), Key: key},
		"Redis":            {Spec: secret.New("redis://" + redistest.Start(t).Addr), KeyPrefix: "a"},
		"Redis, encrypted": {Spec: secret.New("redis://" + redistest.Start(t).Addr), KeyPrefix: "b", Key: key},
	} {
		s, err := store.Open(c)
		if err != nil {
			t.Fatalf("opening %s: %v", name, err)
		}
		if r, ok := s.(*redis.Store); ok {
			t.Cleanup(func() { r.Close() })
		}
		all[name] = s
	}
	return all
}

func recordOf(value string, life time.Duration) token.Record {
	now := time.Now()
	return token.Record{
		Token:  token.Token{Value: secret.New(value), Expires: now.Add(life)},
		Notice: token.Notice{FetchedAt: now},
	}
}

// savedIn saves r, which is written after what the store has.
func savedIn(t *testing.T, s token.Store, key token.Key, r token.Record) token.Record {
	t.Helper()
	before, err := s.Load(key)
	if err != nil && !errors.Is(err, token.ErrNotStored) {
		t.Fatal(err)
	}
	r.Notice.Generation = before.Notice.Generation
	stored, err := s.Save(key, r)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestEveryStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	for name, s := range everyStore(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("what is stored comes back, under its key alone", func(t *testing.T) { mustComeBack(t, s) })
			t.Run("a token ends, the durable part goes on", func(t *testing.T) { mustEndWithoutTheDurablePart(t, s) })
			t.Run("nothing of an old token comes back", func(t *testing.T) { mustForgetTheOldToken(t, s) })
			t.Run("many at a time", func(t *testing.T) { mustServeManyAtATime(t, s) })
		})
	}
}

func mustComeBack(t *testing.T, s token.Store) {
	keys := []token.Key{{AppID: "wx1"}, {AppID: "wx2"}, {AppID: "wx1", Ticket: "jsapi"}, {AppID: "wx1", Ticket: "wx_card"}}
	for _, key := range keys {
		if r, err := s.Load(key); !errors.Is(err, token.ErrNotStored) || !r.Token.Value.Empty() {
			t.Fatalf("%v, before it is saved: got %v; want ErrNotStored", key, err)
		}
	}
	var saved []token.Record
	for i, key := range keys {
		r := recordOf(strings.Repeat("x", i+1), time.Hour)
		r.Durable = token.Durable{Spent: token.Spent{Day: token.BeijingDay(time.Now()), Fetches: i + 1, ForcedAt: time.Now().Add(-time.Minute)}, Until: time.Now().Add(time.Hour)}
		r.Notice.Added = token.Spent{Day: r.Spent.Day, Fetches: i + 1}
		if stored := savedIn(t, s, key, r); !stored.Token.Value.Equal(r.Token.Value.Reveal()) {
			t.Errorf("%v: got another token back than was saved", key)
		}
		saved = append(saved, r)
	}
	for i, key := range keys {
		got, err := s.Load(key)
		want := saved[i]
		switch near := want.Token.Expires.Sub(got.Token.Expires); {
		case err != nil || !got.Token.Value.Equal(want.Token.Value.Reveal()):
			t.Errorf("%v: got %q, %v; want what was saved", key, got.Token.Value.Reveal(), err)
		case near.Abs() > 1500*time.Millisecond: // seconds are cut off
			t.Errorf("%v: got the expiry %v; want %v", key, got.Token.Expires, want.Token.Expires)
		case got.Spent.Day != want.Spent.Day || got.Spent.Fetches != want.Spent.Fetches || got.Spent.ForcedAt.Sub(want.Spent.ForcedAt).Abs() > time.Second:
			t.Errorf("%v: got %+v; want %+v", key, got.Spent, want.Spent)
		}
	}
}

func mustEndWithoutTheDurablePart(t *testing.T, s token.Store) {
	const life = 1100 * time.Millisecond
	key := token.Key{AppID: "wx-durable"}
	r := recordOf("canary", life)
	r.Durable = token.Durable{Spent: token.Spent{Day: token.BeijingDay(time.Now()), Forced: 3}, Until: time.Now().Add(time.Hour)}
	r.Notice.Added = token.Spent{Day: r.Spent.Day, Forced: 3}
	savedIn(t, s, key, r)
	time.Sleep(life)
	for range 2 { // one look is not to end it either
		got, err := s.Load(key)
		if err != nil || !got.Token.Value.Empty() || got.Spent.Forced != 3 {
			t.Errorf("got a token %v, %+v, %v; want no token, and what was spent", !got.Token.Value.Empty(), got.Spent, err)
		}
	}
	r.Token, r.Notice.Added = token.Token{}, token.Spent{}
	savedIn(t, s, key, r) // as when there was none before the first fetch failed
	if got, err := s.Load(key); err != nil || got.Spent.Forced != 3 {
		t.Errorf("saved without a token: got %+v, %v; want what was spent", got.Spent, err)
	}
}

func mustForgetTheOldToken(t *testing.T, s token.Store) {
	key := token.Key{AppID: "wx-old"}
	for _, life := range []time.Duration{time.Hour, -time.Second, time.Hour, -time.Hour} {
		savedIn(t, s, key, recordOf("canary-"+life.String(), life))
		got, err := s.Load(key)
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("life %v: %v holds the token", life, err)
		}
		if has := !got.Token.Value.Empty(); has != (life > 0) {
			t.Errorf("life %v: got a token %v", life, has)
		}
	}
}

func mustServeManyAtATime(t *testing.T, s token.Store) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if _, err := s.Save(token.Key{AppID: "wx-many"}, recordOf("token", time.Hour)); err != nil {
					t.Errorf("saving: %v", err)
				}
				if r, err := s.Load(token.Key{AppID: "wx-many"}); err != nil || !r.Token.Value.Equal("token") {
					t.Errorf("loading: got %v", err)
				}
			}
		})
	}
	all.Wait()
}

func TestEverySharedStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	h, server := newHub(), redistest.Start(t)
	inRedis := func() sharedStore {
		s, err := redis.New(redis.Config{URL: secret.New("redis://" + server.Addr), KeyPrefix: "a"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		s.Start()
		return s
	}
	for name, open := range map[string]func() sharedStore{
		"a test's hub": func() sharedStore { return h.join() },
		"Redis":        inRedis,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustShare(t, open(), open())
		})
	}
}

func mustShare(t *testing.T, a, b sharedStore) {
	key := token.Key{AppID: "wx1"}
	release, err := a.Lease(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Lease(key); !errors.Is(err, token.ErrLeased) {
		t.Errorf("a second lease: got %v; want ErrLeased", err)
	}
	if other, err := b.Lease(token.Key{AppID: "wx1", Ticket: "jsapi"}); err != nil {
		t.Errorf("a lease of another key: got %v", err)
	} else {
		other()
	}
	release()
	if release, err = b.Lease(key); err != nil {
		t.Fatalf("a lease that was given back: got %v", err)
	}
	release()

	heard := make(chan int64, 100)
	end := b.Watch(key, func(generation int64) { heard <- generation })
	first := savedIn(t, a, key, recordOf("first", time.Hour))
	if first.Notice.Generation == 0 {
		t.Error("got no generation of what was stored")
	}
	for deadline := time.After(10 * time.Second); ; {
		select {
		case generation := <-heard:
			if generation != first.Notice.Generation {
				continue // of a look before the first save
			}
		case <-deadline:
			t.Fatal("the other heard nothing")
		}
		break
	}
	end()
	late := recordOf("late", time.Hour)
	late.Notice.FetchedAt = late.Notice.FetchedAt.Add(-time.Minute)
	if stored, err := b.Save(key, late); err != nil || !stored.Token.Value.Equal("first") {
		t.Errorf("a token that was asked for earlier: got %q, %v; want the later one to stay", stored.Token.Value.Reveal(), err)
	}
	if got, err := a.Load(key); err != nil || !got.Token.Value.Equal("first") {
		t.Errorf("got %q, %v; want the later one", got.Token.Value.Reveal(), err)
	}
}
