package body

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

// pausing sends start and then a byte every so often.
type pausing struct{ start []byte }

func (p *pausing) Read(b []byte) (int, error) {
	if n := copy(b, p.start); n > 0 {
		p.start = p.start[n:]
		return n, nil
	}
	time.Sleep(1500 * time.Millisecond)
	b[0] = 'x'
	return 1, nil
}

// Only a body that takes memory which others need has to come fast.
func TestSlowBodiesMakeRoomWhereMemoryIsScarce(t *testing.T) {
	for _, row := range []struct {
		name        string
		start, used int
		slow        bool
	}{
		{"scarce", 60_000, defaultMemory / 2, true},
		{"plenty", 60_000, 0, false},
		{"a little", 9_000, defaultMemory / 2, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := NewBudget(0)
			g.Files.Limit = 0
			g.Memory.taken.Store(int64(row.used))
			b, began := Body{budget: g}, time.Now()
			err := b.Fill(io.MultiReader(&pausing{rawtest.Noise(row.start)}, bytes.NewReader(nil)), int64(row.start)+20)
			if got := errors.Is(err, ErrSlow); got != row.slow || !row.slow && !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s: got %v after %v; want it to end: %v", row.name, err, time.Since(began), row.slow)
			}
		})
	}
}
