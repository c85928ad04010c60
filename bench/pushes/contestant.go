//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
	"wxproxy/internal/wechattest"
)

// The account of all pushes.
const (
	appID     = "wx0123456789abcdef"
	pushToken = "push-token-of-the-benchmark"
	aesKey    = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// calm is the share of the core that other processes may use while a program is measured.
const calm = 0.10

// A contestant is a program that takes pushes.
type contestant struct {
	peer     *peer.Peer
	process  *peer.Process
	callback wechattest.Callback
}

// byHand is the receiver of receive.go, which is this program, too.
func byHand() *peer.Peer {
	return peer.Program("by hand", func(_ peer.Site, addr string) ([]string, error) {
		self, err := os.Executable()
		return []string{self, "receive", addr}, err
	})
}

// wxproxy is the program at path with one forward, and with a store for tokens that it
// cannot fetch.
func wxproxy(name, path, forward string) *peer.Peer {
	return peer.Program(name, func(s peer.Site, addr string) ([]string, error) {
		file := filepath.Join(s.Dir, "config.toml")
		toml := fmt.Sprintf(`[proxy]
listen = "127.0.0.1:0"
[push]
listen = %q
[admin]
listen = "127.0.0.1:0"
[upstream]
url = "http://127.0.0.1:9"
[token]
store = "file:%s/tokens"
[[account]]
name = "shop"
app_id = %q
secret = "0123456789abcdef0123456789abcdef"
push_token = %q
push_aes_key = %q
[[forward]]
url = "http://%s/"
`, addr, s.Dir, appID, pushToken, aesKey, forward)
		return []string{path, "serve", "-config", file}, os.WriteFile(file, []byte(toml), 0o600)
	})
}

// start starts the program and waits until it passes the URL check.
func (c *contestant) start(ctx context.Context, dir string) (err error) {
	if c.process, err = c.peer.Start(peer.Site{Dir: dir}); err != nil {
		return err
	}
	c.callback = wechattest.Callback{
		AppID: appID, URL: "http://" + c.process.Addr + "/push/shop", Token: pushToken, AESKey: aesKey, Mode: wechattest.Safe,
	}
	return c.process.Await(ctx, func() error { return c.callback.Check(ctx) })
}

// calmest measures once, and again up to twice while other processes disturb.
func (c *contestant) calmest(ctx context.Context) (best report.Run, err error) {
	for i := range 3 {
		run, err := c.measure(ctx)
		if err != nil {
			return run, err
		}
		if i == 0 || run.Others < best.Others {
			best = run
		}
		if best.Others <= calm {
			break
		}
	}
	return best, nil
}

// measure loads the program with pushes that it has not seen.
func (c *contestant) measure(ctx context.Context) (r report.Run, err error) {
	warm, all := c.requests(ctx, warmPushes), c.requests(ctx, pushes)
	if _, err := push(c.process.Addr, warm); err != nil {
		return r, err
	}
	idle, err := idleTime()
	if err != nil {
		return r, err
	}
	before, err := c.process.Usage()
	if err != nil {
		return r, err
	}
	began := time.Now()
	latencies, err := push(c.process.Addr, all)
	r.Elapsed = time.Since(began)
	if err != nil {
		return r, err
	}
	after, err := c.process.Usage()
	if err != nil {
		return r, err
	}
	idleAfter, err := idleTime()
	if err != nil {
		return r, err
	}
	used := after.Since(before)
	r.CPU, r.User, r.System = used.CPU, used.User, used.System
	r.Others = max(0, float64(r.Elapsed-(idleAfter-idle)-used.CPU)/float64(r.Elapsed))
	r.Requests = len(latencies)
	r.P50, r.P99, r.P999 = load.Percentile(latencies, 0.5), load.Percentile(latencies, 0.99), load.Percentile(latencies, 0.999)
	r.Memory, err = c.process.Memory()
	return r, err
}

// idleTime returns how long the core of the programs was idle, in steps of 10 ms.
func idleTime() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	_, line, _ := strings.Cut(string(stat), fmt.Sprintf("\ncpu%d ", peer.ProxyCore))
	var user, nice, system, idle, waiting int64
	if _, err := fmt.Sscan(line, &user, &nice, &system, &idle, &waiting); err != nil {
		return 0, fmt.Errorf("reading the time of core %d: %w", peer.ProxyCore, err)
	}
	const tick = 10 * time.Millisecond
	return time.Duration(idle+waiting) * tick, nil
}
