package wecom

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxproxy/token"
)

// storePatience is how long a question waits for the store, before it and after it.
const storePatience = time.Second

// recall returns what is known of the account. The store is asked, too, unless the account
// works: other processes, and this one before it was started again, may know more.
func (g *Guard) recall(ctx context.Context, key token.Key, hash string) trial {
	g.mu.Lock()
	known := g.trials[key]
	g.mu.Unlock()
	if g.store == nil || known.proves(hash) && !known.Resting {
		return known
	}
	var stored token.Record
	err := within(ctx, func() (err error) {
		r, err := g.store.Load(key)
		stored = r
		return err
	})
	if err != nil {
		return known // a token's Keeper says that the store has something that is of no use
	}
	worked := known.Worked || stored.Trial.Worked || !stored.Token.Value.Empty()
	if known.SameTrial(token.Trial{}) || stored.Trial.Until.After(known.Until) {
		known = trial{Trial: stored.Trial}
	}
	known.Worked = worked
	return known
}

// keep stores what is known of the account, before the answer is used, also when the
// process is about to end. Own is what this turn has stored already.
func (g *Guard) keep(ctx context.Context, key token.Key, next, own token.Trial) {
	if g.store == nil {
		return
	}
	err := within(context.WithoutCancel(ctx), func() error {
		_, err := g.store.Amend(key, func(r *token.Record) bool {
			own.Worked = r.Trial.Worked
			if isLater(r.Trial, next) && !r.Trial.SameTrial(own) {
				return false
			}
			next.Worked = next.Worked || r.Trial.Worked
			changed := !r.Trial.SameTrial(next)
			r.Trial = next
			return changed
		})
		return err
	})
	if err != nil {
		g.log.Warn("what WeCom said of a secret is not stored; after a restart it would be shown again", "app_id", key.AppID, "err", err)
	}
}

// isLater reports whether what is stored holds longer than next, which is about the same
// secret.
func isLater(stored, next token.Trial) bool {
	return stored.Secret == next.Secret && next.Refusals > 0 && stored.Refusals > 0 && stored.Until.After(next.Until)
}

// Wrong returns how many secrets WeCom has refused within the last hour, and with how many
// accounts that never worked wait. A nil Guard knows of none.
func (g *Guard) Wrong() (inHour, most int) {
	if g == nil {
		return 0, mostWrong
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(time.Now())
	return len(g.wrong), mostWrong
}

// errSlow tells that a store has not answered in time.
var errSlow = errors.New("the store is slow")

// within calls do, and waits for it a moment. A panic is an error.
func within(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				done <- fmt.Errorf("the store panicked: %v", cause)
			}
		}()
		done <- do()
	}()
	patience := time.NewTimer(storePatience)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pauseAfter returns how long a secret that was refused so often in a row is not shown,
// with a tenth of jitter at most. Random is in [0,1).
func pauseAfter(refusals int, random float64) time.Duration {
	pause := firstPause
	for n := 1; n < refusals && pause < longestPause; n++ {
		pause *= 2
	}
	pause = min(pause, longestPause)
	return pause + time.Duration(random*float64(pause)/10)
}

// inSeconds returns t, which is stored in whole seconds, not before it.
func inSeconds(t time.Time) time.Time { return t.Round(0).Add(time.Second - 1).Truncate(time.Second) }
