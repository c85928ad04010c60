package traffic

import (
	"fmt"
	"testing"
)

func TestReasonsAreBounded(t *testing.T) {
	c := NewCounts()
	for i := range 1000 {
		c.Failure("orders", fmt.Sprint(i))
	}
	sum, others := uint64(0), uint64(0)
	failures := c.Snapshot().Failures
	for _, f := range failures {
		sum += f.N
		if f.Reason == OtherReason {
			others = f.N
		}
	}
	if len(failures) != maxReasons+1 || sum != 1000 || others != 1000-maxReasons {
		t.Errorf("got %d reasons, %d in all, %d others", len(failures), sum, others)
	}
}
