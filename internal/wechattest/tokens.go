package wechattest

import (
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"strings"
	"time"
)

// TokenPrefix begins every access token of an app, so that a test can look for
// leaked ones.
const TokenPrefix = "wechattest_"

// UserTokenPrefix begins every access token of a user, which /sns/oauth2/access_token
// issues. Whatever begins so is accepted as a user's token, and as no app's.
const UserTokenPrefix = "user-"

// overlap is how long a token is honoured after the next one was issued, and how long
// before the end of a stable token the next one is issued.
const overlap = 5 * time.Minute

// An accessToken is a token of an app.
type accessToken struct {
	app        *app
	value      string
	until      time.Time // when it ends to be honoured
	superseded bool      // a newer one was issued, or it was revoked
	dead       bool      // it was killed
}

// A line has the last two of an app's classic tokens, or of its stable ones. All earlier
// tokens are bad.
type line struct{ current, previous *accessToken }

// issue returns a new token as the current one of l. The token before it is honoured
// for grace longer, at most until its own end; older ones are not honoured any more.
func (w *WeChat) issue(a *app, l *line, grace time.Duration) *accessToken {
	now := w.now()
	if l.previous != nil {
		l.previous.end(now)
	}
	if l.current != nil {
		l.current.end(now.Add(grace))
		l.current.superseded = true
	}
	next := &accessToken{app: a, value: newTokenValue(), until: now.Add(a.Life)}
	w.tokens[next.value] = next
	l.previous, l.current = l.current, next
	return next
}

// end has t refused from at on, unless it is refused earlier.
func (t *accessToken) end(at time.Time) {
	if at.Before(t.until) {
		t.until = at
	}
}

// each calls f with the tokens of l that may be good.
func (l *line) each(f func(*accessToken)) {
	for _, t := range []*accessToken{l.previous, l.current} {
		if t != nil {
			f(t)
		}
	}
}

func newTokenValue() string {
	random := make([]byte, 105)
	_, _ = rand.Read(random) // never fails
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(random)
}

// authorize finds the app whose token is in the query of c. If there is none, it returns
// the errcode that says why.
func (w *WeChat) authorize(c *call) (errcode int) {
	value, errcode := w.shownToken(c)
	if errcode != 0 {
		return errcode
	}
	if strings.HasPrefix(value, UserTokenPrefix) {
		return 40001
	}
	t, ok := w.tokens[value]
	if !ok {
		return 40014
	}
	c.app = t.app
	switch {
	case w.now().Before(t.until) && !t.dead:
		return 0
	case t.superseded, t.dead:
		return 40001
	default:
		return 42001
	}
}

// shownToken returns the access_token of the query of c. It counts a request with several
// of them, in whatever spelling, as a fault of the caller.
func (w *WeChat) shownToken(c *call) (value string, errcode int) {
	spellings := 0
	for pair := range strings.SplitSeq(c.query, "&") {
		name, raw, _ := strings.Cut(pair, "=")
		name = unescape(name)
		if strings.EqualFold(name, "access_token") {
			spellings++
		}
		if name == "access_token" {
			value = unescape(raw)
		}
	}
	if spellings > 1 {
		w.doubled++
		return "", 40014
	}
	if value == "" {
		return "", 41001
	}
	return value, 0
}

// unescape undoes percent-encoding where it is correct.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
