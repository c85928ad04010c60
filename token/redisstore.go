package token

import (
	"context"
	"crypto/rand"
	_ "embed" // the scripts
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"wxproxy/internal/secret"
)

const (
	// redisPatience is how long Redis may take to answer, or to be connected to.
	// Nobody but a flight waits for it.
	redisPatience = 500 * time.Millisecond

	// recordLife is how long a record is kept that nobody writes any more: the
	// budgets in it are a day's.
	recordLife = 25 * time.Hour
)

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
	hidden     []secret.Secret // what no error shows
	log        *slog.Logger
	load, save *redis.Script
	writer     string    // this store's name among the others that announce
	began      time.Time // from when zero counts

	mu       sync.Mutex // guards what follows
	zero     int64      // what the clock of Redis showed at began, in Unix milliseconds; 0: not known yet
	awayTill time.Time
	watched  map[string]*watcher // by the key's path
	failing  error               // what was wrong with Redis last; nil: nothing
	refused  access              // what failed

	mute sync.Once // said that announcements are refused
	mark string    // what showed last that Redis has not lost its data; the watch's alone

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
	silenceRedis()
	return &RedisStore{
		client:  connectRedis(options),
		prefix:  c.KeyPrefix,
		seal:    seal,
		hidden:  redisSecrets(options, c.Key),
		log:     log,
		load:    redis.NewScript(loadScript),
		save:    redis.NewScript(saveScript),
		writer:  rand.Text(),
		began:   time.Now(),
		watched: map[string]*watcher{},
		failed:  make(chan struct{}, 1),
	}, nil
}

// silenceRedis has the library log nothing: it has nothing to say that its errors
// do not. It is a variable because the library has one logger for all clients,
// which must not change while one of them, of a configuration that is replaced,
// still works.
var silenceRedis = sync.OnceFunc(logging.Disable)

// Load implements [Store].
func (s *RedisStore) Load(key Key) (Record, error) {
	answer, err := s.run(s.load, key)
	if isOtherType(err) {
		return Record{}, fmt.Errorf("reading %s of Redis: %w", s.name(key), errDamaged)
	}
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
	err = s.try(context.Background(), access(script == s.save), func(ctx context.Context) error {
		sent := time.Now()
		raw, err := script.Run(ctx, s.client, []string{s.name(key)}, args...).Slice()
		if err == nil {
			answer, err = readRedisAnswer(raw)
		}
		if err == nil {
			s.setClock(sent, answer.now)
			s.reportUnsaid(answer.unsaid)
		}
		return err
	})
	return answer, err
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
