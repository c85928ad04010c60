// Package lately keeps values for as long as they are asked for at least once a day.
package lately

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// keptFor is how long a value is kept that nobody asks for.
	keptFor = 24 * time.Hour

	// sweepEvery is how often it is looked which values those are, as long as values are
	// added.
	sweepEvery = time.Hour

	// precision is how exactly it is known when somebody asked: to note each question would
	// have the processors wait for each other.
	precision = time.Minute

	// pieces is how many parts a Map has, each with a lock of its own.
	pieces = 16
)

// A Map has values by their names. Its methods may be called concurrently. The zero Map is
// empty and ready for use.
type Map[T any] struct {
	once sync.Once
	seed maphash.Seed
	all  [pieces]piece[T]
}

type piece[T any] struct {
	mu     sync.RWMutex // guards what follows
	values map[string]*Entry[T]
	swept  time.Time
}

// An Entry is a value together with what the Map notes of it, so that both are read in one
// step.
type Entry[T any] struct {
	asked atomic.Int64 // in Unix nanoseconds
	Value T
}

// Get returns the value called name, or nil.
func (m *Map[T]) Get(name []byte, now time.Time) *T {
	p := m.pieceOf(name)
	p.mu.RLock()
	e := p.values[string(name)]
	p.mu.RUnlock()
	if e == nil {
		return nil
	}
	if asked := now.UnixNano(); asked-e.asked.Load() > int64(precision) {
		e.asked.Store(asked)
	}
	return &e.Value
}

// Add adds an entry, and returns the value that is called name: if there was one already,
// that.
func (m *Map[T]) Add(name string, e *Entry[T], now time.Time) *T {
	p := m.pieceOf([]byte(name))
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.values[name]; known != nil {
		return &known.Value
	}
	p.sweep(now)
	e.asked.Store(now.UnixNano())
	p.values[name] = e
	return &e.Value
}

// sweep forgets what nobody has asked for lately. The caller holds p.mu.
func (p *piece[T]) sweep(now time.Time) {
	if p.values == nil {
		p.values, p.swept = map[string]*Entry[T]{}, now
	}
	if now.Sub(p.swept) < sweepEvery {
		return
	}
	p.swept = now
	for name, e := range p.values {
		if now.UnixNano()-e.asked.Load() > int64(keptFor) {
			delete(p.values, name)
		}
	}
}

// pieceOf returns the part that has name, if the Map has it.
func (m *Map[T]) pieceOf(name []byte) *piece[T] {
	m.once.Do(func() { m.seed = maphash.MakeSeed() })
	return &m.all[maphash.Bytes(m.seed, name)%pieces]
}
