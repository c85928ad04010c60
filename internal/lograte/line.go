// Package lograte keeps the log short where strangers decide how often there is
// something to say.
package lograte

import (
	"sync"
	"time"
)

// every is how long a line stands for all that happens.
const every = time.Minute

// A Line is one that strangers can cause. It is written at once when that happens
// first, and then at most once a minute.
type Line struct {
	mu    sync.Mutex // guards what follows
	held  bool       // there was a line within the last minute
	count int        // what happened since
	write func(count int)
}

// Note has write called with how often this has happened since the last line: now,
// or when a minute has passed. The latest write counts.
func (l *Line) Note(write func(count int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held {
		l.count, l.write = l.count+1, write
		return
	}
	l.held = true
	time.AfterFunc(every, l.release)
	write(1)
}

// release ends the minute.
func (l *Line) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held = l.count > 0; !l.held {
		return
	}
	l.write(l.count)
	l.count, l.write = 0, nil
	time.AfterFunc(every, l.release)
}
