package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What `wxproxy key NAME...` prints is pasted into a file of its own, which a reload
// takes. A file that defines a client again changes nothing.
func TestClientsStandInFilesOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	dir := t.TempDir()
	folder := filepath.Join(dir, "conf.d")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "config.toml"), "include = [\"conf.d/*.toml\"]\n[client_defaults]\nallow = [\"/cgi-bin/user/*\"]\n")
	writeFile(t, filepath.Join(folder, "a.toml"), account("shop", appID))

	printed := runs(t, exitOK, launch{args: []string{"key", "orders", "games"}}).stdout.String()
	clients, rest, _ := strings.Cut(printed, "The keys, for the programs alone:\n")
	keys := regexp.MustCompile(`(?m)^(\w+)\t(\S+)$`).FindAllStringSubmatch(rest, -1)
	if len(keys) != 2 || keys[0][1] != "orders" || keys[1][1] != "games" {
		t.Fatalf("got %s; want two keys", printed)
	}
	writeFile(t, filepath.Join(folder, "b.toml"), clients)

	p := start(t, launch{dir: dir, env: []string{"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + w.URL}})
	p.awaitServing()
	p.awaitReady()
	for _, key := range keys {
		p.mustSucceed("Authorization: Bearer " + key[2])
		p.call("POST", send, "{}", "Authorization: Bearer "+key[2]).mustBe(t, 403, "forbidden_path")
	}
	again := filepath.Join(folder, "c.toml")
	writeFile(t, again, "[[client]]\nname = \"games\"\nkey = \"another-key-of-games\"\n")
	a := p.mustAsk("POST", p.admin+"/reload", "")
	if a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, "conf.d/c.toml: client[1].name: is taken by client[2] of conf.d/b.toml already") || !strings.Contains(a.body, "line 2") {
		t.Errorf("got %d %s; want a mistake that names both files", a.code, a.body)
	}
	p.mustSucceed("Authorization: Bearer " + keys[1][2])
	if err := os.Rename(again, again+".bak"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(folder, "b.toml"), strings.Replace(clients, "[[client]]\nname       = \"games\"", "[[client]]\nname = \"players\"\nallow = []", 1))
	if a := p.mustAsk("POST", p.admin+"/reload", ""); a.code != http.StatusOK {
		t.Fatalf("got %d %s; want a reload", a.code, a.body)
	}
	if a := p.call("POST", send, "{}", "Authorization: Bearer "+keys[1][2]); a.code != http.StatusOK {
		t.Errorf("got %d %s; want every path", a.code, a.body)
	}
	p.stop()
}

func TestNamesThatNoClientCanHaveGetNoKey(t *testing.T) {
	for name, args := range map[string][]string{"a blank": {"key", "a b"}, "twice": {"key", "a", "b", "a"}, "empty": {"key", ""}} {
		if p := runs(t, exitMistakes, launch{args: args}); p.stdout.String() != "" || !strings.Contains(p.stderr.String(), "wxproxy key: ") {
			t.Errorf("%s: got %q, %q; want a mistake", name, p.stdout.String(), p.stderr.String())
		}
	}
}
