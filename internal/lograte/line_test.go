package lograte

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestALineIsWrittenAtOnceAndThenOnceAMinuteWithACount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Line
		var mu sync.Mutex // guards counts; synctest orders events, not memory
		var counts []int
		note := func(n int) {
			for range n {
				l.Note(func(count int) {
					mu.Lock()
					defer mu.Unlock()
					counts = append(counts, count)
				})
			}
		}
		wantNow := func(want ...int) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(counts, want) {
				t.Errorf("got lines for %v; want %v", counts, want)
			}
		}
		note(300)
		wantNow(1)
		time.Sleep(59 * time.Second)
		note(1)
		wantNow(1)
		time.Sleep(2 * time.Second)
		wantNow(1, 300)
		note(7)
		time.Sleep(5 * time.Minute)
		wantNow(1, 300, 7)
		note(1)
		wantNow(1, 300, 7, 1)
	})
}
