package demo

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// What can go wrong in a demo.
const (
	failIP     = "ip"     // the API refuses the address of this machine
	failSecret = "secret" // the configuration has another secret than the API
	failDown   = "down"   // the API cannot be reached, every other while
	failStorm  = "storm"  // many programs call while something ends the token again and again
)

// Failures are the words for what can go wrong.
var Failures = [...]string{failIP, failSecret, failDown, failStorm}

const (
	// otherAddress is on the list of allowed addresses that this machine is not on.
	otherAddress = "203.0.113.1"

	downFor    = 15 * time.Second
	stormEvery = time.Second

	// A storm has so many programs, each of which rests so long between two calls.
	stormPrograms = 4
	stormRest     = 250 * time.Millisecond
)

// failTexts say what to look at.
var failTexts = map[string]struct{ english, chinese string }{
	failIP: {`-fail ip: the simulated side has another address on its list than this machine's. Call, and look at
/status or the page: they say what it objects to, and which address belongs on the list.

`, `-fail ip：模拟端的 IP 白名单里没有本机。调用一次，再看 /status 或页面：上面写明对方拒绝的原因，
以及应当把哪个 IP 加入名单。

`},
	failSecret: {`-fail secret: the secret is wrong. Call, and look at /status or the page: they say so, and when the
next try is; the pauses between tries double.

`, `-fail secret：密钥填错了。调用一次，再看 /status 或页面：上面写明原因和下次重试的时间；
重试的间隔逐次加倍。

`},
	failDown: {`-fail down: the simulated side is away for 15 seconds out of 30. Calls get 502 at once and nothing
is sent; it is found again by itself.

`, `-fail down：模拟端每 30 秒中有 15 秒连不上。这段时间的调用立即得到 502，什么都没有发出；
恢复后会自动发现。

`},
	failStorm: {`-fail storm: four programs call all the time, while a colleague takes the token away every second.
Each call is answered as if nothing had happened: see "rejections" in /status, and the page.

`, `-fail storm：四个程序不停地调用，同时每秒有人把 token 刷新一次。每个调用都正常得到应答：
看 /status 中的 "rejections" 和页面。

`},
}

// Fail has go wrong what the settings say, until ctx ends.
func (d *Demo) Fail(ctx context.Context) {
	switch d.settings.Fail {
	case failDown:
		d.goDown(ctx)
	case failStorm:
		d.storm(ctx)
	}
}

// goDown has the simulated API be away every other while.
func (d *Demo) goDown(ctx context.Context) {
	for wait(ctx, downFor) {
		d.server.Close()
		if !wait(ctx, downFor) {
			return
		}
		if err := d.server.Restart(); err != nil {
			d.service.Log().Error("the simulated API cannot come back; start the demo again", "err", err)
			return
		}
	}
}

// storm has programs call while the token ends again and again.
func (d *Demo) storm(ctx context.Context) {
	var programs sync.WaitGroup
	defer programs.Wait()
	for range stormPrograms {
		programs.Go(func() {
			for wait(ctx, stormRest) {
				d.callOnce(ctx)
			}
		})
	}
	for wait(ctx, stormEvery) {
		d.side.endToken()
	}
}

// callOnce calls the proxy as a program does, and has no use for the answer.
func (d *Demo) callOnce(ctx context.Context) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.service.Address().String()+d.side.call(), http.NoBody)
	if err != nil {
		return
	}
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
	}
}

// wait waits for a while, and reports whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
