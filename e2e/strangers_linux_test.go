package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// limited starts the program with a limit of open files.
func limited(t *testing.T, files int, upstream, toml string) *program {
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
	p := start(t, launch{
		dir: dir, executable: shell, args: []string{"-c", fmt.Sprintf(`ulimit -n %d; exec "%s"`, files, executable)},
		env: []string{"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + upstream},
	})
	p.awaitServing()
	return p
}

// silent opens connections that say nothing, until the test closes them.
func silent(t *testing.T, url string, n int) (close func()) {
	t.Helper()
	var all []net.Conn
	for range n {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	close = func() {
		for _, c := range all {
			c.Close()
		}
	}
	t.Cleanup(close)
	return close
}

// Silent connections to all ports, more than there are descriptors, end nothing and
// keep neither callers nor operators away.
func TestStrangersCannotUseUpTheDescriptors(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	const key = "orders-key-0123456789abcdef"
	for name, toml := range map[string]string{"": "", "plain I/O": "[proxy]\nplain_io = true\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := limited(t, 160, w.URL, toml+"[[client]]\nname = \"orders\"\nkey = \""+key+"\"\n"+fourLines)
			p.awaitReady()
			if warned := p.logged("the limit of open files is lower than what the settings need; raise it (LimitNOFILE= of systemd, ulimit -n of a shell), or lower these"); len(warned) != 1 || warned[0]["limit"] != 160.0 || warned[0]["callers_at_most"] == nil {
				t.Errorf("got %v; want one warning of the limit", warned)
			}
			end := []func(){silent(t, p.admin, 200), silent(t, p.proxy, 300), silent(t, p.admin, 200)}
			served := func() bool {
				p.client.CloseIdleConnections()
				a, err := p.ask("GET", p.proxy+userInfo, "", "Authorization: Bearer "+key)
				return err == nil && a.code == http.StatusOK
			}
			p.eventually("a client's answer", served)
			p.eventually("an operator's answer", func() bool {
				a, err := p.ask("GET", p.admin+"/readyz", "")
				return err == nil && a.code == http.StatusOK
			})
			for _, close := range end {
				close()
			}
			p.eventually("a client's answer afterwards", served)
			p.stop()
		})
	}
}

// flooded opens n connections that say nothing until the test's end. Each that is
// closed comes again, if strangers insist.
func flooded(t *testing.T, url string, n int, insist bool) {
	t.Helper()
	var ended sync.WaitGroup
	_, address, _ := strings.Cut(url, "://")
	for range n {
		ended.Go(func() {
			staySilent(t.Context(), address)
			for insist && t.Context().Err() == nil {
				staySilent(t.Context(), address)
			}
		})
	}
	t.Cleanup(ended.Wait)
}

// staySilent holds a connection until it is closed, or ctx ends.
func staySilent(ctx context.Context, address string) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_, _ = io.Copy(io.Discard, c)
	c.Close()
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Millisecond): // the machine has to do with others, too
	}
}

// onNewConnections asks with a connection of its own for each request.
func onNewConnections() *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
}

// allTaken is what the log says when all places are taken.
const allTaken = "max_connections are open; those that show no client's key make room for others, and if there is none the next ones are refused"

// Strangers that say nothing, more than there are descriptors, and that come again as
// soon as they are closed, keep nobody away from either port.
func TestSilentStrangersKeepNobodyAway(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	a := newAuthority(t)
	a.leaf("server")
	secure := fmt.Sprintf("tls_cert = %q\ntls_key = %q\n", a.path("server.pem"), a.path("server.key"))
	crowds := make(chan struct{}, runtime.GOMAXPROCS(0)) // at a time: each keeps a core busy
	for name, row := range map[string]struct {
		files, strangers int
		insist           bool
		proxy, clients   string
	}{
		"1024":                    {1024, 1600, false, "", oneClient},
		"1024, plain I/O":         {1024, 1600, true, "plain_io = true\n", oneClient},
		"40":                      {40, 60, true, "", oneClient},
		"256, TLS":                {256, 400, true, secure, oneClient},
		"160, no clients":         {160, 400, true, "", ""},
		"64, no clients, TLS":     {64, 150, false, secure, ""},
		"max_connections":         {10000, 100, true, "max_connections = 20\n", oneClient},
		"max_connections, nobody": {10000, 100, true, "max_connections = 20\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crowds <- struct{}{}
			t.Cleanup(func() { <-crowds })
			p := limited(t, row.files, w.URL, "[proxy]\n"+row.proxy+row.clients+fourLines)
			p.awaitReady()
			if strings.Contains(row.proxy, "tls") {
				p.proxy = strings.Replace(p.proxy, "http://", "https://", 1)
			}
			p.client = onNewConnections()
			flooded(t, p.proxy, row.strangers, row.insist)
			p.eventually("the crowd", func() bool { return len(p.logged(allTaken)) > 0 })
			for range 10 {
				p.eventually("an answer on a new connection", func() bool {
					a, err := p.ask("GET", p.proxy+userInfo, "", asOrders)
					return err == nil && a.code == http.StatusOK
				})
				if a, err := p.ask("GET", p.admin+"/readyz", ""); err != nil || a.code != http.StatusOK {
					t.Errorf("an operator got %d, %v; want 200 each time", a.code, err)
				}
			}
			if lines := p.logged("connections cannot be accepted; wxproxy goes on trying"); len(lines) > 0 {
				t.Errorf("got %v; want descriptors left all the while", lines)
			}
		})
	}
}
