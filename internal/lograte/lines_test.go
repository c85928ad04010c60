package lograte

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLinesAreKeptApartByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards got; synctest orders events, not memory
		var got []string
		write := func(name string) func(int) {
			return func(count int) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, fmt.Sprint(name, count))
			}
		}
		l := NewLines(2, write("others"))
		for _, name := range []string{"a", "b", "a", "c", "d", "a"} {
			l.Note(name, write(name))
		}
		time.Sleep(5 * time.Minute)
		l.Note("c", write("c")) // there is room again
		mu.Lock()
		defer mu.Unlock()
		if want := "[a1 b1 others1 a2 others1 c1]"; fmt.Sprint(got) != want && fmt.Sprint(got) != "[a1 b1 others1 others1 a2 c1]" {
			t.Errorf("got %v; want %s", got, want)
		}
	})
}
