package token

import (
	"context"
	"crypto/rand"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// redisPatience is how long Redis may take to answer, or to be connected to.
	// Nobody but a flight waits for it.
	redisPatience = 500 * time.Millisecond

	// away is how long Redis is not asked by flights that did not answer in time,
	// so that ten thousand accounts do not wait for it by turns.
	away = time.Second

	// recordLife is how long a record is kept that nobody writes any more: the
	// budgets in it are a day's.
	recordLife = 25 * time.Hour
)

// ErrAway tells that a Store is out of reach.
var ErrAway = errors.New("the token store is out of reach")

var (
	//go:embed redis_load.lua
	loadScript string
	//go:embed redis_save.lua
	saveScript string
)

// A RedisStore is a Store that replicas share. The record of a token is the hash
// PREFIX:APPID:token, that of a ticket PREFIX:APPID:ticket:TYPE. Other programs
// may read access_token, expires_at (in Unix seconds by the clock of Redis) and
// generation, which rises with every write.
//
// Each script and command uses one key only, so that a cluster may keep them
// anywhere.
type RedisStore struct {
	client     redis.UniversalClient
	prefix     string
	seal       *sealer
	log        *slog.Logger
	load, save *redis.Script
	writer     string    // this store's name among the others that announce
	began      time.Time // from when zero counts

	mu       sync.Mutex // guards what follows
	zero     int64      // what the clock of Redis showed at began, in Unix milliseconds; 0: not known yet
	awayTill time.Time
	watched  map[string]func(generation int64) // by the key's path
	failing  error                             // what Redis answered last; nil: well

	failed chan struct{} // of capacity 1: Redis failed, so its return is to be watched for

	stop    context.CancelFunc
	stopped chan struct{} // closed when the watch has ended; nil before Start
}

func newRedisStore(c StoreConfig, seal *sealer) (*RedisStore, error) {
	options, err := parseRedisURL(c.Spec)
	if err != nil {
		return nil, fmt.Errorf("opening the token store: %w", err)
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	redis.SetLogger(redisLog{log})
	return &RedisStore{
		client:  connectRedis(options),
		prefix:  c.KeyPrefix,
		seal:    seal,
		log:     log,
		load:    redis.NewScript(loadScript),
		save:    redis.NewScript(saveScript),
		writer:  rand.Text(),
		began:   time.Now(),
		watched: map[string]func(int64){},
		failed:  make(chan struct{}, 1),
	}, nil
}

// redisLog is where the library reports to: it has nothing to say that its
// errors do not, but for somebody who looks for trouble.
type redisLog struct{ log *slog.Logger }

// Printf implements the library's logging.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "redis", "message", clean(fmt.Sprintf(format, args...)))
}

// Load implements [Store].
func (s *RedisStore) Load(key Key) (Record, error) {
	answer, err := s.run(s.load, key)
	if err != nil {
		return Record{}, err
	}
	return s.record(key, answer)
}

// Save implements [Store].
func (s *RedisStore) Save(key Key, r Record) (Record, error) {
	answer, err := s.run(s.save, key, s.arguments(key, r)...)
	if err == nil && answer.outcome == clockMoved { // we know it now
		answer, err = s.run(s.save, key, s.arguments(key, r)...)
	}
	if err != nil {
		return r, err
	}
	stored, err := s.record(key, answer)
	switch {
	case answer.outcome == clockMoved:
		return r, fmt.Errorf("%w: its clock jumps", ErrAway)
	case answer.outcome == written:
		r.Spent, r.Word.Generation = stored.Spent, stored.Word.Generation
		return r, err
	case err != nil:
		return r, err
	}
	return stored, nil
}

// run runs a script on the record of key.
func (s *RedisStore) run(script *redis.Script, key Key, args ...any) (answer redisAnswer, err error) {
	err = s.try(func(ctx context.Context) error {
		sent := time.Now()
		raw, err := script.Run(ctx, s.client, []string{s.name(key)}, args...).Slice()
		if err == nil {
			answer, err = readRedisAnswer(raw)
		}
		if err == nil {
			s.setClock(sent, answer.now)
		}
		return err
	})
	return answer, err
}

// try asks Redis, unless it has just failed to answer.
func (s *RedisStore) try(ask func(context.Context) error) error {
	s.mu.Lock()
	gone := time.Now().Before(s.awayTill)
	s.mu.Unlock()
	if gone {
		return ErrAway
	}
	err := ask(context.Background())
	s.report(err)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return nil
}

// report notes whether Redis answers, and logs when that changes.
func (s *RedisStore) report(err error) {
	s.mu.Lock()
	before := s.failing
	s.failing = err
	if err != nil {
		s.awayTill = time.Now().Add(away)
	}
	s.mu.Unlock()
	switch {
	case err != nil && before == nil:
		s.log.Warn("Redis does not answer: tokens in memory are served on, and refreshed without the other replicas when they are about to end",
			"err", clean(err.Error()))
		select {
		case s.failed <- struct{}{}:
		default: // the watch knows
		}
	case err == nil && before != nil:
		s.log.Info("Redis answers again")
	}
}

// name returns the name of key's record in Redis.
func (s *RedisStore) name(key Key) string { return s.prefix + ":" + key.path() }

// path returns the part of the name that is the key's own.
func (k Key) path() string {
	if k.Ticket == "" {
		return k.AppID + ":token"
	}
	return k.AppID + ":ticket:" + k.Ticket
}
