package proxy

import (
	"fmt"
	"testing"
	"testing/synctest"

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
