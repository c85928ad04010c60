package platform_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/platform"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/store/redis"
)

// replica returns the options of a platform that shares a Redis.
func (w *world) replica(server *redistest.Server) platform.Options {
	w.t.Helper()
	opened, err := store.Open(store.Config{Spec: secret.New("redis://" + server.Addr), KeyPrefix: "p", Key: secret.New("0123456789abcdef0123456789abcdef")})
	if err != nil {
		w.t.Fatal(err)
	}
	s := opened.(*redis.Store)
	s.Start()
	w.t.Cleanup(func() { s.Close() })
	o := w.options()
	o.Store, o.Shared = s, s
	return o
}

// eventually waits until is reports true, at most so long.
func eventually(t *testing.T, most time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(most); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", most, what)
		}
	}
}

func TestReplicasShareAPlatform(t *testing.T) {
	w := newWorld(t)
	server := redistest.Start(t)
	var all []*platform.Platform
	for range 3 {
		p := platform.New(w.replica(server))
		p.Start()
		t.Cleanup(p.Stop)
		all = append(all, p)
	}
	for _, p := range all {
		eventually(t, 10*time.Second, "loaded", p.Loaded)
	}
	w.push(all[0], w.NewTicket())
	grant := w.Grant(shop)
	var programs sync.WaitGroup
	for _, p := range all { // who shows the code beside the event
		programs.Go(func() {
			if appID, err := p.Redeem(t.Context(), secret.New(grant.Code)); err != nil || appID != shop {
				t.Errorf("got %q, %v; want the shop", appID, err)
			}
		})
	}
	w.push(all[0], grant.Event)
	if taken := w.push(all[1], grant.Event); taken != platform.Repeated {
		t.Errorf("at another replica: got %v; want Repeated", taken)
	}
	programs.Wait()
	for _, p := range all {
		eventually(t, 5*time.Second, "served", func() bool { _, err := served(p, shop); return err == nil })
		w.mustServe(p, shop)
	}
	if c := w.Counts(); c.QueryAuths != 1 || c.RefusedQueryAuths != 0 || c.ComponentTokens != 1 || c.Starts > 1 || c.Refreshes != 0 {
		t.Errorf("got %+v; want one code redeemed, one component token, no refresh", c)
	}
	eventually(t, 20*time.Second, "forwarded once", func() bool { return w.types(shop) == "info:authorized" })

	time.Sleep(1100 * time.Millisecond) // CreateTime has whole seconds
	w.push(all[2], w.Revoke(shop))
	eventually(t, 2*time.Second, "ended at the others", func() bool {
		_, err := served(all[0], shop)
		_, err1 := served(all[1], shop)
		return errors.Is(err, token.ErrNotAuthorized) && errors.Is(err1, token.ErrNotAuthorized)
	})
}

func TestAnotherReplicaGoesOn(t *testing.T) {
	w := newWorld(t)
	server := redistest.Start(t)
	dying := &process{left: 1 << 30}
	o := w.replica(server)
	o.HTTP = &http.Client{Transport: &mortalWay{w.wechat, dying}}
	o.Shared = nil // so that it hears of nothing, and holds no lease
	dead := platform.New(o)
	other := platform.New(w.replica(server))
	other.Start()
	t.Cleanup(other.Stop)
	eventually(t, 10*time.Second, "loaded", other.Loaded)
	dying.killed = true // it takes events, and gets nowhere with them
	w.push(dead, w.NewTicket())
	w.push(dead, w.Grant(shop).Event)
	dead.Stop()
	eventually(t, 15*time.Second, "taken over", func() bool { _, err := served(other, shop); return err == nil && w.types(shop) == "info:authorized" })
	w.mustServe(other, shop)
}
