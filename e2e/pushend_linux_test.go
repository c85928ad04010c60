package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// A hangingProgram takes a push and answers it only when it is told to.
type hangingProgram struct {
	*httptest.Server
	taken, answered atomic.Int64
	hangs           atomic.Bool
}

func startHanging(t *testing.T) *hangingProgram {
	t.Helper()
	h := &hangingProgram{}
	h.hangs.Store(true)
	h.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h.taken.Add(1)
		for h.hangs.Load() {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
		h.answered.Add(1)
	}))
	t.Cleanup(func() {
		h.hangs.Store(false)
		h.CloseClientConnections()
		h.Close()
	})
	return h
}

const pushedShop = fourLines + "push_token = \"pushed-with\"\n"

// callback returns where WeChat pushes to the program under test.
func (p *program) callback() wechattest.Callback {
	p.t.Helper()
	address, _ := p.logged("serving")[0]["push"].(string)
	return wechattest.Callback{AppID: appID, URL: "http://" + address + "/push/shop", Token: "pushed-with", Tries: 1}
}

// A program that hangs keeps the process no longer than drain_timeout, and gets its push
// again from the next process.
func TestADeliveryThatHangsIsLeftToTheNextProcess(t *testing.T) {
	t.Parallel()
	w, h := startWeChat(t), startHanging(t)
	toml := fmt.Sprintf("[proxy]\ndrain_timeout = \"1s\"\n[token]\nstore = %q\n[push]\nlisten = \"127.0.0.1:0\"\n[[forward]]\nurl = %q\nasync = true\n", "file:"+filepath.Join(t.TempDir(), "tokens"), h.URL) + pushedShop
	p := serving(t, w.URL, toml)
	c := p.callback()
	if d := c.Push(t.Context(), c.Text("o1", "hello")); string(d.Tries[0].Answer) != "success" {
		t.Fatalf("got %+v; want success", d)
	}
	p.eventually("the delivery", func() bool { return h.taken.Load() == 1 })
	p.signal(syscall.SIGTERM)
	p.mustEnd(exitOK)
	if len(p.logged("drain_timeout is over; the deliveries of pushes under way are cut, and made again after the next start")) != 1 {
		t.Errorf("got %s; want that the delivery was cut", p.stderr.String())
	}
	h.hangs.Store(false)
	p = serving(t, w.URL, toml)
	p.eventually("the delivery again", func() bool { return h.answered.Load() == 1 })
	p.stop()
}

func TestASecondSignalCutsADeliveryUnderWay(t *testing.T) {
	t.Parallel()
	w, h := startWeChat(t), startHanging(t)
	p := serving(t, w.URL, fmt.Sprintf("[proxy]\ndrain_timeout = \"1h\"\n[push]\nlisten = \"127.0.0.1:0\"\n[[forward]]\nurl = %q\nasync = true\ntimeout = \"10m\"\n", h.URL)+pushedShop)
	c := p.callback()
	c.Push(t.Context(), c.Text("o1", "hello"))
	p.eventually("the push at the program", func() bool { return h.taken.Load() == 1 })
	p.signal(syscall.SIGTERM)
	p.eventually("the drain", func() bool { return len(p.logged("drained")) == 1 })
	p.signal(syscall.SIGTERM)
	if got := p.wait(); got == exitOK {
		t.Errorf("got exit code %d; want another", got)
	}
}

// The socket of pushes is for the web server before it, which is of the same group.
func TestPushesComeOverAUnixSocketToo(t *testing.T) {
	t.Parallel()
	w, h := startWeChat(t), startHanging(t)
	h.hangs.Store(false)
	socket := filepath.Join(t.TempDir(), "push.sock")
	p := serving(t, w.URL, fmt.Sprintf("[push]\nlisten = %q\n[[forward]]\nurl = %q\n", "unix:"+socket, h.URL)+pushedShop)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Fatalf("got %v, %v; want a socket of mode 0660", info, err)
	}
	c := p.callback()
	c.URL, c.Transport = "http://localhost/push/shop", overSocket(socket)
	if d := c.Push(t.Context(), c.Text("o1", "hello")); string(d.Tries[0].Answer) != "success" || h.answered.Load() != 1 {
		t.Errorf("got %+v; want success", d)
	}
	p.stop()
	if _, err := os.Stat(socket); err == nil {
		t.Error("got the socket still there after the end")
	}
}

// What systemd holds for callers cannot be where pushes come to.
func TestAPushAddressThatSystemdHoldsForCallersIsToldApart(t *testing.T) {
	t.Parallel()
	file, address := streamSocket(t, "tcp", "127.0.0.1:0")
	p := activated(t, fmt.Sprintf("[push]\nlisten = %q\n", address)+pushedShop, socketNamed{"wxproxy.socket", file})
	if got := p.wait(); got == exitOK {
		t.Error("got exit code 0; want another")
	}
	if got := p.stderr.String(); !strings.Contains(got, "systemd has opened "+address+" for callers") || !strings.Contains(got, "FileDescriptorName=push") {
		t.Errorf("got %s; want who holds the address, and what to do", got)
	}
}

// overSocket sends requests over a Unix socket.
func overSocket(path string) *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
}
