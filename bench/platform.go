//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
)

const (
	authorizers      = 100_000
	quickAuthorizers = 10_000 // with so few rounds that nobody wants to wait
)

// platformFindings are what was measured of a platform that many accounts have authorized.
type platformFindings struct {
	calls report.Comparison
	all   []size // in the order of platformSizes
	most  []float64
}

// add adds a size, and what it is to be at most; 0: nothing is said of that.
func (p *platformFindings) add(what string, value, most float64) {
	p.all, p.most = append(p.all, size{what, value}), append(p.most, most)
}

// sizes returns the table of all but the calls.
func (p *platformFindings) sizes() report.Table {
	t := report.Table{{"what it takes", ""}}
	for _, one := range p.all {
		t = append(t, []string{one.what, fmt.Sprintf("%.4g", one.value)})
	}
	return t
}

// goals returns a row for each goal.
func (p *platformFindings) goals() (rows report.Table) {
	series := p.calls.Series
	for i := 1; i < len(series); i++ {
		if mark := series[i-1]; i%2 == 1 {
			r := series[i].RatioTo(mark, report.CostOf)
			rows = append(rows, row("CPU to "+mark.Name+", "+series[i].Name, 1.05, r.Median, r.Spread()))
		}
	}
	for i, one := range p.all {
		if p.most[i] > 0 {
			rows = append(rows, row(one.what, p.most[i], one.value, ""))
		}
	}
	return rows
}

// platformPart measures a platform in files and in Redis, and then what calls cost.
func (b *bench) platformPart(ctx context.Context, number int, f *findings) error {
	many := authorizers
	if number <= quickRounds {
		many = quickAuthorizers
	}
	redis, err := peer.Redis().Start(b.site(b.plain))
	if err != nil {
		return err
	}
	err = b.load(ctx, manyIn{many, "Redis", "redis://" + redis.Addr, 30}, f, nil)
	if err = errors.Join(err, redis.Stop()); err != nil {
		return fmt.Errorf("a platform in Redis: %w", err)
	}
	err = b.load(ctx, manyIn{many, "files", filepath.Join(b.dir, "authorizers"), 10}, f, func(c *contestant) error {
		return b.callAuthorizers(ctx, c, many, fewer(number), f)
	})
	if err != nil {
		return fmt.Errorf("a platform in files: %w", err)
	}
	return b.show(f.platform.sizes())
}

// A manyIn is a store with so many authorizers.
type manyIn struct {
	number    int
	name      string
	store     string
	mostStart float64 // seconds until a process is ready
}

// load fills a store, starts the last of the programs with it twice, calls for each
// authorizer between, and has then do more with the second process.
func (b *bench) load(ctx context.Context, in manyIn, f *findings, then func(*contestant) error) error {
	last, site := b.programs[len(b.programs)-1], b.site(b.plain)
	site.Store = in.store
	took, memory, err := peer.Import(ctx, last.path, site, in.number)
	if err != nil {
		return err
	}
	f.platform.add(fmt.Sprintf("import of %d refresh tokens into %s, s", in.number, in.name), took.Seconds(), 0)
	f.platform.add("its memory at most, MiB", float64(memory)/mebi, 0)
	s := setup{last, peer.Shape{Accounts: 1, Clients: 1}, b.site(b.plain), b.plain}
	var empty, known, called [2]float64
	if err := b.during(ctx, s, func(c *contestant) (err error) { empty, err = c.sizes(); return err }); err != nil {
		return err
	}
	s.Shape.Authorizers, s.Site = in.number, site
	var first, second float64
	err = b.during(ctx, s, func(c *contestant) (err error) {
		first = c.readyAfter.Seconds()
		if known, err = c.sizes(); err != nil {
			return err
		}
		if err = errors.Join(c.PushTicket(ctx), c.callEach(ctx, in.number)); err != nil {
			return err
		}
		called, err = c.sizes()
		return err
	})
	if err != nil {
		return err
	}
	each := func(sizes [2]float64, of int) float64 { return (sizes[of] - empty[of]) / float64(in.number) / kibi }
	f.platform.add("memory of each that is known, KiB of heap, "+in.name, each(known, 0), 4)
	f.platform.add("the same, KiB RSS", each(known, 1), 0)
	f.platform.add("memory of each that was called, KiB of heap, "+in.name, each(called, 0), 4)
	f.platform.add("the same, KiB RSS", each(called, 1), 0)
	return b.during(ctx, s, func(c *contestant) (err error) {
		second = c.readyAfter.Seconds()
		f.platform.add("ready with imported refresh tokens, s, "+in.name, first, in.mostStart)
		f.platform.add("ready with tokens, s, "+in.name, second, in.mostStart)
		if then == nil {
			return nil
		}
		return then(c)
	})
}

// sizes returns the heap and the RSS in bytes after a while without requests.
func (c *contestant) sizes() (both [2]float64, err error) {
	heap, err := c.Heap()
	if err != nil {
		return both, err
	}
	mib, err := c.memoryLater()
	return [2]float64{float64(heap), mib * mebi}, err
}

// callEach calls once for each authorizer.
func (c *contestant) callEach(ctx context.Context, number int) error {
	transport := &http.Transport{MaxIdleConnsPerHost: manyCallers}
	defer transport.CloseIdleConnections()
	caller := *c
	caller.transport = transport
	next := make(chan int)
	var mu sync.Mutex // guards failed
	var failed error
	var all sync.WaitGroup
	for range manyCallers {
		all.Go(func() {
			for n := range next {
				status, err := caller.ask(ctx, load.Call{Path: "/@" + peer.AuthorizerAppID(n) + sendPath, Key: peer.ClientKey(0)})
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("a call for the authorizer %d: status %d", n, status)
				}
				if err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	for n := range number {
		next <- n
	}
	close(next)
	all.Wait()
	return failed
}

// callAuthorizers compares calls for one account with calls for many authorizers, which take
// turns.
func (b *bench) callAuthorizers(ctx context.Context, many *contestant, number, rounds int, f *findings) (err error) {
	if err := errors.Join(many.PushTicket(ctx), many.callEach(ctx, number)); err != nil {
		return err
	}
	s := b.setUp(b.programs[len(b.programs)-1], 1)
	return b.during(ctx, s, func(one *contestant) error {
		oneToken, err := one.virtualToken(ctx, fmt.Sprintf("wx%016x", 0))
		if err != nil {
			return err
		}
		var byName, byToken []load.Call
		for _, n := range rand.New(rand.NewPCG(1, 1)).Perm(number) {
			appID := peer.AuthorizerAppID(n)
			value, err := many.virtualToken(ctx, appID)
			if err != nil {
				return err
			}
			byName = append(byName, load.Call{Path: "/@" + appID + sendPath, Key: peer.ClientKey(0)})
			byToken = append(byToken, load.Call{Path: sendPath + "?access_token=" + value, Key: load.NoKey})
		}
		test := b.saturate(load.Closed{Callers: manyCallers, Duration: 3 * time.Second, Turns: true})
		of := func(c *contestant, name string, calls []load.Call) trial {
			copied := *c
			copied.name, copied.target.Calls = name, calls
			return trial{&copied, test}
		}
		many1 := fmt.Sprintf("%d authorizers", number)
		series, err := b.rounds(ctx, rounds, []trial{
			of(one, "1 account", []load.Call{{Path: "/@" + peer.AccountName(0) + sendPath, Key: peer.ClientKey(0)}}),
			of(many, many1, byName),
			of(one, "1 account, virtual token", []load.Call{{Path: sendPath + "?access_token=" + oneToken, Key: load.NoKey}}),
			of(many, many1+", virtual tokens", byToken),
			of(many, "1 of them", byName[:1]),
		})
		if err != nil {
			return err
		}
		f.platform.calls = report.Comparison{Title: "a platform", Series: series}
		return b.show(f.platform.calls.Table())
	})
}

// virtualToken asks the proxy for a virtual token, as an SDK does.
func (c *contestant) virtualToken(ctx context.Context, appID string) (string, error) {
	query := url.Values{"grant_type": {"client_credential"}, "appid": {appID}, "secret": {peer.ClientKey(0)}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.target.Addr+"/cgi-bin/token?"+query.Encode(), nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var said struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || said.Token == "" {
		return "", fmt.Errorf("a virtual token of %s: %s, %w", appID, answer.Status, err)
	}
	return said.Token, nil
}
