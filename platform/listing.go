package platform

import (
	"context"
	"sync"
	"time"

	"wxproxy/platform/event"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

const (
	// listPause is between two readings of the list that nobody asks for by hand.
	listPause = 5 * time.Minute

	// listEvery is how often the list is read to find what was missed.
	listEvery = 24 * time.Hour
)

// A listing is the list of authorizers, read to its end.
type listing struct {
	began     time.Time
	isOfDoubt bool // it was begun because WeChat says of an account that something is wrong
	all       map[string]wechat.Listed
}

// listings are what was read of the list of authorizers.
type listings struct {
	wanted chan struct{} // of one; filled: the list is to be read soon

	turn   chan struct{} // of one; filled: somebody reads the list, for all, or looks at last
	last   *listing      // nil: none was read within listPause
	failed error         // why, if it was tried

	stateMu   sync.Mutex // guards what follows
	tried     time.Time
	next      chan struct{} // closed when the list has been read the next time, or is not read for now
	doubted   time.Time     // when the list was last read for accounts in doubt
	isDue     bool
	isSought  bool      // for a code that nobody here has redeemed
	asked     time.Time // when that was last asked for
	isMissing bool      // none was read yet, and nothing else tells who has authorized
	failures  int       // to read it, since it was read
	at        time.Time // when any replica last read it
}

// begin makes l ready for use.
func (l *listings) begin() {
	l.wanted, l.turn, l.next = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
}

// take waits for the turn to read the list, until ctx ends.
func (l *listings) take(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave ends a turn.
func (l *listings) leave() { <-l.turn }

// settled notes that the records agree with a list that was begun at this time.
func (l *listings) settled(began time.Time) {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	l.isMissing = false
	if !l.asked.After(began) {
		l.isDue, l.isSought = false, false
	}
}

// learn notes when any replica last read the list.
func (l *listings) learn(at time.Time) {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	if at.After(l.at) {
		l.at = at
	}
}

// due reports whether the list is to be read.
func (l *listings) due() bool {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	return l.isDue || time.Since(l.at) >= listEvery
}

// readList reads the list. The caller has the turn.
func (p *Platform) readList(ctx context.Context) (*listing, error) {
	l := &p.listings
	began := time.Now()
	l.stateMu.Lock()
	l.tried = began
	if l.isSought {
		l.doubted = began
	}
	l.stateMu.Unlock()
	l.last = nil
	l.last, l.failed = p.askForList(ctx, began)
	return l.last, l.failed
}

// askForList asks WeChat for all pages of the list.
func (p *Platform) askForList(ctx context.Context, began time.Time) (*listing, error) {
	l := &listing{began: began, all: map[string]wechat.Listed{}}
	for offset := 0; ; {
		page, total, err := p.wechat.List(ctx, offset, wechat.MaxList)
		if err != nil {
			return nil, err
		}
		for _, one := range page {
			if event.IsAppID(one.AppID) {
				l.all[one.AppID] = one
			}
		}
		offset += len(page)
		switch {
		case offset < total && len(page) > 0:
		case len(l.all) < total:
			return nil, errListBroken
		default:
			return l, nil
		}
	}
}

// A Recovery is what reading the list of authorizers brought.
type Recovery struct{ Listed, Restored, Ended int }

// RecoverByHand does what Recover does, whatever failed before, and has the accounts that failed
// ask WeChat again: an operator asks for it who may have repaired something.
func (p *Platform) RecoverByHand(ctx context.Context) (Recovery, error) {
	p.component.Retry()
	done, err := p.Recover(ctx)
	if err == nil {
		p.Retry()
	}
	return done, err
}

// Recover reads the list of authorizers: it restores refresh tokens and authorizations that
// were missed, and ends what was cancelled. After an error nothing was ended.
func (p *Platform) Recover(ctx context.Context) (Recovery, error) {
	if err := p.listings.take(ctx); err != nil {
		return Recovery{}, err
	}
	l, err := p.readList(ctx)
	p.listings.leave()
	if err != nil {
		return Recovery{}, err
	}
	p.AddressAccepted()
	return p.reconcile(ctx, l)
}

// readDueList reads the list if that is due and no other replica does.
func (p *Platform) readDueList(ctx context.Context) {
	if !p.listings.due() || p.listings.rests() || p.currentTicket().Empty() {
		return
	}
	release, err := p.lease(token.Key{Platform: p.options.AppID, AppID: p.options.AppID, Ticket: "list"})
	if err != nil {
		return
	}
	defer release()
	if r, err := p.options.Store.Load(p.own); err == nil {
		p.learnOwn(&r)
	}
	if !p.listings.due() {
		return
	}
	done, err := p.Recover(ctx)
	p.listings.ended(err)
	if err != nil {
		e := p.issuer.Explain(err)
		p.log().Warn("the list of authorizers was not read to its end", "errcode", e.Code, "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH)
		return
	}
	p.log().Info("list of authorizers read", "listed", done.Listed, "restored", done.Restored, "ended", done.Ended)
}
