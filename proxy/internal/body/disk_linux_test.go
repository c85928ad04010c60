package body

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"wxproxy/proxy/internal/rawtest"
)

// Where the disk has too little room, the body stays in memory and says so.
func TestBodyThatFindsADiskTooSmallSaysSo(t *testing.T) {
	t.Parallel()
	g := NewBudget(0)
	g.Disk.Limit, g.diskInMemory = math.MaxInt64, math.MaxInt64
	g.Disk.taken.Store(math.MaxInt64 / 8) // more than any disk has
	b := New(g)
	err := b.Fill(bytes.NewReader(rawtest.Noise(3<<20)), 3<<20)
	if reason := b.NoFile(); err != nil || reason == nil || !strings.Contains(reason.Error(), "half of what is free there") {
		t.Errorf("got %v, reason %v; want none, and that of the disk", err, reason)
	}
	b.Release()
}
