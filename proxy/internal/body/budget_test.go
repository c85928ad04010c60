package body

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"wxproxy/proxy/internal/rawtest"
)

// A body is the same wherever its pieces are, in a file or in memory, as the bounds
// have it.
func TestBodyIsTheSameWhereverThereIsRoomForIt(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, firstMemory, smallBody, smallBody + 1, MemorySize, MemorySize + 1, 300_000, 1 << 20, 3 << 19} {
		for _, memory := range []int64{0, firstMemory, smallBody, MemorySize, 4 * MemorySize, 3 << 20, 8 << 20} {
			for _, disk := range []int64{0, firstMemory, 100_000, 8 << 20} {
				for _, files := range []int64{0, 1} {
					g := NewBudget(0)
					g.Memory.Limit, g.Disk.Limit, g.Files.Limit = memory, disk, files
					b, want := Body{budget: g}, rawtest.Noise(size)
					err := b.Fill(bytes.NewReader(want), 2<<20)
					where := fmt.Sprintf("%d bytes, %d of memory, %d of the disk, %d files", size, memory, disk, files)
					got, _ := joined(&b)
					if again, _ := io.ReadAll(b.Reader()); !bytes.Equal(again, got) {
						t.Errorf("%s: got %d bytes, and %d in parts; want the same", where, len(again), len(got))
					}
					if err == nil && !bytes.Equal(got, want) || err != nil && !bytes.HasPrefix(want, got) {
						t.Errorf("%s: got %d other bytes; want what came", where, len(got))
					}
					need := int64(size) + 2*MemorySize
					enough := memory/4*3 >= need || files > 0 && memory >= firstMemory && disk/4*3 >= need
					if err != nil && (!errors.Is(err, ErrNoRoom) || enough) {
						t.Errorf("%s: got %v; want the body", where, err)
					}
					if m, d := g.Memory.Taken(), g.Disk.Taken(); m > memory || d > disk || m+d < b.Len() {
						t.Errorf("%s: got %d and %d bytes taken; want no more", where, m, d)
					}
					b.Release()
					if m, d, f := g.Memory.Taken(), g.Disk.Taken(), g.Files.Taken(); m != 0 || d != 0 || f != 0 {
						t.Errorf("%s: got %d and %d bytes and %d files after the release; want none", where, m, d, f)
					}
				}
			}
		}
	}
}

// A body that just fills what there is for it needs no more to be seen to be whole, whether
// its length was announced or not; one that has a byte more is refused.
func TestBodyThatJustFillsItsRoomIsWhole(t *testing.T) {
	t.Parallel()
	for _, size := range []int{firstMemory, 2 * firstMemory, smallBody} {
		for _, announced := range []int64{-1, 0, int64(size)} {
			for more := range 2 {
				g := NewBudget(0)
				g.Memory.Limit, g.Disk.Limit = int64(size), 0
				b := Body{budget: g}
				b.Expect(announced)
				if announced > 0 {
					b.Expect(announced + int64(more))
				}
				err := b.Fill(bytes.NewReader(rawtest.Noise(size+more)), 2<<20)
				if more == 0 && (err != nil || b.Len() != int64(size)) || more == 1 && !errors.Is(err, ErrNoRoom) {
					t.Errorf("%d bytes and %d more, announced %d: got %d, %v", size, more, announced, b.Len(), err)
				}
				b.Release()
			}
		}
	}
}

// Tries that fail take nothing from others meanwhile.
func TestTriesThatFailLeaveTheRoomToOthers(t *testing.T) {
	t.Parallel()
	b := Bound{Limit: 100}
	var tries sync.WaitGroup
	for range 4 {
		tries.Go(func() {
			for range 20_000 {
				if b.take(1000, b.Limit) == nil {
					t.Error("got more than there is")
				}
			}
		})
	}
	for range 20_000 {
		if full := b.take(10, b.Limit); full != nil {
			t.Fatalf("got %v; want what is left", full)
		}
		b.taken.Add(-10)
	}
	tries.Wait()
}

func TestMemoryLimitBoundsTheBudget(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int64][2]int64{
		0: {defaultMemory, defaultDisk}, 1: {leastMemory, leastMemory}, 128 << 20: {16 << 20, 16 << 20},
		1 << 30: {defaultMemory, 128 << 20}, 1 << 40: {defaultMemory, defaultDisk},
	} {
		if g := NewBudget(limit); g.Memory.Limit != want[0] || g.diskInMemory != want[1] {
			t.Errorf("limit %d: got %d, %d; want %d", limit, g.Memory.Limit, g.diskInMemory, want)
		}
	}
}
