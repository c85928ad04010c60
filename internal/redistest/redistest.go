// Package redistest runs a real redis-server for tests, and makes it fail in the ways
// that servers and networks do.
package redistest

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Server is a redis-server of its own, on a free port of loopback.
type Server struct {
	Addr string

	t   testing.TB
	run []string // the command and its arguments
	env []string // variables besides those of the test
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
	s.run = []string{path, "--bind", "127.0.0.1", "--port", port(s.Addr), "--dir", s.dir}
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

// Start starts the server again, on the same port, with the data that it saved.
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

// Stop kills the server, so that it saves nothing.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // fails if it has ended, which is wanted
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Setenv sets a variable of the environment for the next start.
func (s *Server) Setenv(name, value string) { s.env = append(s.env, name+"="+value) }

// port returns the port of an address.
func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// freeAddress returns an address of loopback where nobody listens. Its port is below those
// that systems give to whoever asks for any: another test could get one of them before the
// server listens, or while it is stopped.
func freeAddress(t testing.TB) string {
	t.Helper()
	const least, most, tries = 10000, 32000, 100
	for range tries {
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(least+rand.IntN(most-least))))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("got no free port")
	return ""
}
