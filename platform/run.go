package platform

import (
	"context"
	"time"
)

const (
	tick = 20 * time.Second

	// sweepEvery is how often keepers are dropped that nobody has called for a day, and
	// codes are forgotten.
	sweepEvery = time.Hour
)

// run loads what the store has, and then looks after tickets, the list and what is not
// needed any more, until ctx ends.
func (p *Platform) run(ctx context.Context) {
	for wait := time.Second; !p.loaded.Load(); wait = min(2*wait, 30*time.Second) {
		if p.load() {
			p.loaded.Store(true)
			break
		}
		if !sleep(ctx, wait) {
			return
		}
	}
	if p.options.ReadsList {
		p.listings.want()
	}
	swept := time.Now()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		p.watchTickets()
		p.readDueList(ctx)
		if time.Since(swept) >= sweepEvery {
			p.sweep()
			swept = time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-p.listings.wanted:
		case <-ticker.C:
		}
	}
}

// sweep drops what nobody has needed for a day.
func (p *Platform) sweep() {
	p.redeemed.forget(time.Now())
	p.each(func(a *Authorizer) {
		if k := a.kept(); k != nil {
			if s := k.Status(); s.Asleep {
				a.drop()
			}
		}
	})
}

// sleep waits for d, and reports whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
