package e2e

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"wxproxy/internal/wechattest"
)

// A configured is what /status says of the configuration.
type configured struct {
	Hash       string
	LoadedAt   string `json:"loaded_at"`
	LastReload struct {
		At         string
		Successful bool
	} `json:"last_reload"`
}

func (p *program) configured() configured {
	p.t.Helper()
	var status struct{ Config configured }
	if a := p.mustAsk("GET", p.admin+"/status", ""); a.code != http.StatusOK || json.Unmarshal([]byte(a.body), &status) != nil {
		p.t.Fatalf("got %d %s; want the status", a.code, a.body)
	}
	want, err := strconv.ParseUint(status.Config.Hash, 16, 64)
	if got, there := p.scrape().value("wxproxy_config_hash", "hash="+status.Config.Hash); err != nil || !there || got != float64(want) {
		p.t.Errorf("got wxproxy_config_hash %v, %t; want %d, as /status says: %s", got, there, want, status.Config.Hash)
	}
	return status.Config
}

func TestReplicasThatDifferAreSeen(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	inFile, dir := strings.Replace(fourLines, `secret = "`+appSecret+`"`, `secret_file = "shop"`, 1), t.TempDir()
	if inFile == fourLines {
		t.Fatal("got no secret to put in a file")
	}
	writeFile(t, filepath.Join(dir, "config.toml"), inFile)
	writeFile(t, filepath.Join(dir, "shop"), appSecret+"\n")
	p := serving(t, w.URL, fourLines)
	q := start(t, launch{dir: dir, env: []string{"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + w.URL}})
	q.awaitServing()
	p.awaitReady()
	first := p.configured()
	if same := q.configured(); first.Hash != same.Hash || !first.LastReload.Successful {
		t.Errorf("got %+v and %+v; want the same hash wherever the secret comes from", first, same)
	}
	if a := p.mustAsk("GET", p.admin+"/metrics", ""); !strings.Contains(a.body, `goversion="`+runtime.Version()+`",version="`) {
		t.Errorf("got %s; want the versions", a.body)
	}
	p.scrape().mustBe(t, 1, "wxproxy_config_last_reload_successful")

	const canary = "canary-key-5f4dcc3b5aa765d6"
	next := "[admin]\nkey_old = \"" + canary + "-old\"\nkey = \"" + canary + "\"\n[log]\naccess = true\n" + account("mall", appID) +
		"[[client]]\nname = \"orders\"\nkey = \"" + canary + "-orders\"\n"
	a := p.mustReload(next)
	var said struct{ Added, Removed, Changed []string }
	if err := json.Unmarshal([]byte(a.body), &said); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"added": "account mall, client orders", "removed": "account shop", "changed": "admin.key, admin.key_old, log.access"}
	got := map[string]string{"added": strings.Join(said.Added, ", "), "removed": strings.Join(said.Removed, ", "), "changed": strings.Join(said.Changed, ", ")}
	p.eventually("a line about the reload", func() bool { return len(p.logged("configuration reloaded")) == 1 })
	lines := p.logged("configuration reloaded")
	for kind, names := range want {
		if got[kind] != names || len(lines) != 1 || lines[0][kind] != names {
			t.Errorf("%s: got %q, and in the log %v; want %q", kind, got[kind], lines, names)
		}
	}
	if strings.Contains(a.body+p.stderr.String(), canary) {
		t.Error("got a key in the answer or in the log")
	}
	second := p.configured()
	if second.Hash == first.Hash || lines[0]["config_hash"] != second.Hash {
		t.Errorf("got %+v after %+v, and in the log %v; want another hash", second, first, lines)
	}

	p.rewrite("secert = 1\n" + next)
	p.signal(syscall.SIGHUP)
	p.eventually("a refusal in /status", func() bool { return !p.configured().LastReload.Successful })
	if third := p.configured(); third.Hash != second.Hash || third.LoadedAt != second.LoadedAt {
		t.Errorf("got %+v after %+v; want the configuration before", third, second)
	}
	p.scrape().mustBe(t, 0, "wxproxy_config_last_reload_successful")
	p.stop()
}

// Replicas of which one has an old AppSecret differ.
func TestASecretThatDiffersIsSeen(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
	p := serving(t, w.URL, fourLines)
	before := p.configured()
	a := p.mustReload(strings.Replace(fourLines, appSecret, strings.Replace(appSecret, "5", "6", 1), 1))
	if after := p.configured(); after.Hash == before.Hash || !strings.Contains(a.body, `"account shop (secret)"`) {
		t.Errorf("got %+v after %+v, %s; want another hash, and the name of what has changed", after, before, a.body)
	}
	p.stop()
}
