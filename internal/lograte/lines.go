package lograte

import "sync"

// Lines are lines of the log that callers can cause, each under a name: each is written
// at once the first time, and then at most once a minute. Names that there is no room
// for share one line.
type Lines struct {
	First int // how many of each name are written at once in a minute; 0: one

	most   int             // how many names are known at a time
	others func(count int) // writes the line that the others share

	mu     sync.Mutex // guards byName
	byName map[string]*Line
	rest   Line
}

// NewLines returns Lines with room for most names at a time.
func NewLines(most int, others func(count int)) *Lines {
	return &Lines{most: most, others: others, byName: map[string]*Line{}}
}

// Note has write called for the line called name, as [Line.Note] does.
func (l *Lines) Note(name string, write func(count int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.byName[name]
	if line == nil && len(l.byName) >= l.most {
		l.forget()
	}
	switch {
	case line != nil:
	case len(l.byName) >= l.most:
		l.rest.Note(l.others)
		return
	default:
		line = &Line{first: l.First}
		l.byName[name] = line
	}
	line.Note(write)
}

// Flush has the counts written that wait for their minute to end, as the process ends
// before that.
func (l *Lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.byName {
		line.Flush()
	}
	l.rest.Flush()
}

// forget forgets the lines that nobody has caused for a minute. The caller holds l.mu.
func (l *Lines) forget() {
	for name, line := range l.byName {
		if line.rests() {
			delete(l.byName, name)
		}
	}
}
