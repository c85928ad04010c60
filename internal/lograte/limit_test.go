package lograte

import (
	"fmt"
	"testing"
	"time"
)

func TestLinesThatCallersCauseAreBounded(t *testing.T) {
	s := NewLimit(2, func(int) {})
	now := time.Now()
	says := func(name string, after time.Duration, unsaid int, want bool) {
		t.Helper()
		if got, ok := s.Allows(name, now.Add(after)); ok != want || got != unsaid {
			t.Errorf("%s after %v: got %v, %d; want %v, %d", name, after, ok, got, want, unsaid)
		}
	}
	says("a", 0, 0, true)
	says("a", time.Second, 0, false)
	says("b", time.Second, 0, true)
	says("c", 2*time.Second, 0, false) // there is no room
	says("a", every, 1, true)
	says("c", every+time.Second, 0, true) // b may be forgotten
	says("d", every+2*time.Second, 0, false)
}

func TestWhatHasNoLineIsToldBeforeTheEnd(t *testing.T) {
	told := 0
	l := NewLimit(1, func(count int) { told += count })
	for range 3 {
		l.Allows("a", time.Now())
		l.Allows("b", time.Now())
	}
	l.Flush()
	l.Flush()
	if told != 5 {
		t.Errorf("got %d told; want 5", told)
	}
	lines, counts := NewLines(1, func(count int) { told += count }), 0
	for range 3 {
		lines.Note("a", func(count int) { counts += count })
		lines.Note("b", func(count int) { t.Error("a line that there is no room for was written") })
	}
	lines.Flush()
	lines.Flush()
	if counts != 3 || told != 8 {
		t.Errorf("got %d and %d counted; want 3 and 3", counts, told-5)
	}
}

// Callers that make up names fill no memory.
func TestALimitRemembersNoMoreThanItMay(t *testing.T) {
	l := NewLimit(20, func(int) {})
	for i := range 5000 {
		l.Allows(fmt.Sprint(i), time.Now())
	}
	if n := len(l.lines); n > 20 {
		t.Errorf("got %d names remembered; want 20 at most", n)
	}
}
