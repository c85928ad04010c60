package upstream

import (
	"time"

	"wxproxy/proxy/internal/socket"
)

const (
	// closedHoldsFor is how long a connection that was found closed bounds the proven
	// rest.
	closedHoldsFor = time.Minute

	// busyTime is how long a busy machine, this one or WeChat's, may leave a request
	// waiting.
	busyTime = 10 * time.Millisecond

	// shortRest is the least that WeChat has to let connections rest: where it closes
	// them earlier, no margin is safe on a busy machine, and nothing counts as proven.
	shortRest = time.Second
)

// A provenRest is how long a connection to one host can rest, that is, be open without
// a request, and surely not be closed by WeChat meanwhile.
//
// WeChat closes idle connections when it likes, and does not say after how long. A GET
// that meets a connection which is just being closed is sent again over another one. A
// POST is not, because WeChat may have acted on it, so that it may only take a
// connection which stays open until the POST has arrived. Looking at the connection is
// not enough: it may be closed between the look and the arrival. So the proxy looks at
// idle connections all the time, and remembers how long they had rested. The longest
// rest after which one was found open is proven: another one will survive it as well.
// A connection that was found closed lowers the proven rest to its own, and keeps it
// there for a minute, for WeChat may have become less patient. A POST takes a
// connection that has rested for less than half of the proven rest, and otherwise a new
// one (docs/decisions/0009 has what was measured).
type provenRest struct {
	rest        time.Duration
	closedAfter time.Duration // the shortest rest after which a connection was found closed
	closedUntil time.Time     // when closedAfter does not count any more
}

// note takes into account that a connection that had rested so long at the time now was
// found open, or closed.
func (p *provenRest) note(open bool, rest time.Duration, now time.Time) {
	bounded := p.isBounded(now)
	switch {
	case !open:
		p.rest = min(p.rest, rest)
		if !bounded || rest <= p.closedAfter {
			p.closedAfter, p.closedUntil = rest, now.Add(closedHoldsFor)
		}
	case !socket.CanPeek: // it only seems to be open
	case bounded:
		p.rest = max(p.rest, min(rest, p.closedAfter))
	default:
		p.rest = max(p.rest, rest)
	}
}

// isBounded reports whether a connection was found closed within the last minute.
func (p *provenRest) isBounded(now time.Time) bool { return now.Before(p.closedUntil) }

// covers reports whether a connection that has rested so long surely stays open until a
// request has reached WeChat. A margin of factor two is left, and while WeChat is known
// to close connections some more, for moments in which a machine is busy.
func (p *provenRest) covers(rest time.Duration, now time.Time) bool {
	if p.isBounded(now) {
		if p.closedAfter < shortRest {
			return false
		}
		rest += busyTime
	}
	return rest < p.rest/2
}
