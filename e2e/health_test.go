package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
)

// serveAt has another process than wxproxy answer at an address, and returns it.
func serveAt(t *testing.T, address string, answer http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := http.Server{Handler: answer}
	go server.Serve(ln)
	t.Cleanup(func() { server.Close() })
	return ln.Addr().String()
}

// serveReady has another process than wxproxy say 200 at an address, and returns it.
func serveReady(t *testing.T, address string) string {
	t.Helper()
	return serveAt(t, address, func(http.ResponseWriter, *http.Request) {})
}

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
	proxy := "http://" + serveReady(t, "127.0.0.1:0")
	runs(t, exitFailure, launch{args: []string{"health", "-url", "http://wxproxy.invalid"}, env: []string{"HTTP_PROXY=" + proxy, "http_proxy=" + proxy}})
	runs(t, exitOK, launch{args: []string{"health", "-url", proxy}})
}

// In a container whose file systems are all read-only there is no record.
func TestHealthWithoutARecordReadsTheFileThatHasMistakes(t *testing.T) {
	t.Parallel()
	ready := serveAt(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.NotFound(w, r)
		}
	})
	listen := fmt.Sprintf("[admin]\nlisten = %q\n", ready)
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

// WXPROXY_ADMIN_LISTEN may be set for serve alone, as in a unit of systemd, or for
// health alone, as in somebody's shell.
func TestHealthFindsTheProcessWhateverTheEnvironmentSays(t *testing.T) {
	t.Parallel()
	const variable = "WXPROXY_ADMIN_LISTEN="
	other := serveReady(t, "127.0.0.1:0")
	account := []string{"WXPROXY_APP_ID=" + appID, "WXPROXY_SECRET=" + appSecret}
	for _, row := range []struct {
		name, toml    string
		serve, health []string
	}{
		{"a file, for serve alone", fourLines, []string{variable + "127.0.0.1:0"}, nil},
		{"a file, for serve, over the file", "[admin]\nlisten = \"" + other + "\"\n" + fourLines, []string{variable + "127.0.0.1:0"}, nil},
		{"a file, for health alone", "[admin]\nlisten = \"127.0.0.1:0\"\n" + fourLines, nil, []string{variable + other}},
		{"a file, another one for health", fourLines, []string{variable + "127.0.0.1:0"}, []string{variable + other}},
		{"a file, turned off for health", "[admin]\nlisten = \"127.0.0.1:0\"\n" + fourLines, nil, []string{variable}},
		{"the environment alone, for serve alone", "", append(account, variable+"127.0.0.1:0"), nil},
		{"the environment alone, another one for health", "", append(account, variable+"127.0.0.1:0"), append(account, variable+other)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w, dir, tmp := startWeChat(t), t.TempDir(), "TMPDIR="+t.TempDir()
			if row.toml != "" {
				writeFile(t, filepath.Join(dir, "config.toml"), row.toml)
			}
			p := start(t, launch{dir: dir, env: append(row.serve, tmp, "WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL="+w.URL)})
			p.awaitServing()
			p.awaitReady()
			health := func() (int, string) {
				h := start(t, launch{args: []string{"health"}, dir: dir, env: append(row.health, tmp)})
				return h.wait(), h.stdout.String() + h.stderr.String()
			}
			if code, words := health(); code != exitOK {
				t.Errorf("got exit code %d, %s; want 0", code, words)
			}
			end := w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Status: http.StatusBadGateway})
			w.Kill(appID)
			p.call("GET", userInfo, "")
			p.eventually("/readyz with status 503", func() bool { return p.mustAsk("GET", p.admin+"/readyz", "").code == http.StatusServiceUnavailable })
			if code, words := health(); code != exitFailure || !strings.Contains(words, "503") {
				t.Errorf("without a token: got exit code %d, %s; want 1, and not another process judged", code, words)
			}
			end()
			p.stop()
		})
	}
}

func TestHealthAsksNobodyElseWhenTheProcessIsDead(t *testing.T) {
	t.Parallel()
	w, dir := startWeChat(t), t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), "[proxy]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[upstream]\nurl = \""+w.URL+"\"\n"+fourLines)
	p := start(t, launch{dir: dir, env: []string{"TMPDIR=" + t.TempDir()}})
	p.awaitServing()
	p.awaitReady()
	p.cmd.Process.Kill()
	p.wait()
	serveReady(t, strings.TrimPrefix(p.admin, "http://"))
	if code, words := p.healthOf(); code != exitFailure {
		t.Errorf("got exit code %d, %s; want 1: another process has the dead one's port", code, words)
	}
}

func TestHealthSaysThatItDoesNotKnowWhereToAsk(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ toml, want string }{
		"no file":                 {"", "config.toml: cannot be read: "},
		"a directory":             {"/", "config.toml: cannot be read: "},
		"a mistake above it":      {"x = [\n[admin]\nlisten = \"127.0.0.1:1\"\n", "is no TOML in line "},
		"an address that is none": {"[admin]\nlisten = 8081\n", "admin.listen: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "config.toml")
			switch row.toml {
			case "":
			case "/":
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			default:
				writeFile(t, path, row.toml)
			}
			h := start(t, launch{args: []string{"health"}, env: []string{"WXPROXY_CONFIG=" + path, "TMPDIR=" + t.TempDir()}})
			if h.mustEnd(exitFailure); !strings.Contains(h.stderr.String(), row.want) || !strings.Contains(h.stderr.String(), "-url") || !strings.Contains(h.stderr.String(), path) {
				t.Errorf("got %q; want the file, %q, and that -url is needed", h.stderr.String(), row.want)
			}
		})
	}
}
