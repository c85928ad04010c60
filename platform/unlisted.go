package platform

import (
	"context"
	"strings"
	"time"

	"wxproxy/platform/event"
	"wxproxy/token"
)

const (
	// mostDoubts is how many spent codes have the list read within a day. Programs that show
	// another one each time have nobody's list read for them all the time.
	mostDoubts = 1000

	// doubtWait is for how long the program that shows a spent code waits for the list.
	doubtWait = 3 * time.Second
)

// errUnlisted is why nobody can tell who has authorized a platform whose store starts empty.
var errUnlisted = &pending{
	reason:   "WeChat's list of authorizers is not read yet, and token.store is memory:, which has forgotten them",
	remedy:   "wxproxy reads the list as soon as it can; if it lasts, look at what is said of the platform itself, and have token.store keep what it is given",
	remedyZH: "token.store 为 memory:，重启后需要重新读取微信的授权账号列表；wxproxy 会尽快读取，如果持续出现，请查看该平台自身的状态，并改用可持久保存的 token.store",
}

// unlisted returns why nobody can tell whether an account has authorized the platform although
// the store has been read; nil: it can be told.
func (p *Platform) unlisted(appID string) error {
	l := &p.listings
	l.stateMu.Lock()
	isMissing := l.isMissing
	l.stateMu.Unlock()
	switch {
	case !isMissing, !strings.HasPrefix(appID, "wx"), !event.IsAppID(appID): // all app ids begin so
		return nil
	case p.currentTicket().Empty():
		return token.ErrNoTicket
	}
	return errUnlisted
}

// want has the list read soon.
func (l *listings) want() {
	l.stateMu.Lock()
	l.isDue, l.asked = true, time.Now()
	l.stateMu.Unlock()
	fill(l.wanted)
}

// rests reports whether the list was read, or tried, so lately that it is not read now. The
// first list of a store that starts empty is tried again sooner.
func (l *listings) rests() bool {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	if l.isSought && time.Since(l.doubted) >= listPause {
		return false
	}
	pause := listPause
	if l.isMissing && l.failures > 0 {
		pause = min(pause, tick<<min(l.failures-1, 4)-time.Second) // so that the next tick is late enough
	}
	return time.Since(l.tried) < pause
}

// ended notes how a reading of the list ended.
func (l *listings) ended(err error) {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	if err != nil {
		l.failures++
		return
	}
	l.failures = 0
}

// freshTicket has the list read at once if somebody waits for it: there is another ticket to read it with.
func (l *listings) freshTicket() {
	l.stateMu.Lock()
	isWanted := l.isMissing || l.isSought
	if l.isMissing {
		l.tried = time.Time{}
	}
	l.stateMu.Unlock()
	if isWanted {
		fill(l.wanted)
	}
}

// looked tells those who wait for the list that it was read, or is not read for now.
func (l *listings) looked() {
	l.stateMu.Lock()
	defer l.stateMu.Unlock()
	close(l.next)
	l.next = make(chan struct{})
}

// waitForNext waits until looked is called, for a moment.
func (l *listings) waitForNext(ctx context.Context, next <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, doubtWait)
	defer cancel()
	select {
	case <-next:
	case <-ctx.Done():
	}
}

// seek has the list read, soon or when five minutes are over, since WeChat says that a code was
// used which nobody has heard of: who redeemed it may have died before it was stored. Nothing
// tells which account it is of; the list tells who is missing. Each code has that done once.
func (p *Platform) seek(ctx context.Context, hash string) {
	if !p.redeemed.doubt(hash) {
		return
	}
	l := &p.listings
	l.stateMu.Lock()
	l.isSought = true
	next := l.next
	l.stateMu.Unlock()
	l.want()
	l.waitForNext(ctx, next)
}
