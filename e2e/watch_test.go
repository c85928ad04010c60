package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const refusedReload = "configuration not reloaded; the one before goes on"

// mounted is a directory as Kubernetes mounts one: ..data leads to the version of the
// moment, and each file to ..data.
type mounted struct {
	t   *testing.T
	dir string
	n   int
}

// swap puts other files in the place of those before, at once.
func (m *mounted) swap(files map[string]string) {
	m.t.Helper()
	m.n++
	version := fmt.Sprintf("..%d", m.n)
	must := func(err error) {
		m.t.Helper()
		if err != nil {
			m.t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(m.dir, version), 0o755))
	for name, content := range files {
		writeFile(m.t, filepath.Join(m.dir, version, name), content)
		if link := filepath.Join(m.dir, name); m.n == 1 {
			must(os.Symlink("..data/"+name, link))
		}
	}
	must(os.Symlink(version, filepath.Join(m.dir, "..new")))
	must(os.Rename(filepath.Join(m.dir, "..new"), filepath.Join(m.dir, "..data")))
	if m.n > 1 {
		must(os.RemoveAll(filepath.Join(m.dir, fmt.Sprintf("..%d", m.n-1))))
	}
}

// A change of a ConfigMap or a Secret, and a renewed certificate, need nobody.
func TestWatchedFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	config, secrets := &mounted{t: t, dir: t.TempDir()}, &mounted{t: t, dir: t.TempDir()}
	toml := func(more string) map[string]string {
		return map[string]string{"config.toml": fmt.Sprintf("[proxy]\nlisten = \"127.0.0.1:0\"\nwatch = true\n[admin]\nlisten = \"127.0.0.1:0\"\n"+
			"[upstream]\nurl = %q\n[[account]]\nname = \"shop\"\napp_id = %q\nsecret_file = \"%s/shop\"\n[[client]]\nname = \"orders\"\nkey_file = \"%[3]s/orders\"\n%s",
			w.URL, appID, secrets.dir, more)}
	}
	const first, second = "Authorization: Bearer the-first-key-0123456789", "Authorization: Bearer the-second-key-0123456789"
	secrets.swap(map[string]string{"shop": appSecret, "orders": "the-first-key-0123456789\n"})
	config.swap(toml(""))
	p := start(t, launch{args: []string{"-config", filepath.Join(config.dir, "config.toml")}, env: []string{"TMPDIR=" + t.TempDir()}})
	p.awaitServing()
	p.awaitReady()
	p.mustSucceed(first)

	secrets.swap(map[string]string{"shop": appSecret, "orders": "the-second-key-0123456789\n"})
	p.eventually("the new key", func() bool { return p.call("GET", userInfo, "", second).code == http.StatusOK })
	p.call("GET", userInfo, "", first).mustBe(t, 401, "unauthenticated")

	config.swap(toml("deny = [\"/cgi-bin/user/*\"]\n"))
	p.eventually("the denial", func() bool { return p.call("GET", userInfo, "", second).code == http.StatusForbidden })

	// A bad file is said once; what was before goes on.
	config.swap(toml("dney = []\n"))
	p.eventually("a refusal", func() bool { return len(p.logged(refusedReload)) > 0 })
	config.swap(toml(""))
	p.eventually("the good file", func() bool { return p.call("GET", userInfo, "", second).code == http.StatusOK })
	if lines := p.logged(refusedReload); len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["mistake"]), "dney") {
		t.Errorf("got %v; want one line", lines)
	}

	// What a refused configuration names is watched, too.
	config.swap(toml("key_old_file = \"" + config.dir + "/old\"\n"))
	p.eventually("a refusal", func() bool { return len(p.logged(refusedReload)) == 2 })
	writeFile(t, filepath.Join(config.dir, "old"), "the-first-key-0123456789\n")
	p.eventually("the old key", func() bool { return p.call("GET", userInfo, "", first).code == http.StatusOK })
	p.stop()
}

func TestRenewedCertificatesAreTaken(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	a := newAuthority(t)
	a.leaf("server")
	p := serving(t, w.URL, fmt.Sprintf("[proxy]\nwatch = true\ntls_cert = %q\ntls_key = %q\n", a.path("server.pem"), a.path("server.key"))+fourLines)
	serial := func() string {
		c, err := tls.Dial("tcp", strings.TrimPrefix(p.proxy, "http://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return string(c.ConnectionState().PeerCertificates[0].Raw)
	}
	before := serial()
	a.leaf("server") // first the certificate, then its key
	p.eventually("the renewed certificate", func() bool { return serial() != before })
	p.stop()
}

func TestWatchingBeginsAndEndsWithAReload(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	denied := "[[route]]\npath = \"/cgi-bin/user/*\"\ncredential = \"deny\"\n"
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	p.mustReload("[proxy]\nwatch = true\n" + fourLines)
	p.rewrite("[proxy]\nwatch = true\n" + fourLines + denied)
	p.eventually("a denial", func() bool { return p.call("GET", userInfo, "").code == http.StatusForbidden })
	p.rewrite(fourLines)
	p.eventually("no denial", func() bool { return p.call("GET", userInfo, "").code == http.StatusOK })
	p.rewrite(fourLines + denied)
	reloads := len(p.logged("configuration reloaded"))
	p.signal(syscall.SIGHUP)
	p.eventually("a reload", func() bool { return len(p.logged("configuration reloaded")) == reloads+1 })
	if changed := len(p.logged("a file has changed; the configuration is read again")); changed != 2 {
		t.Errorf("got %d changes that were seen; want 2", changed)
	}
	p.stop()
}

// A disk that is away takes nothing along.
func TestAWatchedDirectoryThatGoesAway(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	dir := filepath.Join(t.TempDir(), "secrets")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "orders"), "the-first-key-0123456789\n")
	p := serving(t, w.URL, "[proxy]\nwatch = true\n"+fourLines+"[[client]]\nname = \"orders\"\nkey_file = \""+dir+"/orders\"\n")
	p.awaitReady()
	const first, second = "Authorization: Bearer the-first-key-0123456789", "Authorization: Bearer the-second-key-0123456789"
	const away, back = "a directory of the configuration is away; what was read from it goes on, and nothing is read again until it is back or a reload is asked for", "a directory of the configuration is back"
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	p.eventually("a line about it", func() bool { return len(p.logged(away)) == 1 })
	p.mustSucceed(first)
	writeFile(t, filepath.Join(dir+".away", "orders"), "the-second-key-0123456789\n")
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	p.eventually("the key that came with it", func() bool { return p.call("GET", userInfo, "", second).code == http.StatusOK })
	if p.logged(refusedReload) != nil || len(p.logged(away)) != 1 || len(p.logged(back)) != 1 {
		t.Errorf("got %s; want one line when it went, one when it came, and no refusal", p.stderr.tail())
	}
	p.stop()
}

// A folder of accounts that is away takes none of them along, whatever else changes. A
// reload by hand does without it, and its coming back is noticed.
func TestAWatchedFolderOfAccountsThatGoesAway(t *testing.T) {
	t.Parallel()
	w := startTwoApps(t)
	top := t.TempDir()
	club := filepath.Join(top, "teams", "club")
	if err := os.MkdirAll(club, 0o700); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(top, "teams", "nobody") // the pattern matches a file all the while
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(other, "wx.toml"), "# no account yet\n")
	writeFile(t, filepath.Join(club, "wx.toml"), account("club", otherID))
	toml := func(max int) string {
		return fmt.Sprintf("include = [%q]\n[proxy]\nwatch = true\n[upstream]\nmax_connections = %d\n", top+"/teams/*/wx.toml", max) + account("shop", appID, "default = true")
	}
	p := serving(t, w.URL, toml(1))
	p.awaitReady()
	reach := func() int { return p.call("GET", "/@club"+userInfo, "").code }
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	const away, back = "a directory of the configuration is away; what was read from it goes on, and nothing is read again until it is back or a reload is asked for", "a directory of the configuration is back"
	move(club, top+"/away")
	p.eventually("a line about it", func() bool { return len(p.logged(away)) == 1 })
	p.rewrite(toml(2))
	time.Sleep(4 * time.Second) // long enough for a change to be read
	if code := reach(); code != http.StatusOK || len(p.logged("configuration reloaded")) != 0 {
		t.Errorf("got %d, %s; want nothing read", code, p.stderr.tail())
	}
	move(top+"/away", club)
	p.eventually("all to be read", func() bool { return len(p.logged("configuration reloaded")) == 1 && len(p.logged(back)) == 1 })
	if code := reach(); code != http.StatusOK {
		t.Errorf("got %d; want success", code)
	}

	move(club, top+"/away")
	p.eventually("a line about it", func() bool { return len(p.logged(away)) == 2 })
	p.signal(syscall.SIGHUP)
	p.eventually("a reload by hand", func() bool { return reach() == http.StatusNotFound })
	move(top+"/away", club)
	p.eventually("the account again", func() bool { return reach() == http.StatusOK })
	if err := os.Remove(filepath.Join(club, "wx.toml")); err != nil {
		t.Fatal(err)
	}
	p.eventually("a line that names the file", func() bool {
		lines := p.logged("a file has changed; the configuration is read again")
		return len(lines) > 0 && lines[len(lines)-1]["file"] == filepath.Join(club, "wx.toml") && reach() == http.StatusNotFound
	})
	p.stop()
}
