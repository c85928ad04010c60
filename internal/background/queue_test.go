package background

import (
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
