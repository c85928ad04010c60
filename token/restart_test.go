package token

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

// scriptedStore is a Store that is slow or fails, and notes what was saved.
type scriptedStore struct {
	mu     sync.Mutex
	delay  time.Duration
	stored Record
	err    error
	saved  []string
	under  int // Save calls under way
	most   int // at a time
}

func (s *scriptedStore) Load(Key) (Record, error) {
	time.Sleep(s.delay)
	if s.stored.Token.Value.Empty() && s.err == nil {
		return Record{}, ErrNotStored
	}
	return s.stored, s.err
}

func (s *scriptedStore) Save(_ Key, r Record) (Record, error) {
	s.mu.Lock()
	s.under++
	s.most = max(s.most, s.under)
	s.mu.Unlock()
	time.Sleep(s.delay)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under--
	s.saved = append(s.saved, r.Token.Value.Reveal())
	return r, s.err
}

func (s *scriptedStore) savedSoFar() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.saved, " ")
}

// inBubbleWith is inBubble with a store.
func inBubbleWith(t *testing.T, store func() Store, w *fakeWeChat, f func(t *testing.T, k *Keeper)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w, func(o *Options) { o.Store = store() })
		defer k.Stop()
		k.Start()
		synctest.Wait()
		f(t, k)
	})
}

func TestAfterARestartNoTokenIsFetchedThatIsStillGood(t *testing.T) {
	stored := func() Store {
		return &scriptedStore{stored: Record{Token: Token{secret.New("stored"), time.Now().Add(time.Hour)}}}
	}
	w := &fakeWeChat{}
	inBubbleWith(t, stored, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "stored")
		s := k.Status()
		if until := time.Until(s.NextRefresh); s.State != StateFresh || until < 55*time.Minute || until > 57*time.Minute {
			t.Errorf("got %+v; want fresh, and due five minutes before the stored expiry", s)
		}
		if s.FetchesToday != 0 || !s.RefreshedAt.IsZero() {
			t.Errorf("got %+v; want no fetch", s)
		}
		time.Sleep(54 * time.Minute)
		wantFetches(t, w, 0)
		time.Sleep(4 * time.Minute)
		wantToken(t, k, "token-1")
	})
}

func TestAStoredTokenThatIsDueIsServedAndRefreshed(t *testing.T) {
	stored := func() Store {
		return &scriptedStore{stored: Record{Token: Token{secret.New("stored"), time.Now().Add(4 * time.Minute)}}}
	}
	w := &fakeWeChat{latency: 2 * time.Second}
	inBubbleWith(t, stored, w, func(t *testing.T, k *Keeper) {
		wantToken(t, k, "stored")
		if got := k.Status().State; got != StateDue {
			t.Errorf("got state %q; want due", got)
		}
		time.Sleep(3 * time.Second)
		wantToken(t, k, "token-1")
		wantFetches(t, w, 1)
	})
}

func TestAStoredTokenThatWasRefusedIsReplaced(t *testing.T) {
	stored := func() Store {
		return &scriptedStore{stored: Record{Token: Token{secret.New("stored"), time.Now().Add(time.Hour)}}}
	}
	w := &fakeWeChat{}
	inBubbleWith(t, stored, w, func(t *testing.T, k *Keeper) {
		wantReplaced(t, k, "stored", "token-1")
	})
}

func TestAStoreThatFailsCostsNothingButALogLine(t *testing.T) {
	for _, store := range []*scriptedStore{
		{err: errors.New("disk on fire")},
		{stored: Record{Token: Token{secret.New("expired"), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)}}},
	} {
		w := &fakeWeChat{}
		inBubbleWith(t, func() Store { return store }, w, func(t *testing.T, k *Keeper) {
			wantToken(t, k, "token-1")
			w.revoke()
			wantReplaced(t, k, "token-1", "token-2")
			synctest.Wait()
			if got, want := store.savedSoFar(), "token-1 token-2"; got != want {
				t.Errorf("saved %q; want %q", got, want)
			}
		})
	}
}

func TestASlowStoreHoldsUpNobodyAndIsWrittenInOrder(t *testing.T) {
	store := &scriptedStore{delay: time.Minute}
	w := &fakeWeChat{}
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w, func(o *Options) { o.Store = store })
		start := time.Now()
		k.Start()
		wantToken(t, k, "token-1")
		if waited := time.Since(start); waited != storePatience {
			t.Errorf("the first caller waited %v for the store; want %v", waited, storePatience)
		}
		time.Sleep(90 * time.Second) // the store has answered, and is writing
		start = time.Now()
		for _, step := range [][2]string{{"token-1", "token-2"}, {"token-2", "token-3"}, {"token-3", "token-4"}} {
			w.revoke()
			wantReplaced(t, k, step[0], step[1])
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("callers waited %v for the store; want not at all", waited)
		}
		k.Stop()
		if waited := time.Since(start); waited != lastSave {
			t.Errorf("the end waited %v for the store; want %v", waited, lastSave)
		}
		time.Sleep(3 * time.Minute)
		if got, want := store.savedSoFar(), "token-1 token-4"; got != want {
			t.Errorf("saved %q; want %q, the newest last", got, want)
		}
		if store.most != 1 {
			t.Errorf("got %d writes at a time; want one", store.most)
		}
	})
}
