package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
)

// lacking has the hosts' new connections fail with what lack holds, if it holds
// something.
func lacking(h *Hosts, lack *atomic.Value) {
	for _, host := range h.hosts {
		host.dialer.Control = func(string, string, syscall.RawConn) error {
			if errno, ok := lack.Load().(syscall.Errno); ok && errno != 0 {
				return errno
			}
			return nil
		}
	}
}

// A request that waits goes on as soon as the machine has what it lacked.
func TestARequestWaitsForWhatThisMachineLacks(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, nil, w.URL)
	var lack atomic.Value
	lack.Store(syscall.EMFILE)
	lacking(h, &lack)
	time.AfterFunc(5*shortageLook, func() { lack.Store(syscall.Errno(0)) })
	if err := sendError(h, message("POST", "/p", "{}")); err != nil {
		t.Errorf("got %v; want an answer", err)
	}
}

func TestWhoIsToBlameForAnAttempt(t *testing.T) {
	t.Parallel()
	dial := func(ip string, errno syscall.Errno) error {
		return fmt.Errorf("connecting: %w", &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 443}, Err: os.NewSyscallError("connect", errno)})
	}
	const v4, v6 = "192.0.2.1", "2001:db8::1"
	rows := []struct {
		name string
		errs []error
		want bool // a shortage
	}{
		{"no port", []error{dial(v4, syscall.EADDRNOTAVAIL)}, true},
		{"no port, no network of version 6", []error{dial(v6, syscall.ENETUNREACH), dial(v4, syscall.EADDRNOTAVAIL)}, true},
		{"no address of version 6", []error{dial(v6, syscall.EADDRNOTAVAIL)}, false},
		{"no port on loopback", []error{dial("::1", syscall.EADDRNOTAVAIL)}, true},
		{"no address of version 6, and refused", []error{dial(v6, syscall.EADDRNOTAVAIL), dial(v4, syscall.ECONNREFUSED)}, false},
		{"refused by one", []error{dial(v4, syscall.EMFILE), dial(v4, syscall.ECONNREFUSED)}, false},
		{"no descriptor for three", []error{dial(v6, syscall.EMFILE), dial(v4, syscall.EMFILE), dial(v4, syscall.EMFILE)}, true},
		{"refused", []error{dial(v4, syscall.ECONNREFUSED)}, false},
		{"a firewall that forbids it", []error{dial(v4, syscall.EPERM)}, false},
		{"no network", []error{dial(v4, syscall.ENETUNREACH)}, false},
		{"too slow", []error{context.DeadlineExceeded}, false},
	}
	for _, row := range rows {
		var err error
		for _, e := range row.errs {
			err = alsoFailed(err, e)
		}
		if _, got := asShortage(err); got != row.want {
			t.Errorf("%s: got %v; want %v", row.name, got, row.want)
		}
	}
}

// A host that refuses is down all the same, and the next one is used meanwhile.
func TestAnotherHostIsTriedWhenThereAreNoPorts(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, nil, "http://127.0.0.1:9", w.URL)
	h.hosts[0].dialer.Control = func(string, string, syscall.RawConn) error { return syscall.EADDRNOTAVAIL }
	if err := sendError(h, message("GET", "/p", "")); err != nil || h.States()[0].Down {
		t.Errorf("got %v, %+v; want an answer of the second host, and the first up", err, h.States()[0])
	}
}

// outOfDescriptors is set in a process that uses up its descriptors; its value is
// the URL of WeChat, by name.
const outOfDescriptors = "WXPROXY_TEST_OUT_OF_DESCRIPTORS"

// The resolver's errors do not say that it has no descriptor.
func TestANameThatCannotBeLookedUpForLackOfDescriptors(t *testing.T) {
	if url := os.Getenv(outOfDescriptors); url != "" {
		useUpDescriptors(t, url)
		return
	}
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(program, "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), outOfDescriptors+"="+strings.Replace(w.URL, "127.0.0.1", "localhost", 1))
	if out, err := child.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("got %v; want no failure\n%s", err, out)
	}
}

func useUpDescriptors(t *testing.T, url string) {
	limit := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	h := hostsAt(t, nil, url)
	poll, err := net.Listen("tcp", "127.0.0.1:0") // so that the runtime has what it polls with
	if err != nil {
		t.Fatal(err)
	}
	defer poll.Close()
	var files []*os.File
	for {
		file, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, file)
	}
	err = sendError(h, message("GET", "/p", ""))
	for _, file := range files {
		file.Close()
	}
	if !isShort(err) || h.States()[0].Down {
		t.Errorf("got %v, %+v; want that there are no descriptors, and the host up", err, h.States()[0])
	}
	var resp fasthttp.Response
	if err := h.Send(message("GET", "/p", ""), &resp); err != nil {
		t.Errorf("got %v; want an answer", err)
	}
}

func TestALookupThatFailsOtherwiseIsNoShortage(t *testing.T) {
	t.Parallel()
	h := provenAt(t, func(c *HostsConfig) {
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
	}, "http://nobody.example")
	if err := sendError(h, message("GET", "/p", "")); isShort(err) || !errors.Is(err, ErrUnreachable) || !h.States()[0].Down {
		t.Errorf("got %v, %+v; want a host that is down", err, h.States()[0])
	}
}
