package proxy

import (
	"sync"
	"time"
)

// restsFor is how long a line of the log is not written again.
const restsFor = time.Minute

// A logLimit lets lines of the log that callers can cause through once a minute each,
// and no more of them than it has room for.
type logLimit struct {
	most int // how many different ones are known at a time

	mu    sync.Mutex // guards what follows
	lines map[string]*line
}

// A line is one that was written.
type line struct {
	until  time.Time // before which it is not written again
	unsaid int       // how often it was not
}

func newLogLimit(most int) *logLimit { return &logLimit{most: most, lines: map[string]*line{}} }

// allows reports whether the line called name is to be written at now, and how often
// it was not since the last time.
func (l *logLimit) allows(name string, now time.Time) (unsaid int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.lines[name]
	switch {
	case one == nil && len(l.lines) >= l.most && !l.forget(now):
		return 0, false
	case one == nil:
		one = new(line)
		l.lines[name] = one
	case now.Before(one.until):
		one.unsaid++
		return 0, false
	}
	unsaid, one.unsaid, one.until = one.unsaid, 0, now.Add(restsFor)
	return unsaid, true
}

// forget forgets the lines that may be written again, and reports whether there is
// room for others then. The caller holds l.mu.
func (l *logLimit) forget(now time.Time) bool {
	for name, one := range l.lines {
		if !now.Before(one.until) {
			delete(l.lines, name)
		}
	}
	return len(l.lines) < l.most
}
