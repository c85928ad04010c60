package redis

import (
	"context"
	"errors"
	"maps"
	"slices"
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
	subscription := s.link.Load().client.Subscribe(ctx, s.channel())
	defer subscription.Close()
	heard, knowsAge := false, false
	messages := subscription.ChannelWithSubscriptions(redis.WithChannelHealthCheckInterval(watchEvery))
	poll := time.NewTimer(watchReturn)
	defer poll.Stop()
	beat := time.NewTicker(watchBeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.turned:
			return
		case <-s.failed:
			poll.Reset(watchReturn)
		case message := <-messages:
			if m, ok := message.(*redis.Message); ok {
				s.hear(m.Payload)
				continue
			}
			heard = true
			s.tellFollowers()
			knowsAge = knowsAge || s.isTooOld(ctx)
			poll.Reset(0)
		case <-poll.C:
			poll.Reset(s.poll(ctx))
		case <-beat.C:
			heard = heard || s.reportDeaf(ctx)
			if s.hasLost(ctx) {
				s.tellFollowers()
				poll.Reset(0)
			}
		}
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
	w := s.watched[words[0]]
	s.mu.Unlock()
	if w != nil {
		w.look(generation)
	}
	s.tellFollower(words[0])
}

// poll asks for the generation of every record and returns when to do so again. As long
// as Redis refuses something, that alone is tried.
func (s *Store) poll(ctx context.Context) time.Duration {
	if !s.prove(ctx) {
		return watchReturn
	}
	s.mu.Lock()
	watched := maps.Clone(s.watched)
	s.mu.Unlock()
	for paths := range slices.Chunk(slices.Collect(maps.Keys(watched)), watchBatch) {
		generations, err := s.generations(ctx, paths)
		if err != nil {
			return watchReturn
		}
		for i, path := range paths {
			watched[path].look(generations[i])
		}
	}
	return max(watchEvery, watchEach*time.Duration(len(watched)))
}

// generations returns the generation of each record, 0 if there is none that can
// be read.
func (s *Store) generations(ctx context.Context, paths []string) ([]int64, error) {
	answers := make([]*redis.StringCmd, len(paths))
	err := s.try(ctx, generations, func(ctx context.Context) error {
		_, err := s.link.Load().client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, path := range paths {
				answers[i] = p.HGet(ctx, s.prefix+":"+path, "generation")
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) && !isOtherType(err) {
			return err // the answers do not all have it: the library leaves out what its last try ended with
		}
		for _, answer := range answers {
			if err := answer.Err(); err != nil && !errors.Is(err, redis.Nil) && !isOtherType(err) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	generations := make([]int64, len(paths))
	for i, answer := range answers {
		generations[i], _ = answer.Int64()
	}
	return generations, nil
}

// channel returns the name of the channel of announcements.
func (s *Store) channel() string { return s.prefix + ":tokens" }
