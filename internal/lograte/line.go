// Package lograte bounds how often a line is written to the log where callers would
// decide that.
package lograte

import (
	"sync"
	"time"
)

// every is the least time between two lines.
const every = time.Minute

// A Line is a line of the log that any caller can cause. It is written at once the
// first time, and then at most once a minute.
type Line struct {
	mu    sync.Mutex // guards what follows
	first int        // how many are written at once, if not 1
	said  int        // how many were, within the last minute
	held  bool       // whether a line was written within the last minute
	count int        // how many were not written since then
	write func(count int)
}

// Note has write called with the number of calls of Note since the last line: at once,
// or when a minute has passed since that line. Of several calls in this minute, the last
// one's write is called.
func (l *Line) Note(write func(count int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held && l.said < l.first {
		l.said++
		write(1)
		return
	}
	if l.held {
		l.count, l.write = l.count+1, write
		return
	}
	l.held, l.said = true, 1
	time.AfterFunc(every, l.release)
	write(1)
}

// release ends the minute.
func (l *Line) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = 0
	if l.held = l.count > 0; !l.held {
		return
	}
	l.write(l.count)
	l.count, l.write = 0, nil
	time.AfterFunc(every, l.release)
}

// Flush has the count written that waits for its minute to end, as the process ends
// before that.
func (l *Line) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count > 0 {
		l.write(l.count)
		l.count, l.write = 0, nil
	}
}

// rests reports whether the next call of Note writes at once.
func (l *Line) rests() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.held
}
