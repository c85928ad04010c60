//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
)

// shared compares nginx and the last of the programs, with one thread and with two, where
// they may use both cores, of which the load and the upstream fill one.
func (b *bench) shared(ctx context.Context, number int) (found report.Comparison, err error) {
	var all []*contestant
	defer func() {
		for _, c := range all {
			err = errors.Join(err, c.Stop())
		}
	}()
	last := b.contestants[len(b.contestants)-1]
	for _, p := range []*peer.Peer{b.contestants[0], last} {
		for threads := 1; threads <= 2; threads++ {
			site := b.site(b.plain)
			site.Threads = threads
			c, err := begin(ctx, p, site, b.plain)
			if err != nil {
				return found, fmt.Errorf("shared cores: %w", err)
			}
			c.name = answeringWith(p.Name, threads)
			all = append(all, c)
		}
	}
	series, err := b.rounds(ctx, number, each(all, b.saturate(load.Closed{Callers: manyCallers, Duration: fullTime})))
	if err != nil {
		return found, fmt.Errorf("shared cores: %w", err)
	}
	found = report.Comparison{Title: "shared cores, saturated", Series: series}
	return found, b.show(found.Table())
}

// answeringWith returns the name of a proxy with so many threads, which are nginx's workers.
func answeringWith(name string, threads int) string {
	return fmt.Sprintf("%s, threads: %d", name, threads)
}
