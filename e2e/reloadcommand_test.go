package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// reload runs wxproxy reload in the directory and with the environment of p, and
// returns its exit code and words.
func (p *program) reload(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	c := start(p.t, launch{args: append([]string{"reload"}, args...), dir: p.cmd.Dir, env: p.cmd.Env})
	return c.wait(), c.stdout.String(), c.stderr.String()
}

func TestTheCommandReloadSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	const (
		key    = "[admin]\nkey = \"a-key-of-some-length\"\n"
		newKey = "[admin]\nkey_file = \"admin-key\"\n"
	)
	p := serving(t, w.URL, key+fourLines, "TMPDIR="+t.TempDir())
	writeFile(t, filepath.Join(p.cmd.Dir, "admin-key"), "another-key-of-some-length\n")
	for _, row := range []struct {
		name, toml     string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"as it was", key + fourLines, nil, exitOK, "reloaded\n", ""},
		{"by name and address", key + fourLines, []string{"-config", "config.toml", "-url", p.admin}, exitOK, "reloaded\n", ""},
		{"what waits for the next start", "[proxy]\nmax_body = \"1MiB\"\n" + key + fourLines, nil, exitOK, "takes effect only at the next start: proxy.max_body\n", ""},
		{"a mistake", key + "secert = 1\n" + fourLines, nil, exitFailure, "", "unknown key `secert`"},
		{"no TOML", key + "[[[" + fourLines, nil, exitFailure, "", "line 3"},
		{"another key, which the process does not know yet", newKey + fourLines, nil, exitFailure, "", "the process has another admin.key than the configuration"},
		{"no key", fourLines, nil, exitFailure, "", "the process wants its admin.key, and the configuration has none"},
		{"no key, for a mistake", "[admin]\nkey_env = \"NOT_SET\"\n" + fourLines, nil, exitFailure, "", "NOT_SET"},
		{"an address where nobody is", key + fourLines, []string{"-url", "http://127.0.0.1:1"}, exitFailure, "", "connection refused"},
		{"the callers' address", key + fourLines, []string{"-url", p.proxy}, exitFailure, "", "the callers' listener answers there; is the admin listener at that address?"},
		{"an address without http", key + fourLines, []string{"-url", "127.0.0.1:1"}, exitFailure, "", "as http://127.0.0.1:8081"},
		{"an argument", key + fourLines, []string{"now"}, exitMistakes, "", `unexpected argument "now"`},
	} {
		p.rewrite(row.toml)
		code, stdout, stderr := p.reload(row.args...)
		if code != row.code || !strings.Contains(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) || (stdout == "") != (code != exitOK) {
			t.Errorf("%s: got exit code %d, %q, %q; want %d, %q, %q", row.name, code, stdout, stderr, row.code, row.stdout, row.stderr)
		}
		if strings.Contains(stdout+stderr, "-of-some-length") {
			t.Errorf("%s: got the key in %q, %q", row.name, stdout, stderr)
		}
	}
	p.stop()
}

// An admin key is changed like any other: the process knows the one before until it
// has read the configuration again.
func TestTheCommandReloadShowsTheKeyBefore(t *testing.T) {
	t.Parallel()
	var shown []string
	at := serveAt(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		shown = append(shown, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") != "Bearer the-old-key-0123456789" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintln(w, `{"error":"no"}`)
			return
		}
		fmt.Fprintln(w, `{"reloaded":true,"added":["account club"],"at_next_start":["token.store"],"warnings":["config.toml: account[1].secret_file: the file is not there"]}`)
	})
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), "[admin]\nlisten = \""+at+"\"\nkey = \"the-new-key-0123456789\"\nkey_old_file = \"old\"\n")
	writeFile(t, filepath.Join(dir, "old"), "the-old-key-0123456789\n")
	p := runs(t, exitOK, launch{args: []string{"reload"}, dir: dir, env: []string{"TMPDIR=" + t.TempDir()}})
	if got, want := p.stdout.String(), "reloaded\nadded: account club\ntakes effect only at the next start: token.store\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got, want := p.stderr.String(), "warning: config.toml: account[1].secret_file: the file is not there\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if want := []string{"POST /reload Bearer the-old-key-0123456789"}; strings.Join(shown, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q; want %q", shown, want)
	}
}

// Without a configuration there is nothing to say of one.
func TestTheCommandReloadNeedsNoConfiguration(t *testing.T) {
	t.Parallel()
	at := serveAt(t, "127.0.0.1:0", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintln(w, `{}`)
	})
	p := runs(t, exitFailure, launch{args: []string{"reload", "-url", "http://" + at}, dir: t.TempDir(), env: []string{"TMPDIR=" + t.TempDir()}})
	if got := p.stderr.String(); strings.Contains(got, "account") || !strings.Contains(got, "WXPROXY_ADMIN_KEY may give it") {
		t.Errorf("got %q; want only that the key is missing", got)
	}
}

func TestTheCommandReloadSaysWhatToDoWithoutAnAdminListener(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), "[admin]\nlisten = \"\"\n"+fourLines)
	p := runs(t, exitFailure, launch{args: []string{"reload"}, dir: dir, env: []string{"TMPDIR=" + t.TempDir()}})
	if !strings.Contains(p.stderr.String(), "the admin listener is turned off: send the process SIGHUP instead") {
		t.Errorf("got %q; want what to do", p.stderr.String())
	}
}

func TestTheCommandReloadReachesAUnixSocket(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	dir := t.TempDir()
	listen := "unix:" + filepath.Join(dir, "admin.sock")
	writeFile(t, filepath.Join(dir, "config.toml"), fmt.Sprintf("[proxy]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = %q\n[upstream]\nurl = %q\n", listen, w.URL)+fourLines)
	p := start(t, launch{dir: dir, env: []string{"TMPDIR=" + t.TempDir()}})
	p.awaitServing()
	if code, stdout, stderr := p.reload(); code != exitOK || stdout != "reloaded\n" {
		t.Errorf("got exit code %d, %q, %q; want a reload", code, stdout, stderr)
	}
	p.stop()
}
