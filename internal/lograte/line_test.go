package lograte

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestALineIsWrittenAtOnceAndThenOnceAMinuteWithACount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Line
		var counts []int
		note := func(n int) {
			for range n {
				l.Note(func(count int) { counts = append(counts, count) })
			}
		}
		wantNow := func(want ...int) {
			t.Helper()
			synctest.Wait()
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
