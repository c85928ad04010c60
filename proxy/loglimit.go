package proxy

import (
	"sync"
	"time"
)

// restsFor is how long a line of the log is not written again.
const restsFor = time.Minute

// A logLimit lets lines of the log that callers can cause through once a minute each,
// and no more of them than it has room for. What has no line is counted: the next line
// of its name says how much that was, or if none comes, tell.
type logLimit struct {
	most int             // how many different ones are known at a time
	tell func(count int) // writes one line about many that have none

	mu     sync.Mutex // guards what follows
	lines  map[string]*line
	untold int  // what no line of its name will tell
	awaits bool // summarize will be called
}

// A line is one that was written.
type line struct {
	until  time.Time // before which it is not written again
	unsaid int       // how often it was not
}

func newLogLimit(most int, tell func(count int)) *logLimit {
	return &logLimit{most: most, tell: tell, lines: map[string]*line{}}
}

// allows reports whether the line called name is to be written at now, and how often
// it was not since the last time.
func (l *logLimit) allows(name string, now time.Time) (unsaid int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.lines[name]
	switch {
	case one == nil && len(l.lines) >= l.most && !l.forget(now):
		l.untold++
		l.await()
		return 0, false
	case one == nil:
		one = new(line)
		l.lines[name] = one
	case now.Before(one.until):
		one.unsaid++
		l.await()
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
			l.untold += one.unsaid
			delete(l.lines, name)
		}
	}
	return len(l.lines) < l.most
}

// await has summarize called in a minute. The caller holds l.mu.
func (l *logLimit) await() {
	if !l.awaits {
		l.awaits = true
		time.AfterFunc(restsFor, l.summarize)
	}
}

// summarize tells of what has no line and gets none any more.
func (l *logLimit) summarize() {
	l.mu.Lock()
	l.forget(time.Now())
	count := l.untold
	l.untold, l.awaits = 0, false
	for _, one := range l.lines {
		if one.unsaid > 0 {
			l.await()
			break
		}
	}
	l.mu.Unlock()
	if count > 0 {
		l.tell(count)
	}
}
