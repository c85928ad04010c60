package token

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAQueueRunsAFewAtATimeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(3)
		var mu sync.Mutex
		var began []int
		under, most := 0, 0
		for i := range 10 {
			q.Add(func() {
				mu.Lock()
				began = append(began, i)
				under++
				most = max(most, under)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				under--
				mu.Unlock()
			})
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		q.mu.Lock()
		defer q.mu.Unlock()
		if most != 3 || len(began) != 10 || q.workers != 0 {
			t.Errorf("got %d at a time, %v in all, %d workers left; want 3, ten, and none", most, began, q.workers)
		}
		for i, n := range began { // three begin at once, in whatever order
			if i/3 != n/3 {
				t.Errorf("got the order %v; want who waits longest first", began)
			}
		}
	})
}

func TestAFlightThatSomebodyWaitsForJumpsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1)
		w := &fakeWeChat{latency: time.Second}
		var keepers []*Keeper
		for i := range 20 {
			k := newKeeper(w, func(o *Options) { o.Queue, o.AppID = q, fmt.Sprint("wx", i) })
			keepers = append(keepers, k)
			k.Start()
		}
		start := time.Now()
		if _, err := keepers[19].Token(time.Minute); err != nil || time.Since(start) > time.Second {
			t.Errorf("got %v after %v; want a token after one fetch", err, time.Since(start))
		}
		var ending sync.WaitGroup
		for _, k := range keepers {
			ending.Go(k.Stop)
		}
		ending.Wait()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("stopping took %v; want those who wait not to fly", took)
		}
	})
}
