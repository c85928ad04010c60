//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wxproxy/bench/peer"
	"wxproxy/bench/report"
)

// findings are all results of a whole run; those of a part that was not measured are empty.
type findings struct {
	plain, secure, larger  []report.Comparison // as essential, alone and larger list them
	bodies, fresh, callers []report.Comparison // as uploads, answers, connections and handshakes list them
	logged, silent         []report.Comparison
	idle, crowded, left    *report.Figure
	start                  *report.Figure
	accounts, clients      report.Comparison
	scraped, shared        report.Comparison
	platform               platformFindings
}

// A part of the whole fills in some of the findings.
type part struct {
	name    string
	measure func(b *bench, ctx context.Context, number int, f *findings) error
	aside   bool // only measured if it is asked for
}

// parts returns all parts, in order.
func parts() []part {
	return []part{
		{name: "plain", measure: (*bench).plainPart},
		{name: "tls", measure: (*bench).tlsPart},
		{name: "rest", measure: (*bench).restPart},
		beside("larger", func(f *findings) *[]report.Comparison { return &f.larger },
			func(b *bench) contest { return contest{peers: b.contestants, list: b.larger()} }),
		beside("bodies", func(f *findings) *[]report.Comparison { return &f.bodies },
			func(b *bench) contest {
				return contest{peers: b.withoutHAProxy(), list: append(b.uploads(), b.answers()...)}
			}),
		beside("connections", func(f *findings) *[]report.Comparison { return &f.fresh },
			func(b *bench) contest { return contest{peers: b.contestants, list: b.connections()} }),
		beside("https", func(f *findings) *[]report.Comparison { return &f.callers },
			func(b *bench) contest {
				return contest{peers: b.contestants, list: b.handshakes(), adjust: func(s *peer.Site) { s.Callers = b.callers }}
			}),
		beside("log", func(f *findings) *[]report.Comparison { return &f.logged },
			func(b *bench) contest {
				return contest{peers: b.withoutHAProxy(), list: b.logging(), adjust: func(s *peer.Site) { s.Log = true }}
			}),
		beside("silence", func(f *findings) *[]report.Comparison { return &f.silent },
			func(b *bench) contest { return contest{peers: b.withoutHAProxy(), list: b.silence()} }),
		{name: "scrape", measure: (*bench).scrapePart},
		{name: "growth", measure: (*bench).growthPart},
		{name: "platform", measure: (*bench).platformPart},
		{name: "shared", measure: (*bench).sharedPart, aside: true},
	}
}

// beside returns a part that is a contest before the plain upstream, with fewer rounds than the essential.
func beside(name string, place func(*findings) *[]report.Comparison, of func(*bench) contest) part {
	return part{name: name, measure: func(b *bench, ctx context.Context, number int, f *findings) (err error) {
		c := of(b)
		c.upstream, c.rounds = b.plain, fewer(number)
		*place(f), err = b.compare(ctx, c)
		return err
	}}
}

func partNames() string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// fewer returns the rounds of what is measured beside the essential.
func fewer(number int) int { return max(1, number*5/7) }

// withoutHAProxy returns the contestants of loads for which HAProxy does something else: it
// takes no body as a whole, and logs to a socket.
func (b *bench) withoutHAProxy() []*peer.Peer {
	return append([]*peer.Peer{b.contestants[0]}, b.contestants[2:]...)
}

func (b *bench) plainPart(ctx context.Context, number int, f *findings) (err error) {
	list := append(b.essential("plain", fullTime), b.alone("plain"))
	f.plain, err = b.compare(ctx, contest{peers: b.contestants, upstream: b.plain, rounds: number, list: list})
	return err
}

func (b *bench) tlsPart(ctx context.Context, number int, f *findings) (err error) {
	list := append(b.essential("TLS", fullTime), b.alone("TLS"))
	f.secure, err = b.compare(ctx, contest{peers: b.contestants, upstream: b.tls, rounds: number, list: list})
	return err
}

func (b *bench) restPart(ctx context.Context, _ int, f *findings) (err error) {
	if err = b.resting(ctx, f); err != nil {
		return err
	}
	f.start, err = b.starting(ctx)
	return err
}

func (b *bench) scrapePart(ctx context.Context, number int, f *findings) (err error) {
	f.scraped, err = b.scrapes(ctx, fewer(number))
	return err
}

func (b *bench) growthPart(ctx context.Context, number int, f *findings) (err error) {
	f.accounts, f.clients, err = b.growth(ctx, fewer(number))
	return err
}

func (b *bench) sharedPart(ctx context.Context, number int, f *findings) (err error) {
	f.shared, err = b.shared(ctx, number)
	return err
}

// part measures one part of the whole and says which goals are reached.
func (b *bench) part(ctx context.Context, number int, name string) error {
	all := parts()
	i := slices.IndexFunc(all, func(p part) bool { return p.name == name })
	if i < 0 {
		return fmt.Errorf("no part is called %q: there are %s", name, partNames())
	}
	b.repeats = 1
	var f findings
	if err := all[i].measure(b, ctx, number, &f); err != nil {
		return err
	}
	return b.show(b.goals(f))
}
