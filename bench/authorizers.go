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
	"sync"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
)

// grants are what a store has of so many authorizers.
type grants struct {
	number    int
	in        string
	store     string
	mostStart float64 // seconds until a process is ready
}

// authorized fills a store, starts the last of the programs with it twice, calls for each
// authorizer between, and has then do more with the second process.
func (b *bench) authorized(ctx context.Context, g grants, f *platformFindings, then func(*contestant) error) error {
	last := b.programs[len(b.programs)-1]
	s := b.setUp(last, 1)
	s.Store = g.store
	took, memory, err := peer.Import(ctx, last.path, s.Site, g.number)
	if err != nil {
		return err
	}
	f.add(fmt.Sprintf("import of %d refresh tokens into %s, s", g.number, g.in), took.Seconds(), 0)
	f.add("its memory at most, MiB", float64(memory)/mebi, 0)
	var empty usedMemory
	err = b.during(ctx, b.setUp(last, 1), func(c *contestant) (err error) { empty, err = c.usedMemory(); return err })
	if err != nil {
		return err
	}
	s.Authorizers = g.number
	err = b.during(ctx, s, func(c *contestant) error {
		f.add("ready with imported refresh tokens, s, "+g.in, c.readyAfter.Seconds(), g.mostStart)
		return c.grow(ctx, g, empty, f)
	})
	if err != nil {
		return err
	}
	return b.during(ctx, s, func(c *contestant) (err error) {
		f.add("ready with tokens, s, "+g.in, c.readyAfter.Seconds(), g.mostStart)
		if then == nil {
			return nil
		}
		return then(c)
	})
}

// grow finds how much memory each authorizer takes that is known, and that was called.
func (c *contestant) grow(ctx context.Context, g grants, empty usedMemory, f *platformFindings) error {
	known, err := c.usedMemory()
	if err != nil {
		return err
	}
	if err := errors.Join(c.PushTicket(ctx), c.callEach(ctx, g.number)); err != nil {
		return err
	}
	called, err := c.usedMemory()
	each := func(bytes float64) float64 { return bytes / float64(g.number) / kibi }
	f.add("memory of each that is known, KiB of heap, "+g.in, each(known.heap-empty.heap), 4)
	f.add("the same, KiB RSS, "+g.in, each(known.resident-empty.resident), 4)
	f.add("memory of each that was called, KiB of heap, "+g.in, each(called.heap-empty.heap), 4)
	f.add("that, KiB RSS, "+g.in, each(called.resident-empty.resident), 0)
	return err
}

// usedMemory is what a process uses, in bytes.
type usedMemory struct{ heap, resident float64 }

// usedMemory returns that after a collection and a while without requests.
func (c *contestant) usedMemory() (m usedMemory, err error) {
	heap, err := c.Heap()
	if err != nil {
		return m, err
	}
	mib, err := c.memoryLater()
	return usedMemory{float64(heap), mib * mebi}, err
}

// callEach calls once for each authorizer.
func (c *contestant) callEach(ctx context.Context, number int) error {
	transport := &http.Transport{MaxIdleConnsPerHost: manyCallers}
	defer transport.CloseIdleConnections()
	caller := *c
	caller.transport = transport
	next := make(chan int)
	failed := make([]error, manyCallers)
	var all sync.WaitGroup
	for i := range manyCallers {
		all.Go(func() {
			for n := range next {
				status, err := caller.ask(ctx, load.Call{Path: "/@" + peer.AuthorizerAppID(n) + sendPath, Key: peer.ClientKey(0)})
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("a call for the authorizer %d: status %d", n, status)
				}
				if err != nil {
					failed[i] = err
				}
			}
		})
	}
	for n := range number {
		next <- n
	}
	close(next)
	all.Wait()
	return errors.Join(failed...)
}

// callAuthorizers compares calls for one account with calls for many authorizers, which take
// turns.
func (b *bench) callAuthorizers(ctx context.Context, many *contestant, number, rounds int) (found report.Comparison, err error) {
	if err := errors.Join(many.PushTicket(ctx), many.callEach(ctx, number)); err != nil {
		return found, err
	}
	byName, byToken, err := many.callsInAnyOrder(ctx, number)
	if err != nil {
		return found, err
	}
	err = b.during(ctx, b.setUp(b.programs[len(b.programs)-1], 1), func(one *contestant) error {
		value, err := one.virtualToken(ctx, fmt.Sprintf("wx%016x", 0))
		if err != nil {
			return err
		}
		test := b.saturate(load.Closed{Callers: manyCallers, Duration: 3 * time.Second, Turns: true})
		of := func(c *contestant, name string, calls ...load.Call) trial {
			copied := *c
			copied.name, copied.target.Calls = name, calls
			return trial{&copied, test}
		}
		all := fmt.Sprintf("%d authorizers", number)
		series, err := b.rounds(ctx, rounds, []trial{
			of(one, "1 account", load.Call{Path: "/@" + peer.AccountName(0) + sendPath, Key: peer.ClientKey(0)}),
			of(many, all, byName...),
			of(one, "1 account, virtual token", load.Call{Path: sendPath + "?access_token=" + value, Key: load.NoKey}),
			of(many, all+", virtual tokens", byToken...),
			of(many, "1 of them", byName[0]),
		})
		found = report.Comparison{Title: "a platform", Series: series}
		return err
	})
	if err != nil {
		return found, err
	}
	return found, b.show(found.Table())
}

// callsInAnyOrder returns a call for each authorizer by its name, and one by a virtual token.
func (c *contestant) callsInAnyOrder(ctx context.Context, number int) (byName, byToken []load.Call, err error) {
	for _, n := range rand.New(rand.NewPCG(1, 1)).Perm(number) {
		appID := peer.AuthorizerAppID(n)
		value, err := c.virtualToken(ctx, appID)
		if err != nil {
			return nil, nil, err
		}
		byName = append(byName, load.Call{Path: "/@" + appID + sendPath, Key: peer.ClientKey(0)})
		byToken = append(byToken, load.Call{Path: sendPath + "?access_token=" + value, Key: load.NoKey})
	}
	return byName, byToken, nil
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
