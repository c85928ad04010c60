package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"wxproxy/internal/wechattest"
)

// An sdk is one that others wrote, in a program that makes its commonest calls.
// See testdata/sdk.
type sdk struct {
	name    string
	command []string
}

// sdksInGo returns the program with the SDKs in Go, whose libraries are none of wxproxy's.
var sdksInGo = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builtPath(), "sdk")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = filepath.Join("testdata", "sdk", "go")
	return path, execute(build)
})

// sdks returns all there are, ready to be run.
func sdks(t *testing.T) []sdk {
	t.Helper()
	inGo, err := sdksInGo()
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs(filepath.Join("testdata", "sdk", "npm", "sdk.js"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(script), "node_modules")); err != nil {
		t.Skip("the npm SDKs are missing: make deps")
	}
	return []sdk{
		{"silenceper", []string{inGo, "silenceper"}},
		{"fastwego", []string{inGo, "fastwego"}},
		{"co-wechat-api", []string{"node", script, "co-wechat-api"}},
		{"easywechat", []string{"node", script, "easywechat"}},
		{"easywechat with stable tokens", []string{"node", script, "easywechat-stable"}},
	}
}

// run has the SDK make its calls, in a directory of its own for its caches.
func (s sdk) run(t *testing.T, p *program, appID, secret string) {
	t.Helper()
	s.runIn(t, t.TempDir(), p, appID, secret)
}

// runIn has the SDK make its calls, in a directory that may have caches of earlier
// runs. It reports whether all succeeded.
func (s sdk) runIn(t *testing.T, dir string, p *program, appID, secret string, env ...string) bool {
	t.Helper()
	c := exec.Command(s.command[0], append(slices.Clone(s.command[1:]), p.proxy, appID, secret)...)
	c.Dir = dir
	c.Env = append(append(os.Environ(), "TMPDIR="+c.Dir), env...)
	out, err := c.CombinedOutput()
	calls := strings.Count(string(out), ": ok\n")
	if err != nil || calls < 10 {
		t.Errorf("%s: %v, %d calls succeeded:\n%s", s.name, err, calls, out)
		return false
	}
	return true
}

// Every SDK does what it does at WeChat's, with nothing changed but its base URL
// and, where there are clients, its secret.
func TestSDKsOfOthersWorkUnchanged(t *testing.T) {
	t.Parallel()
	for _, s := range sdks(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			t.Run("alone", func(t *testing.T) {
				w := startWeChat(t)
				p := serving(t, w.URL, fourLines)
				s.run(t, p, appID, "whatever")
				p.stop()
			})
			t.Run("while WeChat revokes the token between calls", func(t *testing.T) {
				w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
				simulated := serveWeChat(t, w, func(server *http.Server) {
					inner := server.Handler
					server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						inner.ServeHTTP(rw, r)
						if !strings.HasSuffix(r.URL.Path, "token") && r.URL.Path != "/cgi-bin/get_api_domain_ip" {
							w.Revoke(appID)
						}
					})
				})
				p := serving(t, simulated.URL, fourLines)
				s.run(t, p, appID, "whatever")
				p.stop()
			})
			t.Run("two clients with two accounts at once", func(t *testing.T) {
				const other = "wxfedcba9876543210"
				w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret}, wechattest.App{ID: other, Secret: appSecret})
				w.Record()
				p := serving(t, w.URL, fourLines+fmt.Sprintf("[[account]]\nname = \"club\"\napp_id = %q\nsecret = %q\n", other, appSecret)+
					"[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789\"\naccounts = [\"shop\"]\n"+
					"[[client]]\nname = \"games\"\nkey = \"games-key-0123456789\"\naccounts = [\"club\"]\n")
				var running sync.WaitGroup
				running.Go(func() { s.run(t, p, appID, "orders-key-0123456789") })
				running.Go(func() { s.run(t, p, other, "games-key-0123456789") })
				running.Wait()
				p.stop()
				for _, r := range w.Requests() {
					if strings.Contains(r.Target+string(r.Body), "-key-0123456789") || strings.Contains(r.Target, "wxp_") {
						t.Errorf("WeChat got %s; want no key and no token of ours", r.Target)
					}
				}
			})
		})
	}
}

// The recipes of docs/migration.md redirect requests for WeChat's API alone: those for
// QR codes and WeChat Pay go where they went.
func TestTheRecipesMoveWeChatsHostAlone(t *testing.T) {
	t.Parallel()
	_ = sdks(t)
	doc := read(t, "docs/migration.md")
	recipe := regexp.MustCompile("(?m)^\\| co-wechat-api \\(npm\\) \\| `([^`]+)`").FindStringSubmatch(doc)
	if recipe == nil {
		t.Fatal("got no recipe for co-wechat-api in docs/migration.md")
	}
	const base = "http://127.0.0.1:8080"
	if used := strings.Replace(recipe[1], "'"+base+"'", "base", 1); !strings.Contains(read(t, "testdata/sdk/npm/sdk.js"), used) {
		t.Errorf("got a test of another recipe than %s", recipe[1])
	}
	c := exec.Command("node", "-e", "const api = new (require('co-wechat-api'))('a', 'b'); const before = { ...api };"+recipe[1]+
		"; for (const k of Object.keys(api)) if (typeof api[k] === 'string' && before[k].startsWith('http')) console.log(before[k] + ' ' + api[k])")
	c.Dir = filepath.Join("testdata", "sdk", "npm")
	out, err := c.CombinedOutput()
	if lines := strings.Count(string(out), "\n"); err != nil || lines < 8 {
		t.Fatalf("got %v and %d prefixes: %s", err, lines, out)
	}
	for line := range strings.Lines(string(out)) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " ")
		want := before
		if path, ours := strings.CutPrefix(before, "https://api.weixin.qq.com"); ours {
			want = base + path
		}
		if after != want {
			t.Errorf("%s: got %s; want %s", before, after, want)
		}
	}
}
