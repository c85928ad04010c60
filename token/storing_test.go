package token

import (
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/background"
	"wxproxy/internal/secret"
)

// A keptStore is a Store that keeps what it is given, and can be slow to tell it.
type keptStore struct {
	loading, saving time.Duration

	mu   sync.Mutex
	kept map[Key]Record
	err  error // of Save
}

// NewKeptStore returns an empty one.
func NewKeptStore() PlatformStore { return &keptStore{} }

func (s *keptStore) Load(key Key) (Record, error) {
	time.Sleep(s.loading)
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.kept[key]
	if !ok {
		return Record{}, ErrNotStored
	}
	if !r.Token.ValidAt(time.Now()) {
		r.Token = Token{}
	}
	return r, nil
}

func (s *keptStore) Save(key Key, r Record) (Record, error) {
	time.Sleep(s.saving)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		if s.kept == nil {
			s.kept = map[Key]Record{}
		}
		r.Granted = s.kept[key].Granted
		s.kept[key] = r
	}
	return r, s.err
}

func (s *keptStore) Amend(key Key, change func(*Record) bool) (Record, error) {
	time.Sleep(s.saving)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.kept[key]
	if !r.Token.ValidAt(time.Now()) {
		r.Token = Token{}
	}
	if s.err != nil || !change(&r) {
		return r, s.err
	}
	if s.kept == nil {
		s.kept = map[Key]Record{}
	}
	s.kept[key] = r
	return r, nil
}

func (s *keptStore) Each(platform string, look func(Key, Record, error) error) error {
	s.mu.Lock()
	kept := maps.Clone(s.kept)
	s.mu.Unlock()
	for key, r := range kept {
		if key.Platform != platform || key.AppID == platform || key.Ticket != "" {
			continue
		}
		if err := look(key, r, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *keptStore) now() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[Key{AppID: "wx1"}]
}

// keeping returns a store that has a good token and a used budget.
func keeping(loading time.Duration) *keptStore {
	now := time.Now()
	return &keptStore{loading: loading, kept: map[Key]Record{{AppID: "wx1"}: {
		Token:   Token{secret.New("stored"), now.Add(2 * time.Hour)},
		Durable: Durable{Spent: Spent{Day: BeijingDay(now), Fetches: 7, Forced: 3, ForcedAt: now.Add(-time.Hour)}},
	}}}
}

func wantKept(t *testing.T, s *keptStore, token string, fetches int) {
	t.Helper()
	if r := s.now(); r.Token.Value.Reveal() != token || r.Spent.Fetches != fetches || r.Spent.Forced != 3 {
		t.Errorf("the store has %q, %d fetches, %d forced; want %q, %d, 3",
			r.Token.Value.Reveal(), r.Spent.Fetches, r.Spent.Forced, token, fetches)
	}
}

func TestASlowStoreLosesNeitherItsTokenNorItsCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := keeping(1500 * time.Millisecond)
		w := &fakeWeChat{err: &Refusal{Code: 40164, Reason: "invalid ip"}}
		k := newKeeper(w, func(o *Options) { o.Store = store })
		k.Start()
		time.Sleep(5 * time.Second) // the fetch failed before the store answered; the retry is a minute away
		wantKept(t, store, "stored", 8)
		k.Stop()
		wantKept(t, store, "stored", 8)

		w.fail(nil)
		store.loading = 0
		again := newKeeper(w, func(o *Options) { o.Store = store })
		defer again.Stop()
		again.Start()
		wantToken(t, again, "stored")
		wantFetches(t, w, 1)
	})
}

func TestASlowStoreKeepsItsCountsUnderANewToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, w := keeping(10*time.Minute), &fakeWeChat{}
		k := newKeeper(w, func(o *Options) { o.Store = store })
		k.Start()
		start := time.Now()
		wantToken(t, k, "token-1")
		if waited := time.Since(start); waited != storePatience {
			t.Errorf("waited %v; want %v", waited, storePatience)
		}
		time.Sleep(11 * time.Minute)
		wantToken(t, k, "token-1") // not the one that came late
		wantKept(t, store, "token-1", 8)
		k.Stop()
		wantKept(t, store, "token-1", 8)
		store.loading = 0
		again := newKeeper(w, func(o *Options) { o.Store = store })
		defer again.Stop()
		again.Start()
		wantToken(t, again, "token-1")
		wantFetches(t, w, 1)
	})
}

func TestAnEndBeforeTheStoreAnsweredLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := keeping(2 * time.Second)
		k := newKeeper(&fakeWeChat{latency: 5 * time.Second}, func(o *Options) { o.Store = store })
		k.Start()
		time.Sleep(1100 * time.Millisecond)
		k.Stop()
		time.Sleep(10 * time.Second)
		if got := store.now().Token.Value.Reveal(); got != "stored" {
			t.Errorf("the store has %q; want the token that it had", got)
		}
	})
}

func TestStopEndsFlightsThatWaitInTheQueueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, w := background.NewQueue(1), &fakeWeChat{latency: 5 * time.Second}
		var keepers []*Keeper
		for i := range 20 {
			k := newKeeper(w, func(o *Options) {
				o.Queue, o.AppID, o.Store = q, fmt.Sprint("wx", i), &keptStore{loading: time.Hour}
			})
			keepers = append(keepers, k)
			k.Start()
		}
		start := time.Now()
		keepers[19].Stop() // the others go on
		if took := time.Since(start); took > 0 {
			t.Errorf("stopping one that never flew took %v; want no time", took)
		}
		var ending sync.WaitGroup
		for _, k := range keepers {
			ending.Go(k.Stop)
		}
		ending.Wait()
		if took := time.Since(start); took > storePatience+lastSave {
			t.Errorf("stopping all took %v; want %v at most", took, storePatience+lastSave)
		}
		wantFetches(t, w, 0)
		time.Sleep(2 * time.Hour)
	})
}

func TestAFullStoreIsReportedOnceAndItsEndOnce(t *testing.T) {
	for _, test := range []struct {
		name  string
		fails error
	}{
		{"full", syscall.ENOSPC},
		{"read-only", syscall.EROFS},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, w := &keptStore{err: test.fails}, &fakeWeChat{}
				var log strings.Builder
				k := newKeeper(w, func(o *Options) { o.Store, o.Log = store, slog.New(slog.NewTextHandler(&log, nil)) })
				k.Start()
				time.Sleep(7 * time.Hour)
				store.mu.Lock()
				store.err = nil
				store.mu.Unlock()
				time.Sleep(7 * time.Hour)
				k.Stop()
				for _, line := range []string{"token not stored", "token stored again"} {
					if got := strings.Count(log.String(), line); got != 1 {
						t.Errorf("got %q %d times; want once in\n%s", line, got, log.String())
					}
				}
				if want := k.state.Load().token.Value.Reveal(); !store.now().Token.Value.Equal(want) {
					t.Error("the store does not have the newest token")
				}
			})
		})
	}
}

func TestASlowSaveDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeChat{}
		k := newKeeper(w, func(o *Options) { o.Store = &keptStore{saving: time.Hour} })
		start := time.Now()
		k.Start()
		wantToken(t, k, "token-1")
		w.revoke()
		wantReplaced(t, k, "token-1", "token-2")
		if waited := time.Since(start); waited != 0 {
			t.Errorf("callers waited %v; want not at all", waited)
		}
		k.Stop()
		if took := time.Since(start); took != lastSave {
			t.Errorf("the end took %v; want %v", took, lastSave)
		}
		time.Sleep(3 * time.Hour)
	})
}
