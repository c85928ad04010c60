package platform_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/token"
)

// A mortal is a view of the hub whose replica may be killed: nothing that it writes
// afterwards counts.
type mortal struct {
	*view
	dead atomic.Bool
}

func (m *mortal) Load(key token.Key) (token.Record, error) {
	if m.dead.Load() {
		return token.Record{}, token.ErrAway
	}
	return m.view.Load(key)
}

func (m *mortal) Save(key token.Key, r token.Record) (token.Record, error) {
	if m.dead.Load() {
		return token.Record{}, token.ErrAway
	}
	return m.view.Save(key, r)
}

func (m *mortal) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	if m.dead.Load() {
		return token.Record{}, token.ErrAway
	}
	return m.view.Amend(key, change)
}

func (m *mortal) Lease(key token.Key) (func(), error) {
	if m.dead.Load() {
		return nil, token.ErrAway
	}
	release, err := m.view.Lease(key)
	return func() {
		if release != nil && !m.dead.Load() {
			release()
		}
	}, err
}

// A storm is three replicas to which all happens that may.
type storm struct {
	*world
	random   *rand.Rand
	hub      *hub
	stores   []*mortal
	replicas []*platform.Platform
	held     []platformtest.Event // not pushed yet
	alive    map[string]bool      // whether an account authorizes the platform
	pushes   int
	calm     []func() // each ends a fault
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{world: newWorld(t), random: rand.New(rand.NewPCG(seed, 1)), hub: newHub(), alive: make(map[string]bool)}
	for range 3 {
		s.stores, s.replicas = append(s.stores, nil), append(s.replicas, nil)
		s.restart(len(s.replicas) - 1)
	}
	return s
}

// restart kills a replica, and starts another in its place.
func (s *storm) restart(n int) {
	if s.stores[n] != nil {
		s.stores[n].dead.Store(true)
		s.replicas[n].Stop()
	}
	o := s.options()
	s.stores[n] = &mortal{view: s.hub.view()}
	o.Store, o.Shared = s.stores[n], s.stores[n]
	s.replicas[n] = platform.New(o)
	s.replicas[n].Start()
	s.t.Cleanup(s.replicas[n].Stop)
}

func (s *storm) anyone() *platform.Platform { return s.replicas[s.random.IntN(len(s.replicas))] }

// deliver pushes an event as WeChat does, to whichever replica is next.
func (s *storm) deliver(e platformtest.Event) {
	for range 3 {
		s.pushes++
		_, err := s.anyone().Event(s.t.Context(), platform.Push{ID: fmt.Sprint(s.pushes), Received: time.Now(), ContentType: "text/xml", Body: e.Content})
		if err == nil {
			return
		}
	}
	s.t.Errorf("nobody took %s", e.InfoType)
}

// happen has one thing happen.
func (s *storm) happen() {
	appID := fmt.Sprintf("wx%016x", s.random.IntN(12))
	_, known := s.alive[appID]
	switch s.random.IntN(14) {
	case 0, 1:
		s.alive[appID] = true
		s.held = append(s.held, s.Grant(appID).Event)
	case 2:
		if s.alive[appID] {
			s.alive[appID] = false
			s.held = append(s.held, s.Revoke(appID))
		}
	case 3, 4, 5:
		if len(s.held) > 0 {
			n := s.random.IntN(len(s.held))
			s.deliver(s.held[n])
			if s.random.IntN(3) > 0 { // else it comes again
				s.held = append(s.held[:n:n], s.held[n+1:]...)
			}
		}
	case 6:
		s.restart(s.random.IntN(len(s.replicas)))
	case 7:
		s.RevokeTokens(component)
	case 8:
		if known {
			s.RevokeTokens(appID)
		}
	case 9:
		apis := []string{"api_query_auth", "api_authorizer_token", "api_component_token", "api_get_authorizer_list", "api_get_authorizer_info"}
		fault := wechattest.Fault{Path: "/cgi-bin/component/" + apis[s.random.IntN(len(apis))], Times: 1}
		switch s.random.IntN(4) {
		case 0:
			fault.Errcode = -1
		case 1:
			fault.CloseAfter = true
		case 2:
			fault.Delay = 3 * time.Second
		default:
			fault.Errcode = 61004
		}
		s.calm = append(s.calm, s.wechat.Inject(fault))
	case 10:
		if s.alive[appID] && s.RefreshToken(appID) != "" {
			s.ReplaceRefresh(appID)
		}
	case 11:
		s.deliver(s.NewTicket())
	default:
		_, _ = served(s.anyone(), appID)
	}
	time.Sleep(time.Duration(s.random.IntN(40_000)) * time.Millisecond)
}

// A code whose answer was lost is spent. What it was for counts all the same: an end of before
// that comes after it changes nothing.
func TestAnOlderEndDoesNotUndoAnAuthorizationWhoseCodeWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.run(w.options())
		w.push(p, w.Grant(shop).Event)
		synctest.Wait()
		time.Sleep(time.Minute)
		end := w.Revoke(shop)
		time.Sleep(time.Minute)
		again := w.Grant(shop)
		w.wechat.Inject(wechattest.Fault{Path: "/cgi-bin/component/api_query_auth", Times: 1, CloseAfter: true})
		w.push(p, again.Event)
		time.Sleep(time.Minute)
		w.push(p, end)
		time.Sleep(time.Minute)
		a, _ := p.Authorizer(shop)
		value, err := a.Token(5 * time.Second)
		if err != nil {
			t.Fatalf("got %v; want a token, be it one that WeChat refuses", err)
		}
		if _, err := a.Replace(value, 5*time.Second); err != nil {
			t.Errorf("the token is replaced: got %v", err)
		}
		w.mustServe(p, shop)
	})
}

// Whatever happened, all replicas serve those that authorize the platform, and nobody else,
// once WeChat and its events have calmed down.
func TestAfterAStormEverybodyIsServedWhoShouldBe(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStorm(t, seed)
				s.deliver(s.NewTicket())
				for range 300 {
					s.happen()
				}
				for _, end := range s.calm {
					end()
				}
				for _, e := range s.held {
					s.deliver(e)
				}
				for range 12 {
					s.deliver(s.NewTicket())
					time.Sleep(10 * time.Minute)
				}
				for appID, isAlive := range s.alive {
					// An event may have come so late that its code had expired.
					isAlive = isAlive && s.RefreshToken(appID) != ""
					for n, p := range s.replicas {
						value, err := served(p, appID)
						good := s.Tokens(appID)
						isServed := err == nil && len(good) > 0 && (value == good[len(good)-1] || value == good[0])
						if isServed != isAlive {
							t.Errorf("%s at replica %d: served %v, %v (state %s); authorized %v", appID, n, isServed, err, state(p, appID), isAlive)
						}
					}
				}
				if t.Failed() {
					t.Logf("%+v", s.Counts())
				}
			})
		})
	}
}

// seeds is how many storms there are.
const seeds = 12
