package token

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/background"
)

func TestAFlightThatSomebodyWaitsForJumpsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := background.NewQueue(1)
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
