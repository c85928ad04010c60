package platform

import (
	"context"
	"time"

	"wxproxy/token"
)

// authorizedAt returns when an account authorized, as far as its record tells: by WeChat's
// clock, or by that of the process that redeemed its last code. A time that is still to come
// is now.
func authorizedAt(r *token.Record) time.Time {
	at := r.AuthorizedAt
	for _, c := range r.Codes {
		if c.At.After(at) {
			at = c.At
		}
	}
	if now := time.Now(); at.After(now) {
		return now
	}
	return at
}

// knows reports whether the list can know of what WeChat did at this time. One that was begun
// for an account in doubt is believed without the lag: WeChat has just said the same of the
// account twice.
func (l *listing) knows(at time.Time) bool {
	return at.Before(l.began.Add(-listLag)) || l.isOfDoubt && !at.After(l.began)
}

// recentList returns the list as it was within the last five minutes, if it can know of what
// happened at since. Otherwise it is read, but at most once in five minutes for all accounts
// in doubt: until then nobody can tell.
func (p *Platform) recentList(ctx context.Context, since time.Time) (*listing, error) {
	l := &p.listings
	if err := l.take(ctx); err != nil {
		return nil, err
	}
	defer l.leave()
	switch isRecent := l.triedLately(); {
	case isRecent && l.last == nil:
		return nil, p.listPaused(l.failed)
	case isRecent && l.last.knows(since):
		return l.last, nil
	case isRecent && l.doubtedLately():
		return nil, p.listTooOld()
	}
	read, err := p.readList(ctx)
	if err != nil {
		return nil, err
	}
	l.noteDoubt(read)
	if !read.knows(since) {
		return nil, p.listTooOld()
	}
	return read, nil
}

// triedLately reports whether this process began to read the list within the last five
// minutes.
func (l *listings) triedLately() bool {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	return time.Since(l.tried) < listPause
}

// doubtedLately reports whether this process read the list for accounts in doubt within the
// last five minutes.
func (l *listings) doubtedLately() bool {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	return time.Since(l.doubted) < listPause
}

// noteDoubt notes that the list was read for accounts in doubt.
func (l *listings) noteDoubt(read *listing) {
	read.isOfDoubt = true
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	l.doubted = read.began
}

// isListed reports whether WeChat's list has an account, and knows of what came at since.
func (p *Platform) isListed(appID string, since time.Time) (bool, error) {
	l, err := p.recentList(p.ctx, since)
	if err != nil {
		return false, err
	}
	_, isListed := l.all[appID]
	return isListed, nil
}
