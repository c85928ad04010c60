package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/background"
	"wxproxy/token"
)

const (
	// watchEvery is how often Redis is asked for what an announcement should
	// have told, unless there are many accounts.
	watchEvery = 30 * time.Second

	// watchEach is the share of an account in that, so that ten thousand are a
	// hundred questions a second.
	watchEach = 10 * time.Millisecond

	// watchReturn is how often Redis is asked whether it is back.
	watchReturn = 2 * time.Second

	// watchBeat is how often Redis is asked, once for all accounts, whether it has
	// lost its data.
	watchBeat = 3 * time.Second

	// watchBatch is how many accounts are asked for in one go.
	watchBatch = 500
)

// A watcher is told what others do with a record.
type watcher struct{ look func(generation int64) }

// Watch has look called with the generation of key's record when another replica
// may have written it, and again when a record may have got lost, until end is
// called.
func (s *Store) Watch(key token.Key, look func(generation int64)) (end func()) {
	at, w := path(key), &watcher{look}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched[at] = w
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.watched[at] == w { // or the one that took its place goes on
			delete(s.watched, at)
		}
	}
}

// Start begins to listen to the other replicas.
func (s *Store) Start() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.stopped = stop, make(chan struct{})
	go func() {
		defer close(s.stopped)
		background.Persist(ctx, s.log, func(ctx context.Context) {
			for ctx.Err() == nil {
				s.watch(ctx)
			}
		})
	}()
}

// Close ends what Start began and closes the connections.
func (s *Store) Close() error {
	if s.stopped != nil {
		s.stop()
		<-s.stopped
	}
	return s.link.Load().client.Close()
}

// watch listens to the other replicas until ctx ends, or there is another link. It asks as well: on every
// new connection, because announcements are not repeated, and now and then.
func (s *Store) watch(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	w := &watch{Store: s, ear: s.listen(ctx), poll: time.NewTimer(watchReturn)}
	defer w.ear.close()
	defer stop()
	defer w.poll.Stop()
	beat, ping, changes := time.NewTicker(watchBeat), time.NewTicker(pingEvery), time.NewTicker(changesEvery)
	defer beat.Stop()
	defer ping.Stop()
	defer changes.Stop()
	for isOver := false; !isOver; {
		select {
		case <-ctx.Done():
			return
		case <-s.turned:
			return
		case <-w.ear.silent:
			s.renew()
			return
		case <-s.failed:
			w.poll.Reset(watchReturn)
		case message := <-w.ear.heard:
			isOver = w.take(ctx, message)
		case <-changes.C:
			isOver = w.catchUp(ctx)
		case <-ping.C:
			_ = w.ear.subscription.Ping(ctx) // the ear hears whether Redis answers
		case <-w.poll.C:
			w.poll.Reset(s.poll(ctx))
		case <-beat.C:
			w.beat(ctx)
		}
	}
}

// A watch is what is known of one connection of announcements.
type watch struct {
	*Store
	ear      *ear
	poll     *time.Timer // when all records are asked for
	heard    bool        // it has told that it listens, or it was said that it may not
	knowsAge bool        // it is known whether Redis is too old
}

// take acts upon what was heard, and reports whether the watch is over.
func (w *watch) take(ctx context.Context, message any) (isOver bool) {
	switch m := message.(type) {
	case *redis.Message:
		w.hear(m.Payload)
	case *redis.Subscription:
		w.heard = true
		w.knowsAge = w.knowsAge || w.isTooOld(ctx)
		w.poll.Reset(0)
		return w.catchUp(ctx)
	}
	return false
}

// catchUp reads what was written of platforms, and reports whether the watch is over, because
// nothing comes over its connections any more.
func (w *watch) catchUp(ctx context.Context) (isOver bool) {
	if !errors.Is(w.readChanges(ctx), errSilent) || time.Since(w.renewed) < silentAfter {
		return false
	}
	w.renew()
	return true
}

// beat looks whether Redis has lost its data.
func (w *watch) beat(ctx context.Context) {
	w.heard = w.heard || w.reportDeaf(ctx)
	if w.hasLost(ctx) {
		w.tellFollowers()
		w.poll.Reset(0)
	}
}

// hear passes an announcement of others on: the path of a key, the writer, and the
// generation.
func (s *Store) hear(announcement string) {
	words := strings.Fields(announcement)
	if len(words) != 3 || words[1] == s.writer {
		return
	}
	generation, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return
	}
	s.mu.Lock()
	if len(s.changes.heard) < changesKept {
		s.changes.heard[words[0]] = generation
	}
	s.mu.Unlock()
	s.tell(words[0], generation)
}

// tell tells who watches the record at path, and who follows its platform.
func (s *Store) tell(path string, generation int64) {
	s.mu.Lock()
	w := s.watched[path]
	s.mu.Unlock()
	if w != nil {
		w.look(generation)
	}
	s.tellFollower(path)
}

// channel returns the name of the channel of announcements.
func (s *Store) channel() string { return s.prefix + ":tokens" }
