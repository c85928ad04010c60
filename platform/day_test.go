package platform_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/token"
	"wxproxy/token/store"
)

// A hub is a store that replicas share, as Redis is, but without a network, so that a day
// of it can be simulated.
type hub struct {
	*store.Memory

	mu     sync.Mutex // guards what follows
	leases map[token.Key]time.Time
	views  []*view
}

// A view is the hub as one replica has it.
type view struct {
	*hub
	watched map[token.Key]func(int64)
	follow  func(token.Key)
}

func newHub() *hub {
	return &hub{Memory: store.NewMemory(), leases: make(map[token.Key]time.Time)}
}

func (h *hub) view() *view {
	v := &view{hub: h, watched: make(map[token.Key]func(int64))}
	h.views = append(h.views, v)
	return v
}

// Save stores r unless another replica has stored a newer token.
func (v *view) Save(key token.Key, r token.Record) (token.Record, error) {
	written := false
	stored, err := v.Memory.Amend(key, func(old *token.Record) bool {
		written = old.Notice.Generation == r.Notice.Generation || old.Notice.FetchedAt.Before(r.Notice.FetchedAt)
		if written {
			generation := max(old.Notice.Generation, r.Notice.Generation) + 1
			r.Granted, r.Notice.Generation = old.Granted, generation
			*old = r
		}
		return written
	})
	if written {
		v.tell(key, stored.Notice.Generation)
	}
	return stored, err
}

// Amend changes a record.
func (v *view) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	written := false
	stored, err := v.Memory.Amend(key, func(r *token.Record) bool {
		if written = change(r); written {
			r.Notice.Generation++
		}
		return written
	})
	if written {
		v.tell(key, stored.Notice.Generation)
	}
	return stored, err
}

// tell tells the others that a record was written.
func (v *view) tell(key token.Key, generation int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, other := range v.views {
		if other == v {
			continue
		}
		if look := other.watched[key]; look != nil {
			go look(generation)
		}
		if other.follow != nil {
			go other.follow(key)
		}
	}
}

// Lease implements token.Sharer.
func (v *view) Lease(key token.Key) (release func(), err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	until := time.Now().Add(token.LeaseLife)
	if time.Now().Before(v.leases[key]) {
		return nil, token.ErrLeased
	}
	v.leases[key] = until
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.leases[key].Equal(until) {
			delete(v.leases, key)
		}
	}, nil
}

// Watch implements token.Sharer.
func (v *view) Watch(key token.Key, look func(int64)) (end func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.watched[key] = look
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.watched, key)
	}
}

// Follow implements token.Follower.
func (v *view) Follow(_ string, look func(token.Key)) (end func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.follow = look
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.follow = nil
	}
}

// The day of a SaaS with 500 merchants, of whom 50 are called all day, costs no call at
// WeChat more than one process would make: three replicas share it, and each push comes to
// whichever is next. It does not matter whether refresh tokens rotate.
func TestADayOfThreeReplicasCostsWhatOneWould(t *testing.T) {
	for _, rotate := range []bool{false, true} {
		t.Run(fmt.Sprintf("rotating %v", rotate), func(t *testing.T) { simulateDay(t, rotate) })
	}
}

func simulateDay(t *testing.T, rotate bool) {
	const merchants, busy = 500, 50
	synctest.Test(t, func(t *testing.T) {
		w, h := newWorld(t), newHub()
		w.Change(func(s *platformtest.Settings) { s.Rotate = rotate })
		var replicas []*platform.Platform
		for range 3 {
			v := h.view()
			o := w.options()
			o.Store, o.Shared = v, v
			p := platform.New(o)
			p.Start()
			t.Cleanup(p.Stop)
			replicas = append(replicas, p)
		}
		anyone := func() *platform.Platform { return replicas[rand.IntN(len(replicas))] }
		w.push(anyone(), w.NewTicket())

		name := func(n int) string { return fmt.Sprintf("wx%016x", n) }
		for n := range merchants {
			event := w.Grant(name(n)).Event
			w.push(anyone(), event)
			if n%10 == 0 { // WeChat pushes again what a slow web server has not answered
				w.push(anyone(), event)
			}
			time.Sleep(time.Second)
		}
		w.push(anyone(), w.NewTicket())
		failed := 0
		for range 24 * 6 {
			time.Sleep(10 * time.Minute)
			w.push(anyone(), w.NewTicket())
			for n := range busy {
				if _, err := served(anyone(), name(n)); err != nil {
					failed++
				}
			}
		}
		c := w.Counts()
		if failed > 0 {
			t.Errorf("got %d calls without a token; want none", failed)
		}
		if c.QueryAuths != merchants || c.RefusedQueryAuths > 0 {
			t.Errorf("got %d codes redeemed and %d refused; want %d and none", c.QueryAuths, c.RefusedQueryAuths, merchants)
		}
		// A token lives for two hours, of which the last five minutes are not used.
		if most := 14; c.ComponentTokens > most || c.RefusedComponentTokens > 0 {
			t.Errorf("got %d component tokens and %d refused; want at most %d and none", c.ComponentTokens, c.RefusedComponentTokens, most)
		}
		if most := busy * 14; c.Refreshes < busy*11 || c.Refreshes > most || c.RefusedRefreshes > 0 {
			t.Errorf("got %d refreshes and %d refused; want at most %d and none", c.Refreshes, c.RefusedRefreshes, most)
		}
		if c.Starts > 1 || c.Infos > 3 || c.Lists > 4 {
			t.Errorf("got %+v; want tickets asked for at the start at most, and the list read once a day", c)
		}
	})
}
