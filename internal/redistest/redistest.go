// Package redistest runs a real redis-server for tests, and breaks it.
package redistest

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A Server is a redis-server of its own, on a free port of loopback.
type Server struct {
	Addr string

	t   testing.TB
	run []string // the command
	env []string // besides that of the test
	dir string
	cmd *exec.Cmd // nil while it is stopped
}

// Start starts a redis-server with further arguments, or variables of the
// environment, and stops it when the test ends. Without the program the test is
// skipped.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("SKIPPED: no redis-server; `make deps` installs it")
	}
	s := &Server{Addr: freeAddress(t), t: t, dir: t.TempDir()}
	_, port, _ := net.SplitHostPort(s.Addr)
	s.run = []string{path, "--bind", "127.0.0.1", "--port", port, "--dir", s.dir}
	for _, arg := range args {
		if name, _, variable := strings.Cut(arg, "="); variable && !strings.HasPrefix(name, "-") {
			s.env = append(s.env, arg)
		} else {
			s.run = append(s.run, arg)
		}
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start starts it again, on the same port, with the data that it saved.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command(s.run[0], s.run[1:]...)
	s.cmd.Dir, s.cmd.Env = s.dir, append(os.Environ(), s.env...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", s.Addr); err == nil {
			conn.Close()
			return
		}
	}
	s.t.Fatalf("got no redis-server within %v", patience)
}

// Stop kills it, so that it saves nothing.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // fails if it has ended, which is wanted
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Pause has it answer nothing until Resume.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// A Link is a way to a Server that can be cut.
type Link struct {
	Addr string

	mu    sync.Mutex // guards what follows
	cut   bool
	conns []net.Conn
}

// NewLink returns a Link to address.
func NewLink(t testing.TB, address string) *Link {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{Addr: ln.Addr().String()}
	t.Cleanup(func() { ln.Close(); l.Heal(); l.reset() })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			go l.join(near, address)
		}
	}()
	return l
}

// Cut has everything disappear on its way, as a firewall does, and Heal lets it
// pass again, on new connections.
func (l *Link) Cut() { l.set(true) }

// Heal ends what Cut began.
func (l *Link) Heal() { l.set(false); l.reset() }

func (l *Link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

func (l *Link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		conn.Close()
	}
	l.conns = nil
}

func (l *Link) join(near net.Conn, address string) {
	far, err := net.Dial("tcp", address)
	if err != nil {
		near.Close()
		return
	}
	l.mu.Lock()
	l.conns = append(l.conns, near, far)
	l.mu.Unlock()
	go l.copy(far, near)
	l.copy(near, far)
}

// copy passes on what arrives, or nothing while the Link is cut.
func (l *Link) copy(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		cut := l.cut
		l.mu.Unlock()
		if n > 0 && !cut {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// freeAddress returns an address of loopback that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
