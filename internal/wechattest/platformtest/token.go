package platformtest

import (
	"crypto/rand"
	"time"

	"wxproxy/internal/wechattest"
)

// An accessToken is a token of a platform, or of one of its authorizers.
type accessToken struct {
	platform   *Platform
	owner      string // an appid
	value      string
	until      time.Time // when it ends to be honoured
	superseded bool      // a newer one was issued, or it was revoked
}

func (t *accessToken) isComponents() bool { return t.owner == t.platform.settings.AppID }

// problem returns why t is refused; 0: it is good.
func (t *accessToken) problem(now time.Time) (errcode int) {
	switch {
	case now.Before(t.until):
		return 0
	case t.superseded:
		return 40001
	default:
		return 42001
	}
}

// end has t refused from at on, unless it is refused earlier.
func (t *accessToken) end(at time.Time) {
	if at.Before(t.until) {
		t.until = at
	}
}

// A line has the last two tokens of a platform or an authorizer. All earlier ones are bad.
type line struct{ current, previous *accessToken }

// issue returns a new token of owner as the current one of l. The one before it is honoured
// for five more minutes.
func (p *Platform) issue(l *line, owner string, now time.Time) *accessToken {
	if l.previous != nil {
		l.previous.end(now)
	}
	if l.current != nil {
		l.current.end(now.Add(overlap))
		l.current.superseded = true
	}
	next := &accessToken{platform: p, owner: owner, value: newToken(), until: now.Add(p.settings.Life)}
	p.all.tokens[next.value] = next
	l.previous, l.current = l.current, next
	return next
}

// newToken returns the value of a token, which begins as those of apps do.
func newToken() string { return wechattest.TokenPrefix + random(6) }

// random returns n times 26 random characters.
func random(n int) string {
	var s string
	for range n {
		s += rand.Text()
	}
	return s
}

// expire ends the tokens of l at now: they get 42001.
func (l *line) expire(now time.Time) {
	for _, t := range []*accessToken{l.previous, l.current} {
		if t != nil {
			t.end(now)
		}
	}
}

// revoke ends the tokens of l at now: they get 40001.
func (l *line) revoke(now time.Time) {
	l.expire(now)
	if l.current != nil {
		l.current.superseded = true
	}
	*l = line{}
}

// tokens returns the values of those that are good, the newest last.
func (l *line) tokens(now time.Time) []string {
	var good []string
	for _, t := range []*accessToken{l.previous, l.current} {
		if t != nil && t.problem(now) == 0 {
			good = append(good, t.value)
		}
	}
	return good
}
