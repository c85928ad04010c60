package body

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/iotest"

	"wxproxy/proxy/internal/rawtest"
)

func TestBodyOfAnySizeCanBeReadAgainAndAgain(t *testing.T) {
	t.Parallel()
	var b Body // the same one for all, as in use
	for _, size := range []int{0, 1, firstMemory - 1, firstMemory, firstMemory + 1, MemorySize - 1, MemorySize, MemorySize + 1, LongestInMemory, LongestInMemory + 1, 3<<20 + 7, 5} {
		for _, inFile := range []bool{true, false} {
			want := rawtest.Noise(size)
			if !inFile {
				b.noFile = errors.New("no room")
			}
			if err := b.Fill(iotest.HalfReader(bytes.NewReader(want)), int64(size)); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			for range 2 {
				got, err := io.ReadAll(b.Reader())
				if err != nil || !bytes.Equal(got, want) || b.Len() != int64(size) {
					t.Errorf("%d bytes, in a file: %v: got %d of %d other bytes, %v", size, inFile, len(got), b.Len(), err)
				}
				if got, err := joined(&b); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes, in a file: %v: got %d other bytes in parts, %v", size, inFile, len(got), err)
				}
			}
			if got := b.file != nil; got != (inFile && size > LongestInMemory) && size != LongestInMemory {
				t.Errorf("%d bytes: got a file: %v", size, got)
			}
			if inFile && cap(b.memory) > MemorySize {
				t.Errorf("%d bytes: got %d bytes of memory; want no more than %d", size, cap(b.memory), MemorySize)
			}
			b.Release()
			if b.Len() != 0 || b.file != nil || b.noFile != nil || cap(b.memory) > MemorySize {
				t.Errorf("%d bytes: got %d in %d bytes of memory after the release", size, b.Len(), cap(b.memory))
			}
		}
	}
}

// joined returns what the parts of a body are together.
func joined(b *Body) (whole []byte, err error) {
	buffer := make([]byte, PartSize)
	for part, err := range b.Parts(func() []byte { return buffer }) {
		if err != nil || len(part) > PartSize {
			return nil, fmt.Errorf("a part of %d bytes, %w", len(part), err)
		}
		whole = append(whole, part...)
	}
	return whole, nil
}

// What is too long for memory takes one piece of it on its way to the file.
func TestLongBodyThatWasAnnouncedTakesOnePieceOfMemory(t *testing.T) {
	t.Parallel()
	for announced, want := range map[int64]int64{0: LongestInMemory, LongestInMemory + 1: MemorySize} {
		b := New(NewBudget(0))
		b.Expect(announced)
		most := int64(0)
		src := readerFunc(func(p []byte) (int, error) {
			most = max(most, b.budget.Memory.Taken())
			return len(p), nil
		})
		if err := b.Fill(io.LimitReader(src, LongestInMemory+1), 2<<20); err != nil || most != want {
			t.Errorf("announced %d: got %d bytes of memory at most, %v; want %d", announced, most, err, want)
		}
		if got := b.budget.Memory.Taken(); got != MemorySize || b.budget.Disk.Taken() == 0 {
			t.Errorf("announced %d: got %d bytes of memory behind a file; want %d", announced, got, MemorySize)
		}
		b.Release()
		if got := b.budget.Memory.Taken(); got != 0 {
			t.Errorf("announced %d: got %d bytes of memory after the release; want none", announced, got)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestBodyBeyondItsLimitIsRefusedWhereTheLimitIs(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{0, 10, MemorySize, MemorySize + 10} {
		var b Body
		src := &io.LimitedReader{R: rand.NewChaCha8([32]byte{}), N: 10 << 20}
		if err := b.Fill(src, limit); !errors.Is(err, ErrTooLarge) {
			t.Errorf("limit %d: got %v; want %v", limit, err, ErrTooLarge)
		}
		if taken := 10<<20 - src.N; taken > limit+MemorySize {
			t.Errorf("limit %d: got %d bytes read", limit, taken)
		}
		b.Release()
	}
}

func TestNoBodyIsAnEmptyBody(t *testing.T) {
	var b *Body
	if got, err := io.ReadAll(b.Reader()); len(got) != 0 || err != nil || b.Len() != 0 {
		t.Errorf("got %q, %v, length %d; want nothing", got, err, b.Len())
	}
}

// A disk that is full is as good as none.
func TestBodyThatTheDiskDoesNotTakeIsKeptInMemory(t *testing.T) {
	t.Parallel()
	for _, open := range []func() (*os.File, error){
		func() (*os.File, error) { return os.OpenFile("/dev/full", os.O_RDWR, 0) },
		func() (*os.File, error) { return os.Open(os.DevNull) }, // to read
	} {
		file, err := open()
		if err != nil {
			t.Fatal(err)
		}
		b := Body{file: file, budget: NewBudget(0)}
		want := rawtest.Noise(1<<20 + 5)
		if err := b.Fill(bytes.NewReader(want), 2<<20); err != nil || b.noFile == nil {
			t.Errorf("%s: got %v, reason %v; want none, and a reason", file.Name(), err, b.noFile)
		}
		for range 2 {
			if got, err := io.ReadAll(b.Reader()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: got %d other bytes, %v; want %d", file.Name(), len(got), err, len(want))
			}
		}
		b.budget.Files.taken.Add(1) // which the test opened
		g := b.budget
		b.Release()
		if memory, disk, files := g.Memory.Taken(), g.Disk.Taken(), g.Files.Taken(); memory != 0 || disk != 0 || files != 0 {
			t.Errorf("%s: got %d bytes of memory, %d of the disk and %d files after the release; want none", file.Name(), memory, disk, files)
		}
	}
}
