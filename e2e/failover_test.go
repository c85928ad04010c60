package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// Callers make 500 requests a second, every other one a message, while WeChat's
// first host ends and comes back again and again. It ends between two requests:
// one that was written already could not be saved, since nothing is sent twice.
func TestNoRequestFailsWhileTheFirstHostEndsAndComesBack(t *testing.T) {
	t.Parallel()
	const callers, pause, ends = 25, 50 * time.Millisecond, 3
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	var firstCalls atomic.Int64
	first := serveWeChat(t, w, func(s *http.Server) {
		next := s.Handler
		s.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			firstCalls.Add(1)
			next.ServeHTTP(rw, r)
		})
	})
	second := serveWeChat(t, w)
	p := serving(t, "", "[upstream]\nurl = \""+first.URL+"\"\nfallback_urls = [\""+second.URL+"\"]\n"+fourLines)
	p.awaitReady()

	var underWay sync.RWMutex // held for reading during a request
	var failed, messages, requests atomic.Int64
	stop := make(chan struct{})
	var calling sync.WaitGroup
	for caller := range callers {
		calling.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				method, path, body := "GET", userInfo, ""
				if (caller+n)%2 == 0 {
					method, path, body = "POST", send, fmt.Sprintf(`{"message":"%d.%d"}`, caller, n)
					messages.Add(1)
				}
				requests.Add(1)
				underWay.RLock()
				a, err := p.ask(method, p.proxy+path, body)
				underWay.RUnlock()
				if err != nil || a.code != http.StatusOK || strings.Contains(a.body, `"errcode":4`) {
					failed.Add(1)
					t.Logf("%s: got %v, %d %s; want success", method, err, a.code, a.body)
				}
			}
		})
	}
	for range ends {
		time.Sleep(300 * time.Millisecond)
		underWay.Lock()
		first.Close()
		underWay.Unlock()
		time.Sleep(500 * time.Millisecond)
		before := firstCalls.Load()
		if err := first.Restart(); err != nil {
			t.Fatal(err)
		}
		p.eventually("requests to the first host", func() bool { return firstCalls.Load() > before })
	}
	close(stop)
	calling.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("got %d of %d requests that failed; want none", n, requests.Load())
	}
	mustBeDistinct(t, w.Sent(), int(messages.Load()))
	if downs, ups := len(p.logged("upstream host is down")), len(p.logged("upstream host is up again")); downs != ends || ups != ends {
		t.Errorf("got %d and %d lines about the host; want %d of each", downs, ups, ends)
	}
	p.stop()
}

// The token API is asked over the same hosts: one whose certificate is wrong is
// left out too.
func TestTokensComeFromTheNextHostToo(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	untrusted, err := wechattest.New().StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(untrusted.Close)
	for name, first := range map[string]string{
		"refused":     "http://" + refusing(t),
		"not trusted": untrusted.URL,
		"not TLS":     strings.Replace(w.URL, "http:", "https:", 1),
		"unknown":     "http://unknown.invalid",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "config.toml"), "[upstream]\nurl = \""+first+"\"\nfallback_urls = [\""+w.URL+"\"]\n"+fourLines)
			p := runs(t, exitOK, launch{args: []string{"check", "-live"}, dir: dir})
			if got := p.stdout.String(); !strings.Contains(got, "shop: good; ") {
				t.Errorf("got %s; want a token", got)
			}
		})
	}
}
