package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A socketUnit does what systemd does for a service with socket activation.
type socketUnit struct {
	t        *testing.T
	listener *net.TCPListener
	notify   *net.UnixConn
	address  string // of notify
}

func newSocketUnit(t *testing.T) *socketUnit {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	address := filepath.Join(t.TempDir(), "notify")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { notify.Close() })
	return &socketUnit{t, ln.(*net.TCPListener), notify, address}
}

// file returns the socket for another process. The one of TCPListener.File would
// have blocking mode once it is passed on, and so would the socket itself, on which
// a process may be about to accept: NonBlocking=yes keeps systemd from that.
func (u *socketUnit) file() *os.File {
	u.t.Helper()
	conn, err := u.listener.SyscallConn()
	if err != nil {
		u.t.Fatal(err)
	}
	var file *os.File
	if err := conn.Control(func(fd uintptr) {
		if fd, err := syscall.Dup(int(fd)); err == nil {
			file = os.NewFile(uintptr(fd), "socket")
		}
	}); err != nil || file == nil {
		u.t.Fatalf("got no copy of the socket: %v", err)
	}
	return file
}

// start starts the program with the socket as systemd would: the shell knows the
// pid that LISTEN_PID has to be.
func (u *socketUnit) start(upstream, toml string, env ...string) *program {
	u.t.Helper()
	dir := u.t.TempDir()
	writeFile(u.t, filepath.Join(dir, "config.toml"), toml)
	executable, err := os.Executable()
	if err != nil {
		u.t.Fatal(err)
	}
	file := u.file()
	defer file.Close()
	shell, err := exec.LookPath("sh")
	if err != nil {
		u.t.Fatal(err)
	}
	p := start(u.t, launch{
		dir: dir, executable: shell, args: []string{"-c", `LISTEN_PID=$$ exec "` + executable + `"`}, files: []*os.File{file},
		env: append([]string{
			"WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + upstream, "LISTEN_FDS=1", "NOTIFY_SOCKET=" + u.address,
		}, env...),
	})
	p.awaitServing()
	return p
}

// told returns the next thing that systemd is told.
func (u *socketUnit) told() string {
	u.t.Helper()
	buffer := make([]byte, 4096)
	u.notify.SetReadDeadline(time.Now().Add(patience))
	n, err := u.notify.Read(buffer)
	if err != nil {
		u.t.Fatal(err)
	}
	return string(buffer[:n])
}

func TestASecondInstanceTakesOverTheSocketWithoutAFailedRequest(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	u := newSocketUnit(t)
	p := u.start(w.URL, fourLines)
	p.awaitReady()
	if got, want := p.proxy, "http://"+u.listener.Addr().String(); got != want {
		t.Fatalf("got %s; want the socket that it was given, %s", got, want)
	}
	n := p.hammer(8, func() {
		old := p
		for range 5 {
			next := u.start(w.URL, fourLines)
			next.awaitReady()
			old.signal(syscall.SIGTERM)
			old.mustEnd(exitOK)
			old = next
		}
		for range 3 { // without an overlap, as systemd restarts a service
			old.signal(syscall.SIGTERM)
			old.mustEnd(exitOK)
			old = u.start(w.URL, fourLines)
		}
	})
	mustBeDistinct(t, w.Sent(), int(n))
}

func TestTheServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	u := newSocketUnit(t)
	p := u.start(w.URL, "[proxy]\nshutdown_delay = \"1s\"\n"+fourLines, "WATCHDOG_USEC=300000")
	p.awaitReady()
	var said []string
	hear := func(want string) {
		t.Helper()
		for {
			said = append(said, u.told())
			if strings.HasPrefix(said[len(said)-1], want) {
				return
			}
		}
	}
	hear("READY=1")
	hear("WATCHDOG=1")
	p.signal(syscall.SIGHUP)
	hear("RELOADING=1\nMONOTONIC_USEC=")
	hear("READY=1")
	p.signal(syscall.SIGTERM)
	hear("STOPPING=1")
	hear("WATCHDOG=1") // for as long as it takes
	p.mustEnd(exitOK)
}
