//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
)

// silentTime is longer than any proxy here keeps an idle connection to the upstream, but
// for nginx.
const silentTime = 6 * time.Second

// uploads and answers return the comparisons of bodies.
func (b *bench) uploads() (list []comparison) {
	for _, length := range []int{16, 64, 66, 128, 256, kibi} {
		list = append(list, comparison{title: fmt.Sprintf("upload of %d KiB", length), body: length * kibi,
			test: b.saturate(load.Closed{Callers: bodyCallers, Duration: fullTime})})
	}
	return list
}

func (b *bench) answers() (list []comparison) {
	for _, length := range []int{16, kibi} {
		list = append(list, comparison{title: fmt.Sprintf("answer of %d KiB", length), answer: length * kibi,
			test: b.saturate(load.Closed{Callers: bodyCallers, Duration: fullTime})})
	}
	return list
}

// connections returns the comparisons of callers that open a connection for each request.
func (b *bench) connections() []comparison {
	return []comparison{
		{title: "new connections, closed by the proxy", test: load.Fresh{Callers: manyCallers, Duration: fullTime, Says: true}.Run},
		{title: "new connections, closed by the caller", test: load.Fresh{Callers: manyCallers, Duration: fullTime}.Run},
	}
}

// handshakes returns the comparisons of callers that do so by TLS.
func (b *bench) handshakes() []comparison {
	under := func(version uint16, l load.Fresh) test {
		l.Callers, l.Duration = bodyCallers, fullTime
		return func(ctx context.Context, t load.Target, began func() error) (load.Result, error) {
			t.TLS = t.TLS.Clone()
			t.TLS.MaxVersion = version
			return l.Run(ctx, t, began)
		}
	}
	return []comparison{
		{title: "HTTPS callers, new", test: under(tls.VersionTLS13, load.Fresh{})},
		{title: "HTTPS callers, resumed", test: under(tls.VersionTLS13, load.Fresh{Resume: true})},
		{title: "HTTPS callers, resumed, TLS 1.2", test: under(tls.VersionTLS12, load.Fresh{Resume: true})},
	}
}

// logging returns the comparison for proxies that write a line for each request.
func (b *bench) logging() []comparison {
	return []comparison{{title: "access log", test: b.saturate(load.Closed{Callers: manyCallers, Duration: fullTime})}}
}

// silence returns the comparison of the first second after nobody asked anything.
func (b *bench) silence() []comparison {
	test := load.Constant{Rate: sidecarRate, Callers: manyCallers, Duration: time.Second, Silence: silentTime}.Run
	return []comparison{{title: fmt.Sprintf("first second after %v, %d requests/s", silentTime, sidecarRate), test: test, constant: true}}
}

// scrapes compares the last of the programs, with many accounts, with nginx: without
// a Prometheus, and with one that asks it once in each run of a second.
func (b *bench) scrapes(ctx context.Context, number int) (found report.Comparison, err error) {
	last, shape := b.programs[len(b.programs)-1], peer.Shape{Accounts: manyAccounts, Clients: 1}
	large, err := peer.WXProxy(last.name, last.path, shape)
	if err != nil {
		return found, err
	}
	all, stop, err := b.beginAll(ctx, []*peer.Peer{b.contestants[0], large}, b.site(b.plain), b.plain)
	if err != nil {
		return found, fmt.Errorf("scrapes: %w", err)
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, c := range all {
		c.target.Calls = turns(shape)
	}
	saturated := b.saturate(load.Closed{Callers: manyCallers, Duration: fullTime, Turns: true})
	watched := *all[1]
	watched.name += scrapedSuffix
	series, err := b.rounds(ctx, number, []trial{{all[0], saturated}, {all[1], saturated}, {&watched, scraped(&watched, saturated)}})
	if err != nil {
		return found, fmt.Errorf("scrapes: %w", err)
	}
	found = report.Comparison{Title: fmt.Sprintf("%d accounts", manyAccounts), Series: series}
	return found, b.show(found.Table())
}

// scrapedSuffix marks the name of a program that is asked for its metrics.
const scrapedSuffix = ", scraped"

// scraped returns the test together with a scrape, which ends before the test does.
func scraped(c *contestant, t test) test {
	return func(ctx context.Context, target load.Target, began func() error) (load.Result, error) {
		done := make(chan error, 1)
		result, err := t(ctx, target, func() error {
			time.AfterFunc(settle, func() { done <- c.Scrape() })
			return began()
		})
		if err != nil {
			return result, err
		}
		return result, <-done
	}
}
