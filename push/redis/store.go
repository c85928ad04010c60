// Package redis keeps waiting pushes in Redis, where replicas share them: a stream with a
// consumer group for each account and forward, and leases by which one replica at a time
// delivers a queue. It also has replicas share what became of pushes that WeChat repeats.
package redis

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/lograte"
	"wxproxy/push/inbox"
	tokens "wxproxy/token/store/redis"
	"wxproxy/token/store/seal"
)

// A Store is an [inbox.Store] in Redis. It needs Redis 5 or later. The names of all it has
// begin with PREFIX:push:{inbox}: and are in one slot of a cluster, since scripts change
// several of them at once.
type Store struct {
	link    *tokens.Store
	log     *slog.Logger
	owner   string // this store's name among those of other replicas
	lease   time.Duration
	limit   atomic.Int64
	dropped atomic.Uint64
	lost    atomic.Uint64
	forgot  atomic.Int64 // when failed ones were forgotten last, in Unix seconds

	keys    []string
	scripts scripts

	refused  lograte.Line   // about what cannot be done
	newer    lograte.Line   // about records of a later version
	damaged  *lograte.Lines // about records that are lost
	replaced lograte.Line   // about the room that was made
}

// New returns the Store of limit bytes in the Redis of link, which need not be there yet.
func New(link *tokens.Store, limit int64, log *slog.Logger) *Store {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Store{link: link, log: log, owner: rand.Text(), lease: inbox.LeaseLife, scripts: newScripts(), damaged: inbox.NewLostLines()}
	s.limit.Store(limit)
	for _, name := range []string{"due", "again", "owners", "failures", "heads", "totals", "waiting", "failed", "failed:counts", "failed:meta", "failed:records"} {
		s.keys = append(s.keys, s.name(name))
	}
	return s
}

// name returns the name of something of the inbox in Redis.
func (s *Store) name(what string) string { return s.link.Prefix() + ":push:{inbox}:" + what }

// The keys of what a store has besides the queues, as they are in its keys.
const (
	heads        = 4
	totals       = 5
	waiting      = 6
	failed       = 7
	failedCounts = 8
	failedMeta   = 9
)

// keysOf returns the keys of a script that is about a queue.
func (s *Store) keysOf(queue string, more ...string) []string {
	keys := append(make([]string, 0, len(s.keys)+1+len(more)), s.keys...)
	return append(append(keys, s.name("queue:"+queue)), more...)
}

// run runs a script, and says what is wrong if Redis refuses it.
func (s *Store) run(ctx context.Context, script *redis.Script, keys []string, args ...any) (answer any, err error) {
	err = s.use(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		answer, err = script.Run(ctx, client, keys, args...).Result()
		return err
	})
	return answer, err
}

func (s *Store) use(ctx context.Context, ask func(context.Context, redis.UniversalClient) error) error {
	err := s.link.Use(ctx, ask)
	if err != nil && ctx.Err() == nil {
		s.refused.Note(func(count int) {
			s.log.Error("Redis does not do what the inbox of pushes needs: WeChat is told to keep its pushes, and those that wait go on waiting",
				"err", err, "remedy", remedyFor(err), "count", count)
		})
	}
	return err
}

// remedyFor says in words what to do about an error.
func remedyFor(err error) string {
	if strings.Contains(err.Error(), "Unknown Redis command") { // as scripts say it, without the name
		return "pushes that wait need Redis 5 or later, with all its commands of streams: update it, or remove its rename-command"
	}
	return tokens.Remedy(err)
}

// oneAdd is for how long it is known that a push was added, so that it is not added twice:
// the client sends again what was not answered in time, and WeChat what had no success.
const oneAdd = 20 * time.Second

// Add implements [inbox.Store].
func (s *Store) Add(ctx context.Context, p *inbox.Push) error {
	record, err := inbox.Encode(p, s.link.Sealer())
	if err != nil {
		return err
	}
	queue := inbox.Queue(p.Account, p.Forward)
	answer, err := s.run(ctx, s.scripts.add, s.keysOf(queue, s.name("added:"+queue+":"+p.ID)), queue, record, s.limit.Load(), oneAdd.Milliseconds())
	if err != nil {
		return err
	}
	numbers := numbersIn(answer, 2)
	if numbers[0] == 0 {
		return inbox.ErrFull
	}
	s.noteDropped(numbers[1])
	return nil
}

// noteDropped counts failed pushes that had to make room, and says so.
func (s *Store) noteDropped(count int64) {
	if count == 0 {
		return
	}
	s.dropped.Add(uint64(count))
	s.replaced.Note(func(int) {
		s.log.Warn("pushes that could not be delivered were removed to make room", "since_start", s.dropped.Load(),
			"remedy", "retry or export them in time, or raise push.inbox_max")
	})
}

// Use implements [inbox.Store]. How records are encrypted is the link's to change.
func (s *Store) Use(limit int64, _ *seal.Sealer) { s.limit.Store(limit) }

// Close implements [inbox.Store]. The link is its owner's to close.
func (s *Store) Close() error {
	s.refused.Flush()
	return nil
}

// Renew implements [inbox.Store].
func (s *Store) Renew(ctx context.Context, queues []string) (lost []string, err error) {
	if len(queues) == 0 {
		return nil, nil
	}
	args := []any{s.owner, s.lease.Milliseconds()}
	for _, queue := range queues {
		args = append(args, queue)
	}
	answer, err := s.run(ctx, s.scripts.renew, s.keys, args...)
	return stringsIn(answer), err
}
