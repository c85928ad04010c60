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

// growth compares the last of the programs with itself, with more accounts and
// with more clients, which all take turns.
func (b *bench) growth(ctx context.Context, number int) (accounts, clients report.Comparison, err error) {
	accounts, err = b.grow(ctx, number, "accounts", []peer.Shape{{Accounts: 1, Clients: 1}, {Accounts: 100, Clients: 1}, {Accounts: manyAccounts, Clients: 1}})
	if err != nil {
		return accounts, clients, err
	}
	clients, err = b.grow(ctx, number, "clients", []peer.Shape{{Accounts: 1, Clients: 1}, {Accounts: 1, Clients: 1000}})
	return accounts, clients, err
}

// grow compares shapes; title returns the name of each.
func (b *bench) grow(ctx context.Context, number int, title string, shapes []peer.Shape) (found report.Comparison, err error) {
	last := b.programs[len(b.programs)-1]
	var peers []*peer.Peer
	for _, shape := range shapes {
		p, err := peer.WXProxy(fmt.Sprint(max(shape.Accounts, shape.Clients)), last.path, shape)
		if err != nil {
			return found, err
		}
		peers = append(peers, p)
	}
	all, stop, err := b.beginAll(ctx, peers, b.site(b.plain), b.plain)
	if err != nil {
		return found, fmt.Errorf("%s: %w", title, err)
	}
	defer func() { err = errors.Join(err, stop()) }()
	for i, shape := range shapes {
		all[i].target.Calls = turns(shape)
	}
	series, err := b.rounds(ctx, number, each(all, b.saturate(load.Closed{Callers: manyCallers, Duration: fullTime, Turns: true})))
	if err != nil {
		return found, fmt.Errorf("%s: %w", title, err)
	}
	found = report.Comparison{Title: title, Series: series}
	return found, b.show(found.Table())
}

// turns returns a call for each account and each client of the shape.
func turns(shape peer.Shape) (calls []load.Call) {
	for n := range max(shape.Accounts, shape.Clients) {
		calls = append(calls, load.Call{
			Path: "/@" + peer.AccountName(n%shape.Accounts) + sendPath,
			Key:  peer.ClientKey(n % shape.Clients),
		})
	}
	return calls
}
