package body

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"wxproxy/proxy/internal/rawtest"
)

// halfSent gives content and then nothing until stalls ends, as a caller does that stalls.
type halfSent struct {
	content []byte
	stalled func()
	stalls  chan struct{}
}

func (h *halfSent) Read(p []byte) (int, error) {
	if n := copy(p, h.content); n > 0 {
		h.content = h.content[n:]
		return n, nil
	}
	h.stalled()
	<-h.stalls
	return 0, errors.New("the caller left")
}

// However many uploads stall in their midst, they take no more memory and disk than there
// is for all of them, as the budget counts it and as the process has it; and everything is
// free when the callers have left.
func TestTenThousandHalfSentBodiesStayWithinTheBounds(t *testing.T) {
	const uploads, memory, disk, files = 10_000, 16 << 20, 32 << 20, 100
	content := rawtest.Noise(LongestInMemory / 4 * 3)
	for name, dir := range map[string]string{"with files": t.TempDir(), "without": filepath.Join(t.TempDir(), "missing")} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", dir)
			g := NewBudget(0)
			g.Memory.Limit, g.Disk.Limit, g.diskInMemory, g.Files.Limit = memory, disk, disk, files
			stalls := make(chan struct{})
			var decided, all sync.WaitGroup // until each has stalled or was refused; until each has ended
			decided.Add(uploads)
			before := heap()
			for range uploads {
				all.Go(func() {
					b, once := New(g), sync.OnceFunc(decided.Done)
					b.Expect(LongestInMemory)
					_ = b.Fill(&halfSent{content, once, stalls}, LongestInMemory)
					b.Release()
					once()
				})
			}
			decided.Wait()
			if m, d, f := g.Memory.Taken(), g.Disk.Taken(), g.Files.Taken(); m > memory || d > disk || f > files || m < memory/16*moreShare {
				t.Errorf("got %d bytes of memory, %d of the disk, %d files; want as much as there is", m, d, f)
			}
			if got := heap() - before; got > memory+memory/8 { // which leaves something to the uploads themselves
				t.Errorf("got %d bytes more on the heap; want no more than the bodies may have, %d", got, memory)
			}
			close(stalls)
			all.Wait()
			if m, d, f := g.Memory.Taken(), g.Disk.Taken(), g.Files.Taken(); m != 0 || d != 0 || f != 0 {
				t.Errorf("got %d bytes of memory, %d of the disk, %d files at the end; want none", m, d, f)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("got %d files with names; want none", len(left))
			}
			if got := heap() - before; got > memory/2 { // the runtime keeps what it needs for so many goroutines
				t.Errorf("got %d bytes more on the heap when all have left; want next to none", got)
			}
		})
	}
}

// heap returns how many bytes of the heap something refers to.
func heap() int {
	runtime.GC()
	runtime.GC() // takes what a pool kept for one round
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
