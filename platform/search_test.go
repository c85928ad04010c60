package platform

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The first of many are the same as if all had been sorted.
func TestTheForemostAreTheFirstOfAll(t *testing.T) {
	for _, most := range []int{0, 1, 3, 50, 1000} {
		var all []ranked
		for i := range 400 {
			all = append(all, ranked{&Authorizer{appID: fmt.Sprintf("wx%04d", i)}, i % 4})
		}
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		f := foremost{most: most}
		for _, a := range all {
			f.add(a)
		}
		slices.SortFunc(all, compareRanked)
		if got, want := f.inOrder(), all[:min(most, len(all))]; !slices.Equal(got, want) {
			t.Errorf("%d: got %d others than the first", most, len(got))
		}
	}
}
