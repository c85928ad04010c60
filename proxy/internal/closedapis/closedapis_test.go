package closedapis

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestClosedAPIsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Set
		c.Add([]byte("/first"))
		time.Sleep(time.Millisecond)
		var many sync.WaitGroup
		for worker := range 4 {
			many.Go(func() {
				for i := range maxClosed / 3 {
					c.Add(fmt.Appendf(nil, "/%d/%d", worker, i))
				}
			})
		}
		many.Wait()
		c.Add([]byte("/last"))
		if n := len(c.until); n != maxClosed {
			t.Errorf("got %d paths; want %d", n, maxClosed)
		}
		if !c.Has([]byte("/last")) || c.Has([]byte("/first")) {
			t.Error("it is not the last ones that are remembered")
		}
		time.Sleep(2 * closedFor)
		synctest.Wait()
		if c.Has([]byte("/last")) || c.until != nil {
			t.Errorf("got %d paths a minute later; want no memory taken", len(c.until))
		}
	})
}

func TestLookingForAClosedAPIAllocatesNothing(t *testing.T) {
	var c Set
	path := []byte("/cgi-bin/message/custom/send")
	for range 2 {
		if n := testing.AllocsPerRun(100, func() { c.Has(path) }); n != 0 {
			t.Errorf("got %v allocations; want none", n)
		}
		c.Add(path)
	}
}
