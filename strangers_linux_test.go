package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
			if warned := p.logged("the limit of open files is lower than what the settings need; raise it (LimitNOFILE= of systemd, ulimit -n of a shell), or lower these"); len(warned) != 1 || warned[0]["limit"] != 160.0 {
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
