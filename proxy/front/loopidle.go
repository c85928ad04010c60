package front

import "time"

// maxExtraReads is how often a visit looks for more right after an answer. A caller
// that sends the end of the connection with its last request would not be noticed
// otherwise; of who stays longer that is found out after checkAfter.
const maxExtraReads = 4

// checkAfter is how long a connection rests before somebody looks whether the end
// came with its last request.
const checkAfter = time.Second

// shouldReadOn reports whether to look for more right now. When the kernel had less
// than there was room for, there is none, and what comes later wakes the visit.
func (l *loop) shouldReadOn() bool {
	if l.request.filled {
		return true
	}
	l.extraReads++
	return l.extraReads <= maxExtraReads
}

// rest has the visit wait for the next request.
func (l *loop) awaitNext() bool {
	l.returnRequest()
	l.caller.answering.Store(false)
	wait := l.wait
	l.unsure = l.extraReads > maxExtraReads && !l.looked && wait > checkAfter
	if l.unsure {
		wait = checkAfter
	}
	if err := l.caller.allow(wait); err != nil {
		l.ends = true
	}
	return l.ends
}

// isCheckDue reports whether the time that is over is not the connection's, but only
// that until somebody looks.
func (l *loop) isCheckDue() bool {
	again := l.unsure
	if again {
		l.unsure, l.looked, l.wait = false, true, l.wait-checkAfter
	}
	return again
}

// allow lets Read wait for d from now on.
func (c *Conn) allow(d time.Duration) error {
	c.overdue = false
	now := time.Now()
	if c.IsSurplus() {
		return c.SetReadDeadline(now.Add(d))
	}
	return c.direct.Allow(now, d)
}
