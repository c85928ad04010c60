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
	h.mu.Lock()
	defer h.mu.Unlock()
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

// Amend changes a record. The plan of another token than it has then is none.
func (v *view) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	written := false
	stored, err := v.Memory.Amend(key, func(r *token.Record) bool {
		before := *r
		if written = change(r); written {
			r.Notice.Generation++
		}
		if r.Token != before.Token && r.Notice.Next.Equal(before.Notice.Next) {
			r.Notice.Next = r.Token.Expires.Add(-token.RotationWindow)
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
		if other.follow != nil && key.Ticket == "" {
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

// Two days of a SaaS with 600 merchants, of whom 20 are called all the time and 60 once,
// cost no call at WeChat more than one process would make: three replicas share it, and each
// push comes to whichever is next. It does not matter whether refresh tokens rotate.
func TestADayOfThreeReplicasCostsWhatOneWould(t *testing.T) {
	for _, rotate := range []bool{false, true} {
		t.Run(fmt.Sprintf("rotating %v", rotate), func(t *testing.T) { simulateDays(t, rotate) })
	}
}

// A saasDay is three replicas and their merchants: the first are busy, the next are called
// once, and the rest never.
type saasDay struct {
	*world
	replicas []*platform.Platform
	failed   int
}

const (
	merchants, busy, once = 600, 20, 60 // more than a page of the list has

	ticketEvery = 10 * time.Minute
	ticketsADay = 24 * 6
)

func newSaasDay(t *testing.T, rotate bool) *saasDay {
	d, h := &saasDay{world: newWorld(t)}, newHub()
	d.Change(func(s *platformtest.Settings) { s.Rotate = rotate })
	for range 3 {
		v := h.view()
		o := d.options()
		o.Store, o.Shared = v, v
		p := platform.New(o)
		p.Start()
		t.Cleanup(p.Stop)
		d.replicas = append(d.replicas, p)
	}
	return d
}

func (d *saasDay) anyone() *platform.Platform { return d.replicas[rand.IntN(len(d.replicas))] }

// call calls for merchants, each at whichever replica is next.
func (d *saasDay) call(from, to int) {
	for n := from; n < to; n++ {
		if _, err := served(d.anyone(), numbered(n)); err != nil {
			d.failed++
		}
	}
}

// authorize has all merchants authorize the platform within some minutes.
func (d *saasDay) authorize() {
	for n := range merchants {
		if n%int(ticketEvery/time.Second) == 0 {
			d.push(d.anyone(), d.NewTicket())
		}
		event := d.Grant(numbered(n)).Event
		d.push(d.anyone(), event)
		if n%10 == 0 { // WeChat pushes again what a slow web server has not answered
			d.push(d.anyone(), event)
		}
		time.Sleep(time.Second)
	}
}

// pass has a day pass, in which busy merchants are called every ten minutes.
func (d *saasDay) pass() {
	for range ticketsADay {
		d.push(d.anyone(), d.NewTicket())
		d.call(0, busy)
		time.Sleep(ticketEvery)
	}
}

// refreshes returns how often merchants got tokens by their refresh tokens.
func (d *saasDay) refreshes(from, to int) (least, most int) {
	least = 1 << 30
	for n := from; n < to; n++ {
		got := d.Refreshes(numbered(n))
		least, most = min(least, got), max(most, got)
	}
	return least, most
}

func simulateDays(t *testing.T, rotate bool) {
	// A token lives for two hours, of which the last five minutes are not used.
	const leastADay, mostADay = 12, 13
	synctest.Test(t, func(t *testing.T) {
		d := newSaasDay(t, rotate)
		d.authorize()
		before := d.Counts().ComponentTokens
		d.call(0, busy+once)
		synctest.Wait()
		if c := d.Counts(); c.Refreshes > 0 {
			t.Errorf("got %+v; want the tokens used that came with the codes", c)
		}
		for day := 1; day <= 2; day++ {
			d.pass()
			c := d.Counts()
			t.Logf("day %d: %+v", day, c)
			if got := c.ComponentTokens - before; got < leastADay || got > mostADay || c.RefusedComponentTokens > 0 {
				t.Errorf("day %d: got %d component tokens and %d refused; want at most %d and none", day, got, c.RefusedComponentTokens, mostADay)
			}
			before = c.ComponentTokens
			if least, most := d.refreshes(0, busy); least < day*leastADay-1 || most > day*mostADay {
				t.Errorf("day %d: got %d to %d refreshes of one that is called; want at most %d a day", day, least, most, mostADay)
			}
			if least, most := d.refreshes(busy, busy+once); least == 0 || most > mostADay {
				t.Errorf("day %d: got %d to %d refreshes of one that was called once; want them for a day", day, least, most)
			}
			if _, most := d.refreshes(busy+once, merchants); most > 0 {
				t.Errorf("day %d: got %d refreshes of one that was never called; want none", day, most)
			}
		}
		c := d.Counts()
		if d.failed > 0 {
			t.Errorf("got %d calls without a token; want none", d.failed)
		}
		if c.QueryAuths != merchants || c.RefusedQueryAuths > 0 || c.RefusedRefreshes > 0 {
			t.Errorf("got %+v; want each code redeemed once, and nothing refused", c)
		}
		const pages = (merchants + 499) / 500
		if c.Starts > 1 || c.Infos > 3 || c.Lists > 3*pages+1 {
			t.Errorf("got %+v; want tickets asked for at the start at most, and the list read once a day", c)
		}
	})
}
