package platform_test

import (
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/platform"
	"wxproxy/token"
)

// twoReplicas starts two replicas, each with its way to the store.
func twoReplicas(t *testing.T, w *world) (stores []*mortal, replicas []*platform.Platform) {
	h := newHub()
	for range 2 {
		store := &mortal{view: h.view()}
		o := w.options()
		o.Store, o.Shared = store, store
		p := platform.New(o)
		p.Start()
		t.Cleanup(p.Stop)
		stores, replicas = append(stores, store), append(replicas, p)
	}
	synctest.Wait()
	w.push(replicas[0], w.NewTicket())
	return stores, replicas
}

// A replica that was told of a record while it could not read it reads it later.
func TestWhatAReplicaCouldNotReadItReadsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stores, replicas := twoReplicas(t, w)
		w.push(replicas[0], w.Grant(cafe).Event)
		time.Sleep(time.Minute)
		w.mustServe(replicas[1], cafe)

		stores[1].dead.Store(true)
		w.push(replicas[0], w.Grant(shop).Event)
		w.push(replicas[0], w.Revoke(cafe))
		time.Sleep(time.Minute)
		stores[1].dead.Store(false)
		time.Sleep(5 * time.Second)
		w.mustServe(replicas[1], shop)
		if got := state(replicas[1], cafe); got != platform.StateUnauthorized {
			t.Errorf("the other account: got %s; want its end known", got)
		}
	})
}

// A store that comes back without its data gets the ticket again: WeChat need not send one.
func TestAStoreThatHasLostTheTicketGetsItAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stores, replicas := twoReplicas(t, w)
		w.push(replicas[0], w.Grant(shop).Event)
		time.Sleep(time.Minute)
		starts := w.Counts().Starts
		emptied := stores[0].hub
		for _, appID := range []string{component, shop} {
			if _, err := emptied.Amend(token.Key{Platform: component, AppID: appID}, func(r *token.Record) bool {
				r.Granted = token.Granted{}
				return true
			}); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range emptied.views {
			v.follow(token.Key{})
		}
		time.Sleep(time.Minute)
		r, err := emptied.Load(token.Key{Platform: component, AppID: component})
		if err != nil || !r.Ticket.Equal(w.Ticket()) {
			t.Errorf("got %v; want the ticket in the store again", err)
		}
		if got := w.Counts().Starts; got != starts {
			t.Errorf("got %d requests for tickets; want none", got-starts)
		}
		for _, p := range replicas {
			w.mustServe(p, shop)
		}
	})
}

// Replicas go on with the refresh tokens that they have heard of while the store is away, and
// those that did not ask for the account's last token do, too.
func TestTokensAreRefreshedWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stores, replicas := twoReplicas(t, w)
		w.push(replicas[0], w.Grant(shop).Event)
		time.Sleep(time.Minute)
		for _, p := range replicas {
			w.mustServe(p, shop)
		}
		for _, store := range stores {
			store.dead.Store(true)
		}
		time.Sleep(3 * time.Hour)
		for n, p := range replicas {
			if _, err := served(p, shop); err != nil {
				t.Errorf("replica %d without the store: %v", n, err)
			}
		}
	})
}
