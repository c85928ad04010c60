package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// healthOf runs wxproxy health as a container's health check does, in the directory
// and with the environment of p, and returns its exit code and words.
func (p *program) healthOf(env ...string) (int, string) {
	p.t.Helper()
	h := start(p.t, launch{args: []string{"health"}, dir: p.cmd.Dir, env: append(p.cmd.Env[:len(p.cmd.Env):len(p.cmd.Env)], env...)})
	return h.wait(), h.stdout.String() + h.stderr.String()
}

func TestHealthJudgesTheProcessAndNotTheFile(t *testing.T) {
	t.Parallel()
	const anywhere = "[proxy]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
	for _, row := range []struct {
		name   string
		change func(p *program, secret string)
	}{
		{"as it was", func(*program, string) {}},
		{"another admin listener", func(p *program, _ string) { p.rewrite("[admin]\nlisten = \"127.0.0.1:1\"\n" + fourLines) }},
		{"no admin listener", func(p *program, _ string) { p.rewrite("[admin]\nlisten = \"\"\n" + fourLines) }},
		{"a mistake", func(p *program, _ string) { p.rewrite("secert = 1\n" + anywhere + fourLines) }},
		{"no TOML", func(p *program, _ string) { p.rewrite("[[[" + fourLines) }},
		{"an empty file", func(p *program, _ string) { p.rewrite("") }},
		{"no secret", func(_ *program, secret string) { os.Remove(secret) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t)
			dir := t.TempDir()
			secret := filepath.Join(dir, "secret")
			writeFile(t, secret, appSecret)
			writeFile(t, filepath.Join(dir, "config.toml"), anywhere+fmt.Sprintf("[upstream]\nurl = %q\n", w.URL)+
				fmt.Sprintf("[[account]]\nname = \"shop\"\napp_id = %q\nsecret_file = %q\n", appID, secret))
			p := start(t, launch{dir: dir, env: []string{"TMPDIR=" + t.TempDir()}})
			p.awaitServing()
			p.awaitReady()
			row.change(p, secret)
			p.ask("POST", p.admin+"/reload", "")
			if code, words := p.healthOf("HTTP_PROXY=http://127.0.0.1:1", "http_proxy=http://127.0.0.1:1"); code != exitOK {
				t.Errorf("got exit code %d, %s; want 0", code, words)
			}
			p.stop()
			if code, words := p.healthOf(); code != exitFailure {
				t.Errorf("after its end: got exit code %d, %s; want 1", code, words)
			}
		})
	}
}

func TestHealthAsksDirectly(t *testing.T) {
	t.Parallel()
	everybody := http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go everybody.Serve(ln)
	t.Cleanup(func() { everybody.Close() })
	proxy := "http://" + ln.Addr().String()
	runs(t, exitFailure, launch{args: []string{"health", "-url", "http://wxproxy.invalid"}, env: []string{"HTTP_PROXY=" + proxy, "http_proxy=" + proxy}})
	runs(t, exitOK, launch{args: []string{"health", "-url", proxy}})
}

// In a container whose file systems are all read-only there is no record.
func TestHealthWithoutARecordReadsTheFileThatHasMistakes(t *testing.T) {
	t.Parallel()
	ready := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.NotFound(w, r)
		}
	})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go ready.Serve(ln)
	t.Cleanup(func() { ready.Close() })
	listen := fmt.Sprintf("[admin]\nlisten = %q\n", ln.Addr())
	for name, toml := range map[string]string{
		"good":              listen + fourLines,
		"without accounts":  listen,
		"an absent secret":  listen + "[[account]]\nname = \"shop\"\napp_id = \"wx1\"\nsecret_file = \"/nowhere/secret\"\n",
		"an unknown key":    "secert = 1\n" + listen,
		"no TOML behind it": listen + "secret = abc\n" + fourLines,
	} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "config.toml"), toml)
		if h := start(t, launch{args: []string{"health"}, dir: dir}); h.wait() != exitOK || h.stdout.String() != "ready\n" {
			t.Errorf("%s: got exit code %d, %s; want 0", name, h.wait(), h.stderr.String())
		}
	}
}

func TestARecordOfAnotherUserIsNotBelieved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "record")
	write := func(mode os.FileMode) {
		os.Remove(path)
		writeFile(t, path, "http://127.0.0.1:1\n1\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write(0o600)
	if text, ok := readOwn(path); !ok || text == "" {
		t.Error("got nothing; want a record of our own")
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, ok := readOwn(link); ok {
		t.Error("got a record behind a symbolic link")
	}
	for _, mode := range []os.FileMode{0o622, 0o620, 0o602} {
		write(mode)
		if _, ok := readOwn(path); ok {
			t.Errorf("got a record that others may write, with mode %o", mode)
		}
	}
	if os.Geteuid() == 0 {
		write(0o600)
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if _, ok := readOwn(path); ok {
			t.Error("got a record of another user")
		}
	}
	os.Remove(path)
	writeFile(t, path, strings.Repeat("x", maxRecord+1))
	if _, ok := readOwn(path); ok {
		t.Error("got a record of any size")
	}
	if _, ok := readOwn(dir); ok {
		t.Error("got a directory")
	}
}
