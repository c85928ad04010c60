package proxy

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

func TestManyAPIsThatAreNotOpenAreAskedOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, apis := range []int{1, 16, 200, 1000} {
			u := &recorder{answers: []string{rawtest.RefusedBody}}
			p := New(config(u, shopWith(&fixedTokens{token: "good", replacement: "good"})...))
			const rounds = 3
			for range rounds {
				for api := range apis {
					handle(t, p, rawtest.Get(fmt.Sprintf("/closed/%d", api)))
				}
			}
			if want := (rounds + 1) * apis; len(u.got) != want {
				t.Errorf("%d calls of %d APIs in turn made %d requests; want %d", rounds*apis, apis, len(u.got), want)
			}
		}
	})
}

func TestClosedAPIsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c closedAPIs
		c.add([]byte("/first"))
		time.Sleep(time.Millisecond)
		var many sync.WaitGroup
		for worker := range 4 {
			many.Go(func() {
				for i := range maxClosed / 3 {
					c.add(fmt.Appendf(nil, "/%d/%d", worker, i))
				}
			})
		}
		many.Wait()
		c.add([]byte("/last"))
		if n := len(c.until); n != maxClosed {
			t.Errorf("got %d paths; want %d", n, maxClosed)
		}
		if !c.has([]byte("/last")) || c.has([]byte("/first")) {
			t.Error("it is not the last ones that are remembered")
		}
		time.Sleep(2 * closedFor)
		synctest.Wait()
		if c.has([]byte("/last")) || c.until != nil {
			t.Errorf("got %d paths a minute later; want no memory taken", len(c.until))
		}
	})
}

func TestLookingForAClosedAPIAllocatesNothing(t *testing.T) {
	var c closedAPIs
	path := []byte("/cgi-bin/message/custom/send")
	for range 2 {
		if n := testing.AllocsPerRun(100, func() { c.has(path) }); n != 0 {
			t.Errorf("got %v allocations; want none", n)
		}
		c.add(path)
	}
}
