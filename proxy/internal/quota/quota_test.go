package quota

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestARateIsAnAverageWithASecondOfLicence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New("orders", 0, 100*time.Millisecond)
		for i := range 10 {
			if wait := q.reserve(time.Now()); wait != 0 {
				t.Errorf("request %d: waits %v; want a second's worth at once", i, wait)
			}
		}
		for i := range 10 {
			if wait, want := q.reserve(time.Now()), time.Duration(i+1)*100*time.Millisecond; wait != want {
				t.Errorf("request %d beyond: waits %v; want %v", i, wait, want)
			}
		}
		if wait := q.reserve(time.Now()); wait <= queueLimit {
			t.Errorf("got %v; want more than is waited", wait)
		}
		time.Sleep(time.Second)
		if wait := q.reserve(time.Now()); wait != 100*time.Millisecond {
			t.Errorf("a second later: waits %v; want its turn", wait)
		}
		time.Sleep(time.Hour)
		n := 0
		for q.reserve(time.Now()) == 0 {
			n++
		}
		if n != 10 {
			t.Errorf("after an hour: got %d at once; want no more than a second's worth", n)
		}
	})
}

func TestASlowRateLetsOneRequestInAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New("orders", 0, time.Minute)
		if wait := q.reserve(time.Now()); wait != 0 {
			t.Errorf("the first waits %v", wait)
		}
		if wait := q.reserve(time.Now()); wait != time.Minute {
			t.Errorf("the second waits %v; want a minute, which is not waited", wait)
		}
	})
}
