//go:build linux

package main

import (
	"context"
	"errors"
	"time"

	"wxproxy/bench/load"
)

// memory returns what a program has at rest, and more for each idle caller and each account.
func (b *bench) memory(ctx context.Context, one program, p plan) (found []size, err error) {
	var alone, crowded, large float64
	var files, more int
	err = b.during(ctx, b.setUp(one, 1), func(c *contestant) (err error) {
		if alone, files, err = c.atRest(); err != nil {
			return err
		}
		leave, err := load.Linger(ctx, c.target, p.idle)
		if err != nil {
			return err
		}
		crowded, more, err = c.atRest()
		return errors.Join(err, leave())
	})
	if err != nil {
		return nil, err
	}
	err = b.during(ctx, b.setUp(one, p.accounts), func(c *contestant) (err error) {
		large, _, err = c.atRest()
		return err
	})
	each := func(more float64, number int) float64 { return more * kibi / float64(number) }
	return []size{
		{"memory at rest, MiB", alone},
		{"memory for each idle caller, KiB", each(crowded-alone, p.idle)},
		{"memory for each account, KiB", each(large-alone, p.accounts-1)},
		{"descriptors at rest", float64(files)},
		{"descriptors for each idle caller", float64(more-files) / float64(p.idle)},
	}, err
}

// atRest returns the memory, in MiB, and the descriptors of a process after a while without
// requests, in which its connections to the upstream have ended.
func (c *contestant) atRest() (memory float64, files int, err error) {
	const upstreamIdle = 6 * time.Second // a second more than upstream.idle_timeout
	time.Sleep(upstreamIdle)
	bytes, err := c.Memory()
	if err != nil {
		return 0, 0, err
	}
	files, err = c.Descriptors()
	return float64(bytes) / mebi, files, err
}

// uploading returns what large bodies take that are under way.
func (b *bench) uploading(ctx context.Context, one program, p plan) (found []size, err error) {
	err = b.during(ctx, b.setUp(one, 1), func(c *contestant) error {
		memory, files, err := c.atRest()
		if err != nil {
			return err
		}
		c.target.Body = load.Body(huge)
		leave, err := load.Hold(ctx, c.target, p.uploads)
		if err != nil {
			return err
		}
		disk, errDisk := c.taken(int64(p.uploads) * (huge - kibi))
		with, more, err := c.atRest()
		each := func(all float64) float64 { return all / float64(p.uploads) }
		found = []size{
			{"$TMPDIR for each upload of 10 MiB, MiB", each(float64(disk) / mebi)},
			{"descriptors for each upload", each(float64(more - files))},
			{"memory for each upload, KiB", each((with - memory) * kibi)},
		}
		return errors.Join(err, errDisk, leave())
	})
	return found, err
}

// taken waits until the files without a name have so many bytes, and returns how many they
// have.
func (c *contestant) taken(least int64) (bytes int64, err error) {
	for until := time.Now().Add(idleTime); ; time.Sleep(settle) {
		if bytes, err = c.Nameless(); err != nil || bytes >= least || time.Now().After(until) {
			return bytes, err
		}
	}
}
