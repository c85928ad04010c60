package front

import "time"

// When the kernel had fewer bytes than there was room for, it has no more, and what
// comes later wakes the loop: a further read would be in vain. With one exception: if a
// caller ends its half of the connection together with its last request, the read
// returns the request, and nothing comes later that would wake the loop. So the end is
// looked for right after the answer for the first few answers of a connection, which
// finds it at once for callers that send few requests, and later once, checkAfter after
// an answer.
const (
	// maxExtraReads is how many reads right after an answer a connection may cost.
	maxExtraReads = 4

	// checkAfter is how long a connection rests after an answer before it is looked
	// whether the end came with its last request.
	checkAfter = time.Second
)

// A checkState says whether it was looked for the end since the last answer.
type checkState int

const (
	checkOpen checkState = iota // not yet
	checkSet                    // not yet, but the wait for the next request ends early for it
	checkDone                   // it was, and there was none
)

// shouldReadOn reports whether to read more right now.
func (l *loop) shouldReadOn() bool {
	if l.request.filled {
		return true
	}
	l.extraReads++
	return l.extraReads <= maxExtraReads
}

// awaitNext has the loop wait for the next request. As answerWhole does, it returns
// false to wait, true to stop.
func (l *loop) awaitNext() bool {
	l.returnRequest()
	l.caller.phase.set(phaseIdle)
	wait := l.wait
	if l.extraReads > maxExtraReads && l.check != checkDone && wait > checkAfter {
		l.check, wait = checkSet, checkAfter
	}
	if err := l.caller.allowRead(wait); err != nil {
		l.ends = true
	}
	return l.ends
}

// isCheckDue reports whether the wait is over only because it is time to look for the
// end. What is left of the wait follows.
func (l *loop) isCheckDue() bool {
	if l.check != checkSet {
		return false
	}
	l.check, l.wait = checkDone, l.wait-checkAfter
	return true
}

// allowRead lets Read wait for d from now on.
func (c *Conn) allowRead(d time.Duration) error {
	c.overdue = false
	now := time.Now()
	if c.IsSurplus() {
		return c.SetReadDeadline(now.Add(d))
	}
	return c.direct.Allow(now, d)
}
