package traffic

import (
	"testing"
	"time"
)

func TestQuantilesAreTheEndsOfIntervals(t *testing.T) {
	var s Histogram
	if d := s.read(); d.Quantile(0.5) != 0 {
		t.Errorf("got %v without requests; want 0", d.Quantile(0.5))
	}
	for _, took := range []time.Duration{0, 5 * time.Millisecond, 6 * time.Millisecond, 80 * time.Millisecond, time.Hour} {
		s.Observe(took)
	}
	d := s.read()
	for q, want := range map[float64]time.Duration{0.2: 5e6, 0.4: 5e6, 0.5: 10e6, 0.6: 10e6, 0.8: 100e6, 0.99: 30e9} {
		if got := d.Quantile(q); got != want {
			t.Errorf("%v: got %v; want %v", q, got, want)
		}
	}
	if want := time.Hour + 91*time.Millisecond; d.Total != want || d.Count() != 5 {
		t.Errorf("got %d in %v; want 5 in %v", d.Count(), d.Total, want)
	}
}
