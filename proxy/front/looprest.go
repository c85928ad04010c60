package front

import "time"

// curiosity is how often a visit looks for more right after an answer. A caller
// that sends the end of the connection with its last request would not be noticed
// otherwise; of who stays longer that is found out after lookAfter.
const curiosity = 4

// lookAfter is how long a connection rests before somebody looks whether the end
// came with its last request.
const lookAfter = time.Second

// looksOn reports whether to look for more right now. When the kernel had less
// than there was room for, there is none, and what comes later wakes the visit.
func (v *visit) looksOn() bool {
	if v.seat.full {
		return true
	}
	v.looks++
	return v.looks <= curiosity
}

// rest has the visit wait for the next request.
func (v *visit) rest() bool {
	v.leaveSeat()
	v.caller.answering.Store(false)
	wait := v.wait
	v.unsure = v.looks > curiosity && !v.looked && wait > lookAfter
	if v.unsure {
		wait = lookAfter
	}
	if err := v.caller.allow(wait); err != nil {
		v.ends = true
	}
	return v.ends
}

// looksAgain reports whether the time that is over is not the connection's, but only
// that until somebody looks.
func (v *visit) looksAgain() bool {
	again := v.unsure
	if again {
		v.unsure, v.looked, v.wait = false, true, v.wait-lookAfter
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
