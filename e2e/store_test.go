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

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest"
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
				if a.code != http.StatusOK || strings.Contains(a.body, "at_next_start") {
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

// An old replica meets what a later version has stored: it goes on with what it has, and
// leaves that alone.
func TestRecordsOfALaterVersionAreLeftAlone(t *testing.T) {
	inFleets(t, func(f *fleet) {
		f.add(2, f.redis.Addr)
		f.awaitReady()
		f.awaitStored()
		record := "wxproxy:" + appID + ":token"
		f.redis.MustDo("DEL", record)
		f.redis.MustDo("HSET", record, "version", "2", "tokens", "canary", "generation", "1000")
		before := fmt.Sprint(f.redis.MustDo("HGETALL", record))
		f.under(func() {
			for _, p := range f.replicas {
				p.eventually("a word of it", func() bool {
					p.mustAsk("POST", p.admin+"/accounts/shop/refresh", "") // once in 2 s at most
					return p.storeOf().NewerRecords
				})
				if s := p.storeOf(); !s.Up {
					t.Errorf("got %+v; want a store that is up", s)
				}
				if page := p.mustAsk("GET", p.admin+"/?lang=en", "").body; !strings.Contains(page, "records of a later version") {
					t.Errorf("got no word of it on the page")
				}
			}
		})
		for _, p := range f.replicas {
			if lines := p.logged("the token store has records of a later version of wxproxy: this one leaves them alone, and keeps and renews its tokens in memory"); len(lines) != 1 || lines[0]["record"] != record {
				t.Errorf("got %v; want it said once", lines)
			}
		}
		if got := fmt.Sprint(f.redis.MustDo("HGETALL", record)); got != before {
			t.Errorf("got %s; want %s", got, before)
		}
	})
}

// An account is removed from one replica after the other. Those that still have it go on,
// and its tokens are gone when the last one has been reloaded.
func TestARemovedAccountsTokensLeaveTheStore(t *testing.T) {
	inFleets(t, func(f *fleet) {
		const other = "wx0000000000000001"
		f.w.AddApp(wechattest.App{ID: other, Secret: appSecret})
		kept := f.toml
		f.toml += "default = true\n" + accountWith("blog", other, appSecret, "stable")
		f.add(3, f.redis.Addr)
		f.awaitReady()
		f.awaitStored()
		first := f.replicas[0]
		first.mustSucceed("Wxproxy-Account: blog")
		if a := first.call("GET", "/cgi-bin/ticket/getticket?type=jsapi", "", "Wxproxy-Account: blog"); a.code != http.StatusOK {
			t.Errorf("got %d %s; want a ticket", a.code, a.body)
		}
		stored := func() string { return fmt.Sprint(f.redis.MustDo("KEYS", "wxproxy:"+other+":*")) }
		first.eventually("the other account's records", func() bool {
			return strings.Contains(stored(), other+":token")
		})
		f.under(func() {
			for i, p := range f.replicas {
				p.rewrite(kept)
				if a := p.mustAsk("POST", p.admin+"/reload", ""); a.code != http.StatusOK {
					t.Errorf("got %d %s", a.code, a.body)
				}
				p.eventually("a line that says so", func() bool {
					return len(p.logged("the tokens of an account that was removed have left the store")) == 1
				})
				for _, still := range f.replicas[i+1:] {
					still.mustSucceed("Wxproxy-Account: blog")
				}
			}
		})
		first.eventually("no record of it", func() bool { return stored() == "[]" }) // a lease ends by itself
		if f.stored("access_token") == "" {
			t.Error("got the other account's token removed, too")
		}
	})
}

func TestARemovedAccountsFilesAreRemoved(t *testing.T) {
	t.Parallel()
	const other = "wx0000000000000001"
	w, dir := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret}, wechattest.App{ID: other, Secret: appSecret}), t.TempDir()+"/tokens"
	store := fmt.Sprintf("[token]\nstore = \"file:%s\"\n", dir)
	p := serving(t, w.URL, store+fourLines+"default = true\n"+accountWith("blog", other, appSecret, "stable"))
	p.awaitReady()
	files := func() string {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(entries)
	}
	p.eventually("both files", func() bool { return strings.Contains(files(), appID) && strings.Contains(files(), other) })
	p.rewrite(store + fourLines)
	p.mustAsk("POST", p.admin+"/reload", "")
	p.eventually("one file", func() bool { return !strings.Contains(files(), other) })
	p.stop()
	if !strings.Contains(files(), appID) {
		t.Errorf("got %s; want the file of the account that stays", files())
	}
}

func TestARemovedAccountIsForgottenWhenRedisIsBack(t *testing.T) {
	inFleets(t, func(f *fleet) {
		const other = "wx0000000000000001"
		f.w.AddApp(wechattest.App{ID: other, Secret: appSecret})
		kept, link := f.toml, redistest.NewLink(t, f.redis.Addr)
		f.toml += "default = true\n" + accountWith("blog", other, appSecret, "stable")
		f.add(1, link.Addr)
		p := f.replicas[0]
		p.awaitReady()
		stored := func() string { return fmt.Sprint(f.redis.MustDo("KEYS", "wxproxy:"+other+":*")) }
		p.eventually("the other account's record", func() bool { return strings.Contains(stored(), other+":token") })
		link.Cut()
		p.rewrite(kept)
		p.mustAsk("POST", p.admin+"/reload", "")
		p.eventually("a warning", func() bool {
			return len(p.logged("the tokens of an account that was removed are still in the store; it is tried again")) == 1
		})
		link.Heal()
		p.eventually("no record of it", func() bool { return stored() == "[]" })
		f.awaitStored()
	})
}

// A file that store_file names is watched as the others are.
func TestAWatchedStoreFileIsTaken(t *testing.T) {
	t.Parallel()
	w, redis := startWeChat(t), redistest.Start(t)
	redis.MustDo("ACL", "SETUSER", "wxproxy", "on", ">first-password", "~*", "&*", "+@all")
	file := filepath.Join(t.TempDir(), "store")
	url := func(password string) string { return "redis://wxproxy:" + password + "@" + redis.Addr + "/0\n" }
	writeFile(t, file, url("first-password"))
	p := serving(t, w.URL, fmt.Sprintf("[proxy]\nwatch = true\n[token]\nstore_file = %q\n", file)+fourLines)
	p.awaitReady()
	p.awaitStore(1)
	redis.MustDo("ACL", "SETUSER", "wxproxy", "resetpass", ">second-password")
	redis.MustDo("CLIENT", "KILL", "USER", "wxproxy")
	p.awaitStore(0)
	p.mustSucceed()
	writeFile(t, file+".new", url("second-password"))
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	p.awaitStore(1)
	p.mustSucceed()
	p.stop()
}
