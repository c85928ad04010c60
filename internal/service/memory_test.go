package service

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"wxproxy/config"
	"wxproxy/internal/wechattest"
	"wxproxy/token"
)

// send is the call that is under way during reloads.
const send = "/cgi-bin/message/custom/send"

// An answer is an HTTP response that was read.
type answer struct {
	code   int
	header http.Header
	body   string
}

// A running service is one in this process, whose memory can be looked at.
type running struct {
	*Service
	t    *testing.T
	toml string // what is loaded next
	end  func() error
}

func runService(t *testing.T, toml string) *running {
	t.Helper()
	return runDrained(t, "1s", toml)
}

// runDrained runs a service with a drain_timeout.
func runDrained(t *testing.T, drainTimeout, toml string) *running {
	t.Helper()
	r := &running{t: t, toml: toml}
	dir := t.TempDir()
	load := func() (*config.Config, error) {
		path := filepath.Join(dir, "config.toml")
		if err := os.WriteFile(path, []byte("[proxy]\nlisten = \"127.0.0.1:0\"\ndrain_timeout = \""+drainTimeout+"\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"+r.toml), 0o600); err != nil {
			return nil, err
		}
		return config.Load(path, func(string) (string, bool) { return "", false })
	}
	cfg, err := load()
	if err == nil {
		r.Service, err = New(cfg, Process{Log: io.Discard})
	}
	if err == nil {
		r.load = load
		err = r.Listen()
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, make(chan os.Signal)) }()
	r.end = sync.OnceValue(func() error {
		end()
		return <-ended
	})
	t.Cleanup(func() { _ = r.end() })
	return r
}

func (r *running) mustReload(toml string) {
	r.t.Helper()
	r.toml = toml
	if _, err := r.reload(); err != nil {
		r.t.Fatal(err)
	}
}

// alive returns how many of these are still in memory.
func alive[T any](all []weak.Pointer[T]) (n int) {
	runtime.GC()
	for _, one := range all {
		if one.Value() != nil {
			n++
		}
	}
	return n
}

func TestALongAnswerKeepsNoLaterSetup(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Inject(wechattest.Fault{Path: send, Delay: time.Hour})
	toml := func(n int) string { // everything is another one
		return fmt.Sprintf("[upstream]\nurl = %q\nconnect_timeout = \"%ds\"\n", w.URL, n+1) + shop + "default = true\n" + club
	}
	r := runService(t, toml(0))
	url := "http://" + r.callers[0].Addr().String()
	ask := func(path string) {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if resp, err := client.Post(url+path, "application/json", strings.NewReader("{}")); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	go ask(send)
	eventually(t, "the request at WeChat's", func() bool { return w.Calls(send) == 1 })

	var setups []weak.Pointer[setup]
	var keepers []weak.Pointer[token.Keeper]
	const reloads = 10
	for n := range reloads {
		r.mustReload(toml(n + 1))
		ask("/cgi-bin/user/get")
		setups = append(setups, weak.Make(r.now.Load()))
		keepers = append(keepers, weak.Make(r.now.Load().keepers["shop"]))
	}
	if n := r.now.Load().proxy.InFlight(); n != 1 {
		t.Errorf("got %d requests in flight; want the long one", n)
	}
	eventually(t, "one setup in memory, but for that of the long answer", func() bool { return alive(setups) == 1 && alive(keepers) == 1 })
	if n := r.now.Load().proxy.InFlight(); n != 1 {
		t.Errorf("got %d requests in flight; want the long one still", n)
	}
}

// An account that two setups have in common is kept as long as one of them answers.
func TestAnAccountIsKeptAsLongAsARequestMayNeedIt(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	held := w.Inject(wechattest.Fault{Path: send, Delay: 3 * time.Second, Errcode: 40001, Times: 1})
	defer held()
	upstream := fmt.Sprintf("[upstream]\nurl = %q\n", w.URL)
	both := upstream + shop + "default = true\n" + club
	r := runService(t, both)
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	answered := make(chan answer, 1)
	go func() {
		var a answer
		if resp, err := client.Post("http://"+r.callers[0].Addr().String()+"/@shop"+send, "application/json", strings.NewReader("{}")); err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			a = answer{resp.StatusCode, resp.Header, string(body)}
		}
		answered <- a
	}()
	eventually(t, "the request at WeChat's", func() bool { return w.Calls(send) == 1 })
	r.mustReload(both + "[[route]]\npath = \"/wxa/x\"\ncredential = \"deny\"\n") // which keeps the account
	r.mustReload(upstream + club)                                                // which does not
	if a := <-answered; a.code != http.StatusOK || !strings.Contains(a.body, `"errcode":0`) || a.header.Get("Wxproxy-Attempts") != "2" {
		t.Errorf("got %d %s after %s attempts; want it sent again with another token", a.code, a.body, a.header.Get("Wxproxy-Attempts"))
	}
	eventually(t, "no request for the account that went", func() bool {
		r.uses.mu.Lock()
		defer r.uses.mu.Unlock()
		return len(r.uses.keepers) == 1 && len(r.uses.hosts) == 1
	})
}
