package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// socketNamed is a socket that systemd passes on, with its FileDescriptorName.
type socketNamed struct {
	name string
	file *os.File
}

// streamSocket returns a listener's socket, as systemd passes it on, and where it
// listens. It stays open in the test, as it does in systemd.
func streamSocket(t *testing.T, network, address string) (*os.File, string) {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	raw, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return copyOf(t, raw), ln.Addr().String()
}

func copyOf(t *testing.T, raw syscall.RawConn) (file *os.File) {
	t.Helper()
	if err := raw.Control(func(fd uintptr) {
		if fd, err := syscall.Dup(int(fd)); err == nil {
			file = os.NewFile(uintptr(fd), "socket")
		}
	}); err != nil || file == nil {
		t.Fatalf("got no copy of the socket: %v", err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// activated starts the program with sockets as systemd would.
func activated(t *testing.T, toml string, sockets ...socketNamed) *program {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), toml)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	l := launch{dir: dir, executable: shell, args: []string{"-c", `LISTEN_PID=$$ exec "` + executable + `"`}}
	var names []string
	for _, s := range sockets {
		l.files, names = append(l.files, s.file), append(names, s.name)
	}
	l.env = []string{fmt.Sprintf("LISTEN_FDS=%d", len(sockets)), "LISTEN_FDNAMES=" + strings.Join(names, ":"), "WXPROXY_LISTEN=127.0.0.1:0"}
	if !strings.Contains(toml, "[admin]") {
		l.env = append(l.env, "WXPROXY_ADMIN_LISTEN=127.0.0.1:0")
	}
	return start(t, l)
}

func TestEverySocketOfSystemdIsServed(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	var sockets []socketNamed
	var callers, operators, pushes []string
	for _, name := range []string{"wxproxy.socket", "", "unknown", "proxy", "wxproxy-next.socket", "admin", "admin", "push"} {
		file, address := streamSocket(t, "tcp", "127.0.0.1:0")
		sockets = append(sockets, socketNamed{name, file})
		switch name {
		case "admin":
			operators = append(operators, address)
		case "push":
			pushes = append(pushes, address)
		default:
			callers = append(callers, address)
		}
	}
	path := filepath.Join(t.TempDir(), "s")
	file, _ := streamSocket(t, "unix", path)
	p := activated(t, fmt.Sprintf("[upstream]\nurl = %q\n[push]\nlisten = \"127.0.0.1:0\"\n", w.URL)+fourLines, append(sockets, socketNamed{"wxproxy.socket", file})...)
	p.eventually("a proxy that serves", func() bool { return len(p.logged("serving")) == 1 })
	p.admin = "http://" + operators[0]
	p.awaitReady()
	reached := func() {
		t.Helper()
		for _, address := range callers {
			p.proxy = "http://" + address
			p.mustSucceed()
		}
		for _, address := range operators {
			if a := p.mustAsk("GET", "http://"+address+"/healthz", ""); a.code != http.StatusOK {
				t.Errorf("%s: got %d; want an answer for operators", address, a.code)
			}
		}
		for _, address := range pushes {
			if a := p.mustAsk("GET", "http://"+address+"/push/nobody", ""); a.code != http.StatusNotFound || a.body != "" {
				t.Errorf("%s: got %d %q; want an empty 404 for pushes", address, a.code, a.body)
			}
		}
		local := &http.Client{Timeout: patience, Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) },
		}}
		resp, err := local.Get("http://localhost" + userInfo)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusOK {
			t.Errorf("on the unix socket: got %d; want success", resp.StatusCode)
		}
	}
	reached()
	if a := p.mustAsk("POST", p.admin+"/reload", ""); a.code != http.StatusOK {
		t.Errorf("reloading: got %d %s", a.code, a.body)
	}
	reached()
	p.stop()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("got %v; want systemd's socket where it was", err)
	}
}

func TestASocketThatWouldNotBeServedIsAMistake(t *testing.T) {
	t.Parallel()
	stream := func(t *testing.T) *os.File { file, _ := streamSocket(t, "tcp", "127.0.0.1:0"); return file }
	datagram := func(t *testing.T) *os.File {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		raw, err := c.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		return copyOf(t, raw)
	}
	connected := func(t *testing.T) *os.File {
		file, address := streamSocket(t, "tcp", "127.0.0.1:0")
		file.Close()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		raw, err := c.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		return copyOf(t, raw)
	}
	regular := func(t *testing.T) *os.File {
		file, err := os.Create(filepath.Join(t.TempDir(), "f"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	for name, row := range map[string]struct {
		name string
		file func(*testing.T) *os.File
		toml string
		want string
	}{
		"datagrams":              {"wxproxy.socket", datagram, "", "the socket wxproxy.socket: is no stream socket"},
		"datagrams, for both":    {"admin", datagram, "", "the socket admin: is no stream socket"},
		"a name":                 {"metrics", stream, "", "the socket metrics: is of no use"},
		"a name, and what to do": {"metrics", stream, "", `write "proxy" for callers, write "admin" for operators, or "push" for WeChat's pushes`},
		"no push listener":       {"push", stream, "", `push.listen: it is "", but systemd has opened a socket with the name "push"; write push.listen = "127.0.0.1:8083"`},
		"a connection":           {"connection", connected, "", "the socket connection: does not listen"},
		"a file":                 {"wxproxy.socket", regular, "", "the socket wxproxy.socket: is no socket"},
		"no admin listener":      {"admin", stream, "[admin]\nlisten = \"\"\n", `admin.listen: it is "", but systemd has opened a socket with the name "admin"; write admin.listen = "127.0.0.1:8081"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := activated(t, row.toml+fourLines, socketNamed{"proxy", stream(t)}, socketNamed{row.name, row.file(t)})
			p.mustEnd(exitMistakes)
			if got := p.stderr.String(); !strings.Contains(got, row.want) {
				t.Errorf("got %s; want %s", got, row.want)
			}
		})
	}
}

func TestAnAdminAddressThatSystemdHoldsForCallersIsToldApart(t *testing.T) {
	t.Parallel()
	file, address := streamSocket(t, "tcp", "127.0.0.1:0")
	p := activated(t, fmt.Sprintf("[admin]\nlisten = %q\n", address)+fourLines, socketNamed{"wxproxy.socket", file})
	if got := p.wait(); got == exitOK {
		t.Error("got exit code 0; want another")
	}
	if got := p.stderr.String(); !strings.Contains(got, "systemd has opened "+address+" for callers") || !strings.Contains(got, "FileDescriptorName=admin") {
		t.Errorf("got %s; want who holds the address, and what to do", got)
	}
}
