package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest/platformtest"
)

// A brokenStore is one that takes nothing for a while.
type brokenStore struct {
	name       string
	start      func(t *testing.T) (spec string)
	end, begin func(t *testing.T) // of its taking what comes
}

// brokenStores are stores of each kind that are full, or may only be read.
func brokenStores() []brokenStore {
	var dir string
	var server *redistest.Server
	redis := func(t *testing.T) string {
		server = redistest.Start(t)
		return "redis://" + server.Addr
	}
	do := func(command ...any) func(*testing.T) { return func(*testing.T) { server.MustDo(command...) } }
	rename := func(t *testing.T, from, to string) {
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Error(err)
		}
	}
	return []brokenStore{
		{"files that cannot be written", func(t *testing.T) string {
			dir = t.TempDir()
			return "file:" + dir
		}, func(t *testing.T) {
			rename(t, componentID, "away")
			writeFile(t, filepath.Join(dir, componentID), "no folder")
		}, func(t *testing.T) {
			rename(t, componentID, "damaged")
			rename(t, "away", componentID)
		}},
		{"a Redis that is full", redis, do("CONFIG", "SET", "maxmemory", "1"), do("CONFIG", "SET", "maxmemory", "0")},
		{"a Redis that may only be read", redis, do("REPLICAOF", "127.0.0.1", "1"), do("REPLICAOF", "NO", "ONE")},
	}
}

// What the store does not take is not answered with success: WeChat has it for longer than
// this process. Nothing is done with it either, since a code can be used once.
func TestNoEventIsASuccessThatTheStoreDoesNotTake(t *testing.T) {
	t.Parallel()
	for _, broken := range brokenStores() {
		t.Run(broken.name, func(t *testing.T) {
			w, saas := newSaas(t)
			saas.Change(func(s *platformtest.Settings) { s.Tries = 1 })
			p := startPlatform(t, w, saas, fmt.Sprintf("[token]\nstore = %q\n", broken.start(t)))
			const cafe = "wx2222222222222222"
			_, d := saas.Authorize(t.Context(), cafe)
			mustDeliver(t, d)
			p.eventually("an account is served", func() bool { return p.call("GET", "/@"+cafe+userInfo, "").code == 200 })

			broken.end(t)
			before := saas.Counts()
			awaitNextSecond()
			events := []platformtest.Event{saas.NewTicket(), saas.Grant(merchantID).Event, saas.Revoke(cafe)}
			for _, e := range events {
				if d := saas.Push(t.Context(), e); d.Fault == "" || d.Tries[0].Status != 502 {
					t.Errorf("%s: got %+v; want 502", e.InfoType, d)
				}
			}
			if c := saas.Counts(); c.QueryAuths != before.QueryAuths {
				t.Errorf("got %+v; want a code that is left alone", c)
			}
			if lines := p.logged("an event of a platform could not be stored, and WeChat is told to send it again"); len(lines) == 0 {
				t.Error("got no line that says so")
			}

			broken.begin(t)
			p.eventually("the store takes events again", func() bool { return saas.Push(t.Context(), events[0]).Fault == "" })
			mustDeliver(t, saas.Push(t.Context(), events[1]))
			mustDeliver(t, saas.Push(t.Context(), events[2]))
			p.awaitMerchant()
			p.eventually("the end counts", func() bool { return p.call("GET", "/@"+cafe+userInfo, "").code == 503 })
			if c := saas.Counts(); c.QueryAuths != 2 || c.RefusedQueryAuths != 0 {
				t.Errorf("got %+v; want each code redeemed once", c)
			}
			p.stop()
		})
	}
}
