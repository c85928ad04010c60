package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// storeOf returns what /status says of the store.
func (p *program) storeOf() (state struct {
	Kind, Address, Remedy string
	Up                    bool
	Since                 *time.Time
	LastError             *string `json:"last_error"`
	NewerRecords          bool    `json:"newer_records"`
},
) {
	p.t.Helper()
	var status struct{ Store json.RawMessage }
	a := p.mustAsk("GET", p.admin+"/status", "")
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
