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

// A body that is in memory and comes slowly leaves it for its file when others need it.
func TestSlowBodyLeavesMemoryForItsFile(t *testing.T) {
	for name, row := range map[string]struct{ used, want int64 }{
		"others need it": {defaultMemory / 16 * moreShare, MemorySize},
		"plenty":         {0, 4 * MemorySize},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := NewBudget(0)
			b, content := Body{budget: g}, rawtest.Noise(200_000)
			used, size := row.used, len(content)+10
			dribble := &pausing{content}
			src := readerFunc(func(p []byte) (int, error) {
				if len(dribble.start) == 0 { // all but a little is there
					g.Memory.taken.Add(used)
					used = 0
				}
				return dribble.Read(p)
			})
			if err := b.Fill(io.LimitReader(src, int64(size)), int64(size)); err != nil {
				t.Fatalf("%s: got %v", name, err)
			}
			if b.taken != row.want || (b.file != nil) != (row.used > 0) || g.Memory.Taken() != row.used+row.want {
				t.Errorf("%s: got %d bytes of memory and a file: %v; want %d", name, b.taken, b.file != nil, row.want)
			}
			got, err := io.ReadAll(b.Reader())
			if want := append(content, bytes.Repeat([]byte("x"), 10)...); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: got %d other bytes, %v", name, len(got), err)
			}
			b.Release()
			if got := g.Memory.Taken(); got != row.used {
				t.Errorf("%s: got %d bytes taken after the release; want %d", name, got, row.used)
			}
		})
	}
}
