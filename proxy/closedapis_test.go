package proxy

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func TestSeveralAPIsThatAreNotOpenAreAskedOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &recorder{answers: []string{refusedBody}}
		p := New(config(u, shopWith(&fixedTokens{token: "good", replacement: "good"})...))
		const rounds = 5
		for range rounds {
			for api := range maxClosed {
				handle(t, p, get(fmt.Sprintf("/closed/%d", api)))
			}
		}
		if want := (rounds + 1) * maxClosed; len(u.got) != want {
			t.Errorf("%d calls of %d APIs in turn made %d requests; want %d", rounds*maxClosed, maxClosed, len(u.got), want)
		}
	})
}

func TestClosedAPIsAreBounded(t *testing.T) {
	var c closedAPIs
	var many sync.WaitGroup
	for worker := range 4 {
		many.Go(func() {
			for i := range 100 {
				c.add(fmt.Appendf(nil, "/%d/%d", worker, i))
			}
		})
	}
	many.Wait()
	c.add([]byte("/last"))
	c.add([]byte("/" + strings.Repeat("x", maxClosedPath)))
	if n := len(*c.known.Load()); n != maxClosed {
		t.Errorf("got %d paths; want %d", n, maxClosed)
	}
	if !c.has([]byte("/last")) || c.has([]byte("/0/0")) || c.has([]byte("/"+strings.Repeat("x", maxClosedPath))) {
		t.Error("it is not the last short ones that are remembered")
	}
}
