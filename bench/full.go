//go:build linux

package main

import (
	"context"

	"wxproxy/bench/report"
)

// full measures everything.
func (b *bench) full(ctx context.Context, number int) error {
	essential, err := b.compare(ctx, b.contestants, b.plain, number, append(b.essential("plain", fullTime), b.alone("plain")))
	if err != nil {
		return err
	}
	secure, err := b.compare(ctx, b.contestants, b.tls, number, append(b.essential("TLS", fullTime), b.alone("TLS")))
	if err != nil {
		return err
	}
	memory, err := b.resting(ctx)
	if err != nil {
		return err
	}
	start, err := b.starting(ctx)
	if err != nil {
		return err
	}
	larger, err := b.compare(ctx, b.contestants, b.plain, number, b.larger())
	if err != nil {
		return err
	}
	accounts, clients, err := b.growth(ctx, number)
	_ = []any{essential, secure, memory, start, larger, accounts, clients, report.Table{}}
	return err
}
