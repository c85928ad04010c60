//go:build unix

package e2e

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestProcessesThatDifferByTheEnvironmentAreEachFound(t *testing.T) {
	t.Parallel()
	w, dir, tmp := startWeChat(t), t.TempDir(), "TMPDIR="+t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), fourLines)
	var env [][]string
	var programs []*program
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		env = append(env, []string{tmp, "WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + w.URL, "WXPROXY_ADMIN_LISTEN=" + address})
		p := start(t, launch{dir: dir, env: env[len(env)-1]})
		p.awaitServing()
		p.awaitReady()
		programs = append(programs, p)
	}
	programs[0].signal(syscall.SIGSTOP) // so that it does not answer
	if code, words := programs[1].healthOf(); code != exitOK {
		t.Errorf("the second: got exit code %d, %s; want 0", code, words)
	}
	if code, words := programs[0].healthOf(); code != exitFailure {
		t.Errorf("the first, which hangs: got exit code %d, %s; want 1", code, words)
	}
	programs[0].signal(syscall.SIGCONT)
	programs[1].stop()
	if code, words := programs[0].healthOf(); code != exitOK {
		t.Errorf("the first, when the second has ended: got exit code %d, %s; want 0", code, words)
	}
	programs[0].stop()
}
