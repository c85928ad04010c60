package platform_test

import (
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/platform"
)

// Replicas go on with the refresh tokens that they have heard of while the store is away, and
// those that did not ask for the account's last token do, too.
func TestTokensAreRefreshedWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWorld(t), newHub()
		var stores []*mortal
		var replicas []*platform.Platform
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
