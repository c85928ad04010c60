//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxproxy/bench/peer"
)

// redis returns how many commands a Redis gets, by starting with few and with many
// accounts.
func (b *bench) redis(ctx context.Context, one program, p plan) (found []size, err error) {
	server, err := peer.Redis().Start(b.site(b.plain))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := server.Await(ctx, func() error { _, err := server.Commands(ctx); return err }); err != nil {
		return nil, err
	}
	watched := watchedRedis{server, p.watched}
	few, err := b.asked(ctx, one, watched, 1)
	if err != nil {
		return nil, err
	}
	many, err := b.asked(ctx, one, watched, 1+p.shared)
	more := float64(p.shared)
	each := (many.hourly - few.hourly) / more
	return []size{
		{"Redis commands of a replica at rest, an hour", few.hourly - each},
		{"Redis commands for each account of a replica, an hour", each},
		{"Redis commands for each token fetched", (many.start - few.start) / more},
	}, err
}

// A watchedRedis is a server and for how long it is watched at rest.
type watchedRedis struct {
	*peer.Process
	watched time.Duration
}

// commands is what Redis got until all accounts had a token, and in an hour from then on.
type commands struct{ start, hourly float64 }

// asked starts a program with so many accounts and counts the commands that it sends.
func (b *bench) asked(ctx context.Context, one program, server watchedRedis, accounts int) (got commands, err error) {
	s := b.setUp(one, accounts)
	s.Store = fmt.Sprintf("redis://%s/%d", server.Addr, min(accounts, 2))
	before, err := server.Commands(ctx)
	if err != nil {
		return got, err
	}
	err = b.during(ctx, s, func(*contestant) error {
		time.Sleep(idleTime) // until all is stored
		ready, err := server.Commands(ctx)
		if err != nil {
			return err
		}
		time.Sleep(server.watched)
		after, err := server.Commands(ctx)
		got.start = float64(ready - before - 1) // without the question itself
		got.hourly = float64(after-ready-1) * float64(time.Hour) / float64(server.watched)
		return err
	})
	return got, err
}
