package token_test

import (
	"errors"
	"maps"
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
	token.PlatformStore
	token.Sharer
	token.Follower
}

// everyStore opens an empty store of each kind, those of tests included.
func everyStore(t *testing.T) map[string]token.PlatformStore {
	t.Helper()
	key := secret.New(strings.Repeat("k", 32))
	all := map[string]token.PlatformStore{"a test's": token.NewKeptStore(), "a test's hub": newHub().join()}
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
		all[name] = s.(token.PlatformStore)
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
			t.Run("what is granted stays", func(t *testing.T) { mustKeepWhatIsGranted(t, s) })
			t.Run("what is known of a secret stays", func(t *testing.T) { mustKeepTrials(t, s) })
			t.Run("no change is lost", func(t *testing.T) { mustLoseNoChange(t, s) })
			t.Run("a platform's records are listed", func(t *testing.T) { mustList(t, s) })
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
			a, b := open(), open()
			mustShare(t, a, b)
			mustTellFollowers(t, a, b)
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

const component = "wxcomponent0000000"

func granted() token.Granted {
	now := time.Now().Truncate(time.Second)
	return token.Granted{
		Refresh: secret.New("refreshtoken@@@canary"), RefreshBefore: secret.New("refreshtoken@@@before"), AuthorizedAt: now.Add(-time.Hour),
		State: token.NeedsAuthorization, Events: secret.New("canary=="), Codes: []token.Redeemed{{Hash: "00ff", At: now, Permissions: "1 2 17.5"}, {Hash: "aa11", At: now.Add(-time.Hour)}},
		Ticket: secret.New("ticket@@@canary"), TicketCreated: now.Add(-time.Minute), TicketArrived: now, PushAskedAt: now.Add(time.Second), ListedAt: now.Add(-time.Second),
		Trial: token.Trial{Secret: "0f1e2d", Worked: true, Refusals: 2, Errcode: 40001, Until: now.Add(10 * time.Minute), Unanswered: 3},
	}
}

// What is known of an application's secret outlives tokens, and is that of no other
// application of the corp.
func mustKeepTrials(t *testing.T, s token.PlatformStore) {
	now := time.Now().Truncate(time.Second)
	trials := map[token.Key]token.Trial{
		{AppID: "ww1.1000002"}:  {Secret: "aa", Refusals: 1, Errcode: 40001, Until: now.Add(5 * time.Minute)},
		{AppID: "ww1.1000003"}:  {Secret: "bb", Worked: true},
		{AppID: "ww1.name.crm"}: {Errcode: 45009, Until: now.Add(time.Hour), Resting: true},
		{AppID: "ww1"}:          {Worked: true},
	}
	for key, want := range trials {
		if got := amended(t, s, key, func(r *token.Record) { r.Trial = want }); !got.Trial.SameTrial(want) {
			t.Errorf("%v: got %+v; want %+v", key, got.Trial, want)
		}
	}
	for key, want := range trials {
		for _, life := range []time.Duration{time.Hour, -time.Hour} {
			savedIn(t, s, key, recordOf("token-"+key.AppID, life))
			got, err := s.Load(key)
			if err != nil || !got.Trial.SameTrial(want) || got.Token.Value.Equal("token-"+key.AppID) != (life > 0) {
				t.Errorf("%v, after a token that lives for %v: got %+v, %v; want %+v", key, life, got, err, want)
			}
		}
		remover, can := s.(token.Remover)
		if !can { // a test's
			continue
		}
		if err := remover.Remove(key); err != nil {
			t.Errorf("%v: removing: %v", key, err)
		}
		if got, err := s.Load(key); !errors.Is(err, token.ErrNotStored) {
			t.Errorf("%v, removed: got %+v, %v", key, got, err)
		}
	}
	for _, bad := range []string{"..", ".", ".hidden", "ww1/7", "../ww1.7"} {
		if files, ok := s.(*store.File); ok {
			if _, err := files.Load(token.Key{AppID: bad}); err == nil || errors.Is(err, token.ErrNotStored) {
				t.Errorf("%q: got %v; want it refused as the name of a file", bad, err)
			}
		}
	}
}

func amended(t *testing.T, s token.PlatformStore, key token.Key, change func(*token.Record)) token.Record {
	t.Helper()
	r, err := s.Amend(key, func(r *token.Record) bool {
		change(r)
		return true
	})
	if err != nil {
		t.Fatalf("%v: %v", key, err)
	}
	return r
}

func mustKeepWhatIsGranted(t *testing.T, s token.PlatformStore) {
	key, want, now := token.Key{Platform: component, AppID: "wx-granted"}, granted(), time.Now()
	if _, err := s.Load(key); !errors.Is(err, token.ErrNotStored) {
		t.Fatalf("got %v; want ErrNotStored", err)
	}
	if _, err := s.Amend(key, func(r *token.Record) bool { return r.HasGrants() }); err != nil {
		t.Errorf("no change: %v", err)
	}
	if _, err := s.Load(key); !errors.Is(err, token.ErrNotStored) {
		t.Errorf("after no change: got %v; want ErrNotStored", err)
	}
	first := amended(t, s, key, func(r *token.Record) {
		r.Granted, r.Token, r.Notice.FetchedAt = want, token.Token{Value: secret.New("first"), Expires: now.Add(time.Hour)}, now
	})
	if !first.SameGrants(want) || !first.Token.Value.Equal("first") {
		t.Errorf("got %+v; want it as it was stored", first)
	}
	for _, life := range []time.Duration{time.Hour, -time.Hour} { // a keeper's, which knows nothing of that
		r := recordOf("next", life)
		r.Notice.FetchedAt = now.Add(time.Second)
		savedIn(t, s, key, r)
		got, err := s.Load(key)
		if err != nil || !got.SameGrants(want) || got.Token.Value.Equal("next") != (life > 0) {
			t.Errorf("saved with a life of %v: got %+v, %v; want %+v", life, got, err, want)
		}
	}
	amended(t, s, key, func(r *token.Record) { r.State, r.RefreshBefore, r.Codes = token.Authorized, secret.Secret{}, nil })
	want.State, want.RefreshBefore, want.Codes = token.Authorized, secret.Secret{}, nil
	if got, err := s.Load(key); err != nil || !got.SameGrants(want) {
		t.Errorf("got %+v, %v; want %+v", got.Granted, err, want)
	}
	for _, other := range []token.Key{{AppID: "wx-granted"}, {Platform: component, AppID: component}, {Platform: "wxother", AppID: "wx-granted"}} {
		if _, err := s.Load(other); !errors.Is(err, token.ErrNotStored) {
			t.Errorf("%v: got %v; want ErrNotStored", other, err)
		}
	}
}

func mustLoseNoChange(t *testing.T, s token.PlatformStore) {
	const writers, each = 6, 8
	key := token.Key{Platform: component, AppID: "wx-changed"}
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for range each {
				if _, err := s.Save(key, recordOf(strings.Repeat("x", i+1), time.Hour)); err != nil {
					t.Errorf("saving: %v", err)
				}
				if _, err := s.Amend(key, func(r *token.Record) bool {
					r.Refresh = secret.New(r.Refresh.Reveal() + "r")
					return true
				}); err != nil {
					t.Errorf("amending: %v", err)
				}
			}
		})
	}
	all.Wait()
	if r, err := s.Load(key); err != nil || len(r.Refresh.Reveal()) != writers*each || r.Token.Value.Empty() {
		t.Errorf("got %d changes, %v; want %d", len(r.Refresh.Reveal()), err, writers*each)
	}
}

func mustList(t *testing.T, s token.PlatformStore) {
	const platform = "wxlisted"
	if err := s.Each(platform, func(key token.Key, _ token.Record, _ error) error { return errors.New("of " + key.AppID) }); err != nil {
		t.Errorf("got %v; want none", err)
	}
	want := map[string]bool{}
	for _, appID := range []string{"wxa", "wxb", "wxc"} {
		want[appID] = true
		amended(t, s, token.Key{Platform: platform, AppID: appID}, func(r *token.Record) { r.Refresh = secret.New(appID) })
	}
	amended(t, s, token.Key{Platform: platform, AppID: platform}, func(r *token.Record) { r.Ticket = secret.New("ticket") })
	amended(t, s, token.Key{Platform: platform + "1", AppID: "wxd"}, func(r *token.Record) { r.Refresh = secret.New("wxd") })
	savedIn(t, s, token.Key{Platform: platform, AppID: "wxa", Ticket: "jsapi"}, recordOf("ticket", time.Hour))
	savedIn(t, s, token.Key{AppID: "wxe"}, recordOf("token", time.Hour))

	got := map[string]bool{}
	err := s.Each(platform, func(key token.Key, r token.Record, unreadable error) error {
		if unreadable != nil || !r.Refresh.Equal(key.AppID) || key != (token.Key{Platform: platform, AppID: key.AppID}) {
			t.Errorf("%v: got %+v, %v", key, r, unreadable)
		}
		got[key.AppID] = true
		return nil
	})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	enough, calls := errors.New("enough"), 0
	if err := s.Each(platform, func(token.Key, token.Record, error) error { calls++; return enough }); !errors.Is(err, enough) || calls != 1 {
		t.Errorf("got %v after %d calls; want it to end", err, calls)
	}
}

func mustTellFollowers(t *testing.T, a, b sharedStore) {
	heard := make(chan token.Key, 100)
	defer b.Follow(component, func(key token.Key) { heard <- key })()
	wanted := []token.Key{{Platform: component, AppID: "wx1"}, {Platform: component, AppID: component}}
	for _, key := range wanted {
		amended(t, a, key, func(r *token.Record) { r.AuthorizedAt = time.Now().Truncate(time.Second) })
		for deadline := time.After(10 * time.Second); ; {
			select {
			case got := <-heard:
				if got != key {
					continue
				}
			case <-deadline:
				t.Fatalf("%v: the other heard nothing", key)
			}
			break
		}
	}
	amended(t, b, wanted[0], func(r *token.Record) { r.State = token.Unauthorized }) // it knows
	if r, err := a.Load(wanted[0]); err != nil || r.State != token.Unauthorized {
		t.Errorf("got %+v, %v; want what the other wrote", r, err)
	}
}
