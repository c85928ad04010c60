//go:build unix

package service

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An AppSecret that is taken from its file without a reload counts in the hash, as it does
// after a restart, and a reload has nothing to say of it.
func TestTheHashFollowsTheFileOfAnAppSecret(t *testing.T) {
	t.Parallel()
	w, path := startWeChat(t), filepath.Join(t.TempDir(), "secret")
	mustWrite(t, path, appSecret)
	toml := fmt.Sprintf("[upstream]\nurl = %q\n", w.URL) + strings.Replace(shop, `secret = "`+appSecret, `secret_file = "`+path, 1)
	r, seen := runService(t, toml), map[string]fs.FileInfo{}
	before := r.now.Load().hash()
	r.follow(seen)
	if got := r.now.Load().hash(); got != before {
		t.Errorf("nothing changed: got %s after %s; want the same", got, before)
	}
	another := strings.Replace(appSecret, "5ec", "6fd", 2)
	mustWrite(t, path, another)
	r.follow(seen)
	followed := r.now.Load().hash()
	if cfg, err := r.load(); err != nil || followed == before || followed != cfg.Hash(cfg) {
		t.Errorf("got %s after %s, %v; want the hash of a process that starts now", followed, before, err)
	}
	if changes, err := r.reload(); err != nil || len(changes.Changed) > 0 || r.now.Load().hash() != followed {
		t.Errorf("got %+v, %v; want a reload that changes nothing", changes, err)
	}
	for name, breaks := range map[string]func() error{
		"gone":   func() error { return os.Remove(path) },
		"a pipe": func() error { return syscall.Mkfifo(path, 0o600) },
	} {
		os.Remove(path)
		if err := breaks(); err != nil && name != "gone" {
			t.Fatal(err)
		}
		began := time.Now()
		if r.follow(seen); r.now.Load().hash() != followed || time.Since(began) > time.Second {
			t.Errorf("%s: got another hash, or waited; want what was in force", name)
		}
	}
}
