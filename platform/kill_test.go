package platform_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/token"
)

// errKilled is what a process would have got that was killed.
var errKilled = errors.New("the process was killed")

// A process is one that is killed at some step: before it, or after its effect and before
// its result. A step is whatever reaches beyond the process.
type process struct {
	mu     sync.Mutex
	left   int // steps until it is killed
	after  bool
	killed bool
}

// step takes a step.
func (p *process) step(do func() error) error {
	p.mu.Lock()
	if p.killed {
		p.mu.Unlock()
		return errKilled
	}
	p.left--
	p.killed = p.left < 0
	kill, after := p.killed, p.after
	p.mu.Unlock()
	if kill && !after {
		return errKilled
	}
	err := do()
	if kill {
		return errKilled
	}
	return err
}

// A mortalStore is the store of a process.
type mortalStore struct {
	token.PlatformStore
	process *process
}

func (s *mortalStore) Load(key token.Key) (r token.Record, err error) {
	err = s.process.step(func() (err error) { r, err = s.PlatformStore.Load(key); return err })
	return r, err
}

func (s *mortalStore) Save(key token.Key, r token.Record) (stored token.Record, err error) {
	err = s.process.step(func() (err error) { stored, err = s.PlatformStore.Save(key, r); return err })
	return stored, err
}

func (s *mortalStore) Amend(key token.Key, change func(*token.Record) bool) (stored token.Record, err error) {
	err = s.process.step(func() (err error) { stored, err = s.PlatformStore.Amend(key, change); return err })
	return stored, err
}

func (s *mortalStore) Each(of string, look func(token.Key, token.Record, error) error) error {
	return s.process.step(func() error { return s.PlatformStore.Each(of, look) })
}

// A mortalWay is the way of a process to WeChat.
type mortalWay struct {
	way     http.RoundTripper
	process *process
}

func (m *mortalWay) RoundTrip(r *http.Request) (response *http.Response, err error) {
	err = m.process.step(func() (err error) { response, err = m.way.RoundTrip(r); return err })
	if err != nil && response != nil {
		response.Body.Close()
		response = nil
	}
	return response, err
}

// mortal returns the options of a platform in a process.
func (w *world) mortal(p *process) platform.Options {
	o := w.options()
	o.Store, o.HTTP = &mortalStore{w.store, p}, &http.Client{Transport: &mortalWay{w.wechat, p}}
	o.Forward = func(ctx context.Context, push platform.Push) error {
		return p.step(func() error { return w.forward(ctx, push) })
	}
	return o
}

// TestNothingIsLostWhereverTheProcessIsKilled kills a process before and after each step of
// an authorization, starts another one, and has WeChat push again what was not answered.
func TestNothingIsLostWhereverTheProcessIsKilled(t *testing.T) {
	if kills := killedAtEach(t, killedAt); kills < 20 {
		t.Errorf("%d kills; want all the steps of an authorization", kills)
	}
}

// killedAtEach has a process go through something that is killed before and after each of its
// steps, until it has taken them all. It returns how often it was killed.
func killedAtEach(t *testing.T, goThrough func(*testing.T, *process) (killed bool)) (kills int) {
	t.Helper()
	const mostSteps = 60
	unharmed := 0 // times that nothing was left to be killed at; how many steps there are varies a little
	for steps := range mostSteps {
		for _, after := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				if goThrough(t, &process{left: steps, after: after}) {
					kills++
				} else {
					unharmed++
				}
			})
			if t.Failed() {
				t.Fatalf("killed at step %d, after its effect: %v", steps, after)
			}
		}
		if unharmed > 6 {
			return kills
		}
	}
	t.Errorf("%d kills; want some without a kill, too", kills)
	return kills
}

func killedAt(t *testing.T, dying *process) (killed bool) {
	w := newWorld(t)
	p := platform.New(w.mortal(dying))
	p.Start()
	time.Sleep(time.Second)
	ticket := w.NewTicket()
	first := w.Grant(shop)
	taken := func(p *platform.Platform, content []byte) bool {
		_, err := p.Event(t.Context(), platform.Push{ID: "id", Received: time.Now(), Body: content})
		return err == nil
	}
	ticketTaken, eventTaken := taken(p, ticket.Content), taken(p, first.Event.Content)
	time.Sleep(2 * time.Minute)
	dying.mu.Lock()
	killed = dying.killed
	dying.killed = true
	dying.mu.Unlock()
	p.Stop()

	next := platform.New(w.options())
	next.Start()
	defer next.Stop()
	if !ticketTaken && !taken(next, ticket.Content) || !eventTaken && !taken(next, first.Event.Content) {
		t.Error("what is pushed again is not taken")
	}
	time.Sleep(2 * time.Minute)
	w.mustServe(next, shop)
	if got := w.types(shop); !strings.HasPrefix(got, "info:authorized") || strings.Count(got, " ") > 1 {
		t.Errorf("got %q forwarded; want it once, or twice if the process was killed then", got)
	}
	if c := w.Counts(); c.QueryAuths != 1 || c.RefusedQueryAuths > 1 {
		t.Errorf("got %+v; want the code redeemed once", c)
	}
	if s := next.Status(); s.Waiting != 0 || s.Authorizers[platform.StateReady] != 1 {
		t.Errorf("got %+v; want nothing left", s)
	}
	return killed
}

// A killing is a life of an account in which a process is killed.
type killing struct {
	name   string
	before func(w *world, p *platform.Platform)                                // what a process that nobody kills has done
	during func(w *world, p *platform.Platform, push func(platformtest.Event)) // push has an event taken, by the next process if not by this one
	events string                                                              // that are forwarded, each perhaps twice
	most   platformtest.Counts                                                 // of what is done with WeChat once more than it should be
}

// killings are all that happens to an account besides its first authorization.
func killings() []killing {
	authorize := func(w *world, p *platform.Platform) {
		w.push(p, w.Grant(shop).Event)
		time.Sleep(2 * time.Minute)
	}
	return []killing{
		{"a refresh that brings another refresh token", authorize, func(w *world, p *platform.Platform, _ func(platformtest.Event)) {
			w.Change(func(s *platformtest.Settings) { s.Rotate = true })
			w.RevokeTokens(shop)
			if a, isKnown := p.Authorizer(shop); isKnown {
				value, _ := a.Token(5 * time.Second)
				_, _ = a.Replace(value, 5*time.Second)
			}
		}, "info:authorized", platformtest.Counts{QueryAuths: 1}},
		{"an end, and another authorization", authorize, func(w *world, _ *platform.Platform, push func(platformtest.Event)) {
			push(w.Revoke(shop))
			time.Sleep(2 * time.Second)
			push(w.Grant(shop).Event)
		}, "info:authorized info:unauthorized info:authorized", platformtest.Counts{QueryAuths: 2, RefusedQueryAuths: 1}},
		{"a registration", nil, func(w *world, _ *platform.Platform, push func(platformtest.Event)) {
			push(w.Register(shop).Event)
		}, "info:notify_third_fasteregister", platformtest.Counts{QueryAuths: 1, RefusedQueryAuths: 1}},
		{"a refresh token that WeChat refuses", authorize, func(w *world, p *platform.Platform, _ func(platformtest.Event)) {
			w.ReplaceRefresh(shop)
			time.Sleep(10 * time.Minute)
			w.RevokeTokens(shop)
			if a, isKnown := p.Authorizer(shop); isKnown {
				value, _ := a.Token(5 * time.Second)
				_, _ = a.Replace(value, 5*time.Second)
			}
		}, "info:authorized", platformtest.Counts{QueryAuths: 1}},
	}
}

// TestAnAccountIsServedWhereverTheProcessIsKilled kills a process at each step of what else
// happens in the life of an account: the next one serves it, and nobody has to authorize again.
func TestAnAccountIsServedWhereverTheProcessIsKilled(t *testing.T) {
	for _, k := range killings() {
		t.Run(k.name, func(t *testing.T) {
			if kills := killedAtEach(t, k.at); kills < 10 {
				t.Errorf("%d kills; want all the steps", kills)
			}
		})
	}
}

// at kills a process that goes through it.
func (k *killing) at(t *testing.T, dying *process) (killed bool) {
	w := newWorld(t)
	first := platform.New(w.options())
	first.Start()
	w.push(first, w.NewTicket())
	if k.before != nil {
		k.before(w, first)
	}
	first.Stop()

	p := platform.New(w.mortal(dying))
	p.Start()
	time.Sleep(time.Second)
	var missed []platformtest.Event
	k.during(w, p, func(e platformtest.Event) {
		if _, err := p.Event(t.Context(), platform.Push{ID: "id", Received: time.Now(), Body: e.Content}); err != nil {
			missed = append(missed, e)
		}
	})
	time.Sleep(2 * time.Minute)
	dying.mu.Lock()
	killed = dying.killed
	dying.killed = true
	dying.mu.Unlock()
	p.Stop()

	next := platform.New(w.options())
	next.Start()
	defer next.Stop()
	for _, e := range missed {
		w.push(next, e)
	}
	time.Sleep(2 * time.Minute)
	w.awaitGood(next)
	if got := strings.Fields(w.types(shop)); strings.Join(slices.Compact(got), " ") != k.events {
		t.Errorf("got %q forwarded; want %q, some of it twice if the process was killed then", got, k.events)
	}
	if c := w.Counts(); c.QueryAuths != k.most.QueryAuths || c.RefusedQueryAuths > k.most.RefusedQueryAuths {
		t.Errorf("got %+v; want each code redeemed once", c)
	}
	if s := next.Status(); s.Waiting != 0 || s.Authorizers[platform.StateReady] != 1 {
		t.Errorf("got %+v; want nothing left", s)
	}
	return killed
}

// awaitGood has the shop called, as a caller does whose token WeChat may refuse.
func (w *world) awaitGood(p *platform.Platform) {
	w.t.Helper()
	a, isKnown := p.Authorizer(shop)
	if !isKnown {
		w.t.Fatal("the shop is not known")
	}
	value, err := a.Token(5 * time.Second)
	if good := w.Tokens(shop); err == nil && !slices.Contains(good, value) {
		_, err = a.Replace(value, 5*time.Second)
	}
	if err != nil {
		w.t.Errorf("the shop: %v", err)
	}
	w.mustServe(p, shop)
}

// TestAStoreThatTakesNothing has WeChat keep its events: there is no success then.
func TestAStoreThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := platform.New(w.mortal(&process{killed: true}))
		p.Start()
		defer p.Stop()
		for _, content := range [][]byte{w.NewTicket().Content, w.Grant(shop).Event.Content} {
			if taken, err := p.Event(t.Context(), platform.Push{Body: content}); err == nil {
				t.Errorf("got %v; want an error", taken)
			}
		}
	})
}

// TestManyEventsOfOneAccountAreBounded keeps the record within what a store takes.
func TestManyEventsOfOneAccountAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Forward = func(context.Context, platform.Push) error { return errKilled }
		p := w.run(o)
		full := 0
		for range 40 {
			e := w.Grant(shop).Event
			if _, err := p.Event(t.Context(), platform.Push{Received: time.Now(), Body: e.Content}); errors.Is(err, platform.ErrFull) {
				full++
			}
			time.Sleep(time.Second)
		}
		if full == 0 || full == 40 {
			t.Errorf("%d of 40 events found no room", full)
		}
		if got := state(p, shop); got != platform.StateReady {
			t.Errorf("got %s; want it ready", got)
		}
	})
}
