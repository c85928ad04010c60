package e2e

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// shift returns what sets the clocks of a program that is started with it. See
// testdata/clock.
var shift = sync.OnceValues(func() (string, error) {
	library := filepath.Join(builtPath(), "shift.so")
	return library, execute(exec.Command("gcc", "-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, "testdata/clock/shift.c"))
})

func shiftLibrary(t testing.TB) string {
	t.Helper()
	library, err := shift()
	if err != nil {
		t.Fatal(err)
	}
	return library
}

// A clock is the time by which programs live that are started with its environment.
type clock struct {
	t     testing.TB
	file  *os.File
	env   []string
	ahead time.Duration
}

func newClock(t testing.TB) *clock {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "ahead"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	c := &clock{t: t, file: file, env: []string{"LD_PRELOAD=" + shiftLibrary(t), "CLOCK_FILE=" + file.Name()}}
	c.advance(0)
	return c
}

// advance moves the clock of all these programs forward.
func (c *clock) advance(d time.Duration) {
	c.t.Helper()
	c.ahead += d
	seconds := binary.NativeEndian.AppendUint64(nil, uint64(c.ahead/time.Second))
	if _, err := c.file.WriteAt(seconds, 0); err != nil {
		c.t.Fatal(err)
	}
}
