package lograte

import (
	"sync"
	"time"
)

// A Limit lets lines of the log that callers can cause through once a minute each,
// and no more of them than it has room for. What has no line is counted: the next line
// of its name says how much that was, or if none comes, tell.
type Limit struct {
	most int             // how many different ones are known at a time
	tell func(count int) // writes one line about many that have none

	mu         sync.Mutex // guards what follows
	lines      map[string]*limited
	suppressed int  // what no line of its name will tell
	awaits     bool // summarize will be called
}

// A limited is a line that was written.
type limited struct {
	until      time.Time // before which it is not written again
	suppressed int       // how often it was not
}

// NewLimit returns a Limit that knows most lines at a time; tell writes one line about
// many that have none.
func NewLimit(most int, tell func(count int)) *Limit {
	return &Limit{most: most, tell: tell, lines: map[string]*limited{}}
}

// Allows reports whether the line called name is to be written at now, and how often
// it was not since the last time.
func (l *Limit) Allows(name string, now time.Time) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.lines[name]
	switch {
	case one == nil && len(l.lines) >= l.most && !l.forget(now):
		l.suppressed++
		l.await()
		return 0, false
	case one == nil:
		one = new(limited)
		l.lines[name] = one
	case now.Before(one.until):
		one.suppressed++
		l.await()
		return 0, false
	}
	suppressed, one.suppressed, one.until = one.suppressed, 0, now.Add(every)
	return suppressed, true
}

// forget forgets the lines that may be written again, and reports whether there is
// room for others then. The caller holds l.mu.
func (l *Limit) forget(now time.Time) bool {
	for name, one := range l.lines {
		if !now.Before(one.until) {
			l.suppressed += one.suppressed
			delete(l.lines, name)
		}
	}
	return len(l.lines) < l.most
}

// await has summarize called in a minute. The caller holds l.mu.
func (l *Limit) await() {
	if !l.awaits {
		l.awaits = true
		time.AfterFunc(every, l.summarize)
	}
}

// Flush tells of all that has no line yet, as the process ends before it gets one.
func (l *Limit) Flush() {
	l.mu.Lock()
	count := l.suppressed
	l.suppressed = 0
	for _, one := range l.lines {
		count += one.suppressed
		one.suppressed = 0
	}
	l.mu.Unlock()
	if count > 0 {
		l.tell(count)
	}
}

// summarize tells of what has no line and gets none any more.
func (l *Limit) summarize() {
	l.mu.Lock()
	l.forget(time.Now())
	count := l.suppressed
	l.suppressed, l.awaits = 0, false
	for _, one := range l.lines {
		if one.suppressed > 0 {
			l.await()
			break
		}
	}
	l.mu.Unlock()
	if count > 0 {
		l.tell(count)
	}
}
