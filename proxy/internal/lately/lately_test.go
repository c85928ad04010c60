package lately

import (
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestAValueIsKeptAsLongAsItIsAskedFor(t *testing.T) {
	var m Map[int]
	now := time.Now()
	var used Entry[int]
	m.Add("used", &used, now)
	m.Add("unused", new(Entry[int]), now)
	for hour := range 30 {
		now = now.Add(time.Hour)
		if got := m.Get([]byte("used"), now); got != &used.Value {
			t.Fatalf("got %v; want the value", got)
		}
		for i := range 200 { // each part is swept
			m.Add(strconv.Itoa(hour*1000+i), new(Entry[int]), now)
		}
	}
	if got := m.Get([]byte("unused"), now); got != nil {
		t.Errorf("got %v of what nobody asked for in a day; want nothing", *got)
	}
}

func TestTheFirstOfTwoValuesIsKept(t *testing.T) {
	var m Map[int]
	var one, two Entry[int]
	if got := m.Add("a", &one, time.Now()); got != &one.Value {
		t.Errorf("got %v; want what was added", *got)
	}
	if got := m.Add("a", &two, time.Now()); got != &one.Value {
		t.Errorf("got %v; want what was there", *got)
	}
}

func TestManyMayAskAtOnce(t *testing.T) {
	var m Map[int]
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 1000 {
				name := strconv.Itoa(n % 100)
				if m.Get([]byte(name), time.Now()) == nil {
					m.Add(name, &Entry[int]{Value: i}, time.Now())
				}
			}
		})
	}
	all.Wait()
}

func TestAskingAllocatesNothing(t *testing.T) {
	var m Map[int]
	one, now, name := Entry[int]{Value: 1}, time.Now(), []byte("wx0123456789abcdef-and-more-than-32-bytes")
	m.Add(string(name), &one, now)
	if allocs := testing.AllocsPerRun(100, func() { m.Get(name, now) }); allocs != 0 {
		t.Errorf("got %v allocations; want none", allocs)
	}
}
