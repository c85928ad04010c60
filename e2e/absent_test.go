package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inFile is an account whose AppSecret is in a file.
func inFile(name, id, file string) string {
	return fmt.Sprintf("[[account]]\nname = %q\napp_id = %q\nsecret_file = %q\n", name, id, file)
}

// One account whose secret file is missing is that account's trouble.
func TestAnAccountWithoutItsSecretFileLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	w := startTwoApps(t)
	toml := account("shop", appID, "default = true") + inFile("club", otherID, "./club.secret")
	p := serving(t, w.URL, toml)
	p.eventually("a token of the other one", func() bool { return p.mustAsk("GET", p.admin+"/readyz?account=shop", "").code == http.StatusOK })
	p.mustSucceed()
	if lines := p.logged("configuration"); len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["warning"]), `account[2].secret_file: the file is not there`) {
		t.Errorf("got %v; want a warning that names the key", lines)
	}
	p.call("GET", "/@club"+userInfo, "").mustBe(t, http.StatusServiceUnavailable, "token_unavailable")
	a := p.mustAsk("GET", p.admin+"/readyz?account=club", "")
	for _, want := range []string{"./club.secret", "no such file", "make the account's secret readable"} {
		if a.code != http.StatusServiceUnavailable || !strings.Contains(a.body, want) {
			t.Errorf("got %d %s; want %q in it", a.code, a.body, want)
		}
	}
	if check := p.check(); check.wait() != exitFailure || !strings.Contains(check.stderr.String(), `account[2].secret_file: reading the file: no such file or directory (it is "./club.secret")`) {
		t.Errorf("got exit code %d, %s; want the file that is missing", check.wait(), check.stderr.String())
	}

	// It is tried again when the file appears.
	file := filepath.Join(p.cmd.Dir, "club.secret")
	writeFile(t, file, appSecret+"\n")
	p.eventually("a token of that account", func() bool { return p.mustAsk("GET", p.admin+"/readyz?account=club", "").code == http.StatusOK })
	if check := p.check(); check.wait() != exitOK {
		t.Errorf("got exit code %d, %s; want a good configuration", check.wait(), check.stderr.String())
	}

	// At a reload the others change, and the token of the one goes on.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	toml = strings.Replace(toml, `"shop"`, `"mall"`, 1)
	p.rewrite(toml)
	code, stdout, stderr := p.reload()
	if code != exitOK || !strings.Contains(stdout, "reloaded\n") || !strings.Contains(stderr, "warning: config.toml: account[2].secret_file: the file is not there") {
		t.Errorf("got exit code %d, %q, %q; want a reload with a warning", code, stdout, stderr)
	}
	var answer struct {
		Reloaded bool
		Warnings []string
	}
	if a := p.mustAsk("POST", p.admin+"/reload", ""); json.Unmarshal([]byte(a.body), &answer) != nil || !answer.Reloaded || len(answer.Warnings) != 1 {
		t.Errorf("got %d %s; want the warning", a.code, a.body)
	}
	_, club, _ := strings.Cut(p.mustAsk("GET", p.admin+"/status", "").body, `"name": "club"`)
	for _, want := range []string{`"state": "fresh"`, "no such file", "make the account's secret readable"} {
		if !strings.Contains(club, want) {
			t.Errorf("got %s; want %q in it", club, want)
		}
	}
	for _, path := range []string{"/@mall" + userInfo, "/@club" + userInfo} {
		if a := p.call("GET", path, ""); a.code != http.StatusOK {
			t.Errorf("%s: got %d %s; want success", path, a.code, a.body)
		}
	}
	if f := w.Fetches(otherID); f.Stable != 1 {
		t.Errorf("got %+v; want one fetch", f)
	}
	writeFile(t, file, appSecret+"\n")
	if status := p.mustAsk("GET", p.admin+"/status", "").body; strings.Contains(status, "no such file") {
		t.Errorf("got %s; want no error any more", status)
	}
	p.stop()
}

// check runs wxproxy check in the directory and with the environment of p.
func (p *program) check() *program {
	p.t.Helper()
	return start(p.t, launch{args: []string{"check"}, dir: p.cmd.Dir, env: p.cmd.Env})
}

// Where no account has its secret, nobody can be served.
func TestASecretFileThatAllLackIsAMistake(t *testing.T) {
	t.Parallel()
	for name, toml := range map[string]string{
		"the only account": inFile("shop", appID, "./shop.secret"),
		"both":             inFile("shop", appID, "./shop.secret") + inFile("club", otherID, "./club.secret"),
	} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "config.toml"), toml)
		p := runs(t, exitMistakes, launch{dir: dir})
		if !strings.Contains(p.stderr.String(), `account[1].secret_file: reading the file: no such file or directory (it is "./shop.secret")`) ||
			strings.Contains(p.stderr.String(), "club.secret") != (name == "both") {
			t.Errorf("%s: got %s; want a mistake for each", name, p.stderr.String())
		}
	}
}

// A missing file of another kind is everybody's, as before.
func TestAClientsKeyFileThatIsMissingIsAMistake(t *testing.T) {
	t.Parallel()
	w := startTwoApps(t)
	toml := account("shop", appID, "default = true") + account("club", otherID)
	p := serving(t, w.URL, toml)
	p.rewrite(toml + "[[client]]\nname = \"orders\"\nkey_file = \"./orders.key\"\n")
	p.signal(syscall.SIGHUP)
	p.eventually("a refusal", func() bool { return len(p.logged(refusedReload)) == 1 })
	p.stop()
}
