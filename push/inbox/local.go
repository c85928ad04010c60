package inbox

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/lograte"
	"wxproxy/token/store/seal"
)

// A local is a [Store] of one process: the index of what is on a shelf.
type local struct {
	shelf    shelf
	log      *slog.Logger
	seal     atomic.Pointer[seal.Sealer]
	bits     uint64         // the low bits of all sequence numbers of this process
	unable   lograte.Line   // about what cannot be stored
	newer    lograte.Line   // about records of a later version
	damaged  *lograte.Lines // about records that are lost
	unread   lograte.Line   // about records that could not be read
	replaced lograte.Line   // about the room that was made
	shared   bool           // whether other processes may put something on the shelf
	owned    atomic.Bool    // whether the shelf is this process's to deliver, and was read
	untold   atomic.Bool    // whether the shelf's owner could not be told of what this process has put there

	lookAgain time.Time // when to look for what others have done; only Take uses these
	tidyAgain time.Time
	standsBy  bool // whether another process has been the owner

	mu      sync.Mutex // guards what follows
	max     int64
	bytes   int64 // of all records, and of those that are being added
	wasted  int64 // those of failed ones among them
	last    uint64
	adding  map[uint64]bool // the sequence numbers of records that Add or Retry is about to put into queues
	gone    map[uint64]bool // those of records that left their queues since meet began to list the shelf; nil: it lists nothing
	dropped uint64
	lost    uint64
	queues  map[string]*queue // by their hashes
	fresh   []*queue          // that are due, in the order of their turns
	again   resting           // that have failed
	failed  []failedItem      // the oldest first
}

// A queue is the pushes of one account for one forward.
type queue struct {
	hash     string // the end of its name
	account  string
	items    []item // in order
	turn     turnState
	failures int // in a row, since the start
	due      time.Time
}

// A turnState is where a queue stands.
type turnState int

const (
	idle  turnState = iota // it is in no list
	due                    // it is in the list of fresh ones
	rests                  // it is in the list of those that have failed
	taken                  // it is being delivered
)

// An item is a record on the shelf.
type item struct {
	seq      uint64 // its place in time, see nextSeq
	size     int32
	attempts int32
	stored   int32 // the attempts that its name tells
}

// A failedItem is one that is not tried any more.
type failedItem struct {
	item
	hash string
	Failure
}

func newLocal(c Config) (*local, error) {
	l := &local{log: c.Log, damaged: NewLostLines(), max: c.Max, bits: rand.Uint64N(tick), queues: map[string]*queue{}, adding: map[uint64]bool{}}
	l.seal.Store(c.Sealer)
	if c.Dir == "" {
		l.shelf = &ram{records: map[string][]byte{}}
		l.owned.Store(true)
		return l, nil
	}
	folder, err := openFolder(c.Dir, c.Log)
	if err != nil {
		return nil, err
	}
	l.shelf, l.shared = folder, true
	ours, err := folder.own()
	l.owned.Store(ours)
	if err == nil {
		err = l.read()
	}
	if err != nil {
		folder.close()
		return nil, err
	}
	return l, nil
}

// tick is what a sequence number grows by in a microsecond. What is below differs
// between processes.
const tick = 1 << 10

// nextSeq returns a number that is higher than all before it, and tells the time. The
// caller holds l.mu.
func (l *local) nextSeq(now time.Time) uint64 {
	l.last = max(uint64(max(now.UnixMicro(), 0))*tick, l.last-l.last%tick+tick) + l.bits
	return l.last
}

// at returns the time that a sequence number tells.
func (i item) at() time.Time { return time.UnixMicro(int64(i.seq / tick)) }

// queueOf returns the queue that a hash names. The caller holds l.mu.
func (l *local) queueOf(hash string) *queue {
	q := l.queues[hash]
	if q == nil {
		q = &queue{hash: hash}
		l.queues[hash] = q
	}
	return q
}

// hashOf returns the part of a queue's name that names files.
func hashOf(queue string) string { return queue[strings.LastIndexByte(queue, ':')+1:] }

// Use implements [Store].
func (l *local) Use(limit int64, sealer *seal.Sealer) {
	l.seal.Store(sealer)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = limit
}

// Renew implements [Store]: nobody else has a queue.
func (l *local) Renew(context.Context, []string) ([]string, error) { return nil, nil }

// Close implements [Store].
func (l *local) Close() error {
	l.mu.Lock()
	waiting := 0
	for _, q := range l.queues {
		waiting += len(q.items)
	}
	l.mu.Unlock()
	if _, inMemory := l.shelf.(*ram); inMemory && waiting > 0 {
		l.log.Warn("pushes that were waiting in memory end with the process", "count", waiting,
			"remedy", "have token.store name a folder or Redis, where they outlive it")
	}
	return l.shelf.close()
}

// State implements [Store].
func (l *local) State(context.Context) (State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Waiting: map[string]int{}, Failed: map[string]int{}, Bytes: l.bytes, Max: l.max, Dropped: l.dropped, Lost: l.lost}
	for _, q := range l.queues {
		if len(q.items) == 0 {
			continue
		}
		s.Waiting[q.account] += len(q.items)
		if at := q.items[0].at(); s.Oldest.IsZero() || at.Before(s.Oldest) {
			s.Oldest = at
		}
	}
	for i := range l.failed {
		s.Failed[l.failed[i].Account]++
	}
	return s, nil
}
