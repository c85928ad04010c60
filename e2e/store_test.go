package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// storeOf returns what /status says of the store.
func (p *program) storeOf(headers ...string) (state struct {
	Kind, Address, Remedy string
	Up                    bool
	Since                 *time.Time
	LastError             *string `json:"last_error"`
	NewerRecords          bool    `json:"newer_records"`
},
) {
	p.t.Helper()
	var status struct{ Store json.RawMessage }
	a := p.mustAsk("GET", p.admin+"/status", "", headers...)
	if err := json.Unmarshal([]byte(a.body), &status); err != nil {
		p.t.Fatalf("%v in %s", err, a.body)
	}
	if err := json.Unmarshal(status.Store, &state); err != nil {
		p.t.Fatalf("%v in %s", err, status.Store)
	}
	return state
}

// awaitStore waits until the store is up, or down, and returns how long that took.
func (p *program) awaitStore(up float64) time.Duration {
	p.t.Helper()
	began := time.Now()
	p.eventually("the store's condition", func() bool {
		got, _ := p.scrape().value("wxproxy_store_up")
		return got == up
	})
	return time.Since(began)
}

func TestAStoreThatIsAwayIsSeenAndFailsNoRequest(t *testing.T) {
	inFleets(t, func(f *fleet) {
		f.redis.MustDo("CONFIG", "SET", "requirepass", "correct-horse-battery")
		f.redisPassword = "correct-horse-battery"
		f.add(3, ":correct-horse-battery@"+f.redis.Addr+"/0")
		f.awaitReady()
		f.awaitStored()
		for _, p := range f.replicas {
			if s := p.storeOf(); s.Kind != "redis" || !s.Up || s.LastError != nil || s.Since == nil || s.Address != "redis://"+f.redis.Addr+"/0" {
				t.Errorf("got %+v; want a Redis that is up", s)
			}
			s := p.scrape()
			s.mustBe(t, 1, "wxproxy_store_up")
			for _, operation := range []string{"load", "save", "lease", "watch", "remove"} {
				s.mustBe(t, 0, "wxproxy_store_errors_total", "operation="+operation)
			}
			if n, there := s.value("wxproxy_store_duration_seconds", "operation=load"); !there || n == 0 {
				t.Errorf("got %v loads", n)
			}
		}
		f.under(func() {
			f.redis.Stop()
			for _, p := range f.replicas {
				if took := p.awaitStore(0); took > 20*time.Second {
					t.Errorf("got the store down after %v; want an alert within a minute", took)
				}
				s := p.storeOf()
				if s.Up || s.LastError == nil || s.Remedy == "" {
					t.Errorf("got %+v; want why it is down, and a remedy", s)
				}
				if text := p.mustAsk("GET", p.admin+"/status", "").body; strings.Contains(text, "battery") {
					t.Errorf("got the password in %s", text)
				}
				if page := p.mustAsk("GET", p.admin+"/?lang=zh", "").body; !strings.Contains(page, "不可用") {
					t.Errorf("got the page %s", page)
				}
				if n, _ := p.scrape().value("wxproxy_store_errors_total", "operation=watch"); n == 0 {
					t.Error("got no errors counted")
				}
			}
			f.redis.Start()
			f.redis.MustDo("CONFIG", "SET", "requirepass", "correct-horse-battery")
			for _, p := range f.replicas {
				p.awaitStore(1)
			}
		})
	})
}

func TestAFolderThatCannotBeWrittenIsSeen(t *testing.T) {
	t.Parallel()
	w, dir := startWeChat(t), filepath.Join(t.TempDir(), "tokens")
	p := serving(t, w.URL, fourLines, "WXPROXY_STORE=file:"+dir)
	p.mustSucceed()
	p.scrape().mustBe(t, 1, "wxproxy_store_up")
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	p.eventually("a store that is down", func() bool {
		p.mustAsk("POST", p.admin+"/accounts/shop/refresh", "") // WeChat is asked once in 2 s at most
		return !p.storeOf().Up
	})
	p.scrape().mustBe(t, 0, "wxproxy_store_up")
	if s := p.storeOf(); s.Kind != "file" || s.Up || s.LastError == nil || s.Remedy == "" {
		t.Errorf("got %+v; want a folder that is of no use", s)
	}
	if n, _ := p.scrape().value("wxproxy_store_errors_total", "operation=save"); n == 0 {
		t.Error("got no save that failed")
	}
	p.mustSucceed()
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	p.awaitStore(1) // before the next token
	p.stop()
}

// Redis is killed and comes back with another password, which the replicas find in their
// file when they are reloaded.
func TestRedisIsKilledAndGetsAnotherPasswordUnderLoad(t *testing.T) {
	inFleets(t, func(f *fleet) {
		passwords := []string{"correct-horse-battery", "staple-correct-horse"}
		f.redis.MustDo("CONFIG", "SET", "requirepass", passwords[0])
		file := filepath.Join(t.TempDir(), "store")
		url := func(password string) string { return "redis://:" + password + "@" + f.redis.Addr + "/0\n" }
		writeFile(t, file, url(passwords[0]))
		f.toml = fmt.Sprintf("[token]\nstore_file = %q\n", file) + f.toml
		for range 3 {
			f.replicas = append(f.replicas, serving(t, f.w.URL, f.toml))
		}
		f.redisPassword = passwords[0]
		f.awaitReady()
		f.awaitStored()
		fetches := f.fetches()
		f.under(func() {
			f.redis.Stop()
			for _, p := range f.replicas {
				p.awaitStore(0)
			}
			f.redis.Start()
			f.redis.MustDo("CONFIG", "SET", "requirepass", passwords[1])
			writeFile(t, file, url(passwords[1]))
			for _, p := range f.replicas {
				a := p.mustAsk("POST", p.admin+"/reload", "")
				if a.code != http.StatusOK || strings.Contains(a.body, "token.store") {
					t.Errorf("got %d %s; want it in force at once", a.code, a.body)
				}
				p.awaitStore(1)
			}
			f.redisPassword = passwords[1]
			f.awaitStored() // again: this Redis was empty
		})
		f.mustHaveFetched(fetches)
		for _, p := range f.replicas {
			for _, password := range passwords {
				if strings.Contains(p.stderr.String(), password) {
					t.Error("got a password in the log")
				}
			}
		}
	})
}

func TestAWrongOldKeyIsSaid(t *testing.T) {
	t.Parallel()
	w, dir, secrets := startWeChat(t), t.TempDir(), t.TempDir()
	run := func(keys string) *program {
		p := serving(t, w.URL, fmt.Sprintf("[token]\nstore = \"file:%s\"\n", dir)+keys+fourLines)
		p.mustSucceed()
		p.stop()
		return p
	}
	setting := func(name, file string) string {
		path := filepath.Join(secrets, file)
		if _, err := os.Stat(path); err != nil {
			writeFile(t, path, base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())[:32])+"\n")
		}
		return fmt.Sprintf("%s_file = %q\n", name, path)
	}
	run(setting("encryption_key", "first"))
	run(setting("encryption_key", "second") + setting("encryption_key_old", "first"))
	if n := w.Fetches(appID).Stable; n != 1 {
		t.Errorf("got %d fetches; want the first alone", n)
	}
	lines := run(setting("encryption_key", "second") + setting("encryption_key_old", "wrong")).logged("stored token ignored")
	if len(lines) != 1 || !strings.Contains(lines[0]["err"].(string), "neither with token.encryption_key nor with token.encryption_key_old") {
		t.Errorf("got %v; want it said that neither key is right", lines)
	}
}
