//go:build unix

package listen

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// busySocket listens on path and takes nobody, and has its queue full.
func busySocket(t *testing.T, path string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		c, err := net.Dial("unix", path)
		if err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("got a queue without an end")
}

func TestASocketIsTakenOnlyIfNobodyListensThere(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		there func(t *testing.T, path string)
		want  string // in the error; empty: it is taken
	}{
		"nothing": {func(*testing.T, string) {}, ""},
		"an abandoned one": {func(t *testing.T, path string) {
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			ln.SetUnlinkOnClose(false)
			ln.Close()
		}, ""},
		"one that is served": {func(t *testing.T, path string) {
			ln, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ln.Close() })
		}, "another process listens there"},
		"one whose process is busy": {busySocket, "another process may listen there"},
		"one for datagrams": {func(t *testing.T, path string) {
			c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
		}, "another process may listen there"},
		"a file": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "something else than a socket"},
		"a folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "something else than a socket"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "s")
			row.there(t, path)
			before, _ := os.Lstat(path)
			ln, err := On("unix:" + path)
			if row.want != "" {
				after, _ := os.Lstat(path)
				if err == nil || !strings.Contains(err.Error(), row.want) || !os.SameFile(before, after) {
					t.Errorf("got %v, and what was there %v; want %q, and it untouched", err, after, row.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c, err := net.Dial("unix", path); err != nil {
				t.Errorf("calling there: %v", err)
			} else {
				c.Close()
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != socketMode {
				t.Errorf("got %v, %v; want mode %o", info, err, socketMode)
			}
			ln.Close()
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("got %v; want the socket gone with its listener", err)
			}
		})
	}
}

// Somebody else's socket stays.
func TestASocketThatAnotherProcessMadeIsNotRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	first, err := On("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := On("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	first.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the second one's callers: %v; want them served", err)
	}
	c.Close()
	second.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("got %v; want the second one's socket gone", err)
	}
}
