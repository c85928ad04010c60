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

	// checkAfter is how long a connection is idle after an answer before it is looked
	// whether the end came with its last request. From then on it rests.
	checkAfter = time.Second
)

// A checkState says whether it was looked for the end since the last answer.
type checkState int

const (
	checkOpen checkState = iota // not yet
	checkSet                    // not yet, but the wait for the next request ends early for it
	checkDue                    // not yet, and it is time to
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
	if l.extraReads > 0 && l.check != checkDone && wait > checkAfter {
		l.check, wait = checkSet, checkAfter
	}
	if err := l.caller.allowRead(wait); err != nil {
		l.ends = true
	}
	return l.ends
}

// isCheckDue reports whether the wait is over only because it is time to look for the
// end. The connection rests then, for what is left of the wait.
func (l *loop) isCheckDue() bool {
	if l.check != checkSet {
		return false
	}
	l.check, l.wait, l.rests = checkDue, l.wait-checkAfter, true
	l.front.crowd.add(restingWeight - awakeWeight)
	return true
}

// stillRests reports that nothing came to a connection that rests. It needs so little of
// the stack that ten thousand callers who rest have one of 2 KiB each.
func (l *loop) stillRests() bool {
	if l.check == checkDue {
		l.check = checkDone
		if l.caller.direct.IsSilent() {
			return true
		}
	}
	if l.rests {
		l.rests = false
		l.front.crowd.add(awakeWeight - restingWeight)
	}
	return false
}

// weight returns what the connection counts in a crowd.
func (l *loop) weight() int {
	if l.rests {
		return restingWeight
	}
	return awakeWeight
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
