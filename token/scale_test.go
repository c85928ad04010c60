package token

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/background"
)

// manyAccounts is a part of the ten thousand that one process has to bear.
const manyAccounts = 2000

// startMany returns so many started Keepers that share a Queue and a Store, as
// the program's do, and whose calls of WeChat are noted in asked.
func startMany(latency time.Duration, asked func()) []*Keeper {
	queue, store, log := background.NewQueue(32), MemoryStore(), slog.New(slog.DiscardHandler)
	keepers := make([]*Keeper, manyAccounts)
	for i := range keepers {
		w := &fakeWeChat{latency: latency}
		keepers[i] = newKeeper(w, func(o *Options) {
			o.Name, o.AppID = fmt.Sprint("account-", i), fmt.Sprintf("wx%016x", i)
			o.Queue, o.Store, o.Log = queue, store, log
			o.Fetch = counted(o.Fetch, asked)
		})
		keepers[i].Start()
	}
	return keepers
}

func stopMany(keepers []*Keeper) {
	for _, k := range keepers {
		k.Stop()
	}
}

// WeChat counts by account, but whoever calls from one address should stay below
// what it allows to one account: 10,000 calls a minute.
func TestManyAccountsStartedTogetherNeverCrowdAMinute(t *testing.T) {
	const most = manyAccounts * 6 / 10 // 6,000 of ten thousand
	synctest.Test(t, func(t *testing.T) {
		var asked times
		keepers := startMany(20*time.Millisecond, asked.note)
		defer stopMany(keepers)
		time.Sleep(time.Minute)
		atStart := len(asked.all())
		if atStart != manyAccounts {
			t.Errorf("got %d calls at the start; want one for each of %d accounts", atStart, manyAccounts)
		}
		time.Sleep(5 * time.Hour)

		later := asked.all()[atStart:]
		if got := crowdedMinute(later); got > most {
			t.Errorf("got %d calls in the most crowded minute after the start; want %d at most", got, most)
		} else {
			t.Logf("%d calls in the most crowded minute after the start", got)
		}
		if got := len(later); got < 2*manyAccounts || got > 3*manyAccounts {
			t.Errorf("got %d calls in 5 hours after the start; want 2 for each of %d accounts", got, manyAccounts)
		}
	})
}

// times are the moments at which something happened.
type times struct {
	mu    sync.Mutex // guards noted
	noted []time.Time
}

func (t *times) note() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.noted = append(t.noted, time.Now())
}

// all returns the moments in their order.
func (t *times) all() []time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.noted)
}

// crowdedMinute returns how many of moments, which are in order, are at most
// within a minute, wherever that begins.
func crowdedMinute(moments []time.Time) (most int) {
	first := 0
	for i, moment := range moments {
		for moment.Sub(moments[first]) >= time.Minute {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// BenchmarkKeepers reports what a Keeper costs at rest that has its token: bytes
// of heap and stack, with the store's record and the WeChat of the test, and
// goroutines.
func BenchmarkKeepers(b *testing.B) {
	for b.Loop() {
		goroutines, before := runtime.NumGoroutine(), inUse()
		keepers := startMany(0, func() {})
		for _, k := range keepers {
			for k.Status().State != StateFresh {
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(100 * time.Millisecond) // the last are stored, and the workers end
		b.ReportMetric(float64(inUse()-before)/manyAccounts, "B/keeper")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
		stopMany(keepers)
	}
}

// inUse returns how much memory is in use, the garbage not counted.
func inUse() int {
	runtime.GC()
	runtime.GC() // what had a finalizer, and what pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
