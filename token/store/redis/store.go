// Package redis is a store that replicas share: the records of tokens, the leases that
// let one replica at a time ask for a token, and announcements.
package redis

import (
	"context"
	"crypto/rand"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/tally"
)

const (
	// timeout is how long Redis may take to answer, or to be connected to.
	// Only flights wait for it.
	timeout = 500 * time.Millisecond

	// recordLife is how long a record is kept after the last write, at least:
	// the budgets in it are a day's.
	recordLife = 25 * time.Hour
)

var (
	//go:embed load.lua
	loadScript string
	//go:embed save.lua
	saveScript string
	//go:embed amend.lua
	amendScript string
)

// A Store is a [token.PlatformStore] and a [token.Sharer] in Redis. The record of a token is the hash
// PREFIX:APPID:token, that of a ticket PREFIX:APPID:ticket:TYPE; of a platform and those
// that authorized it with COMPONENT_APPID before APPID, as another part, and [changes]. Others
// may read access_token, expires_at (in Unix seconds by the clock of Redis) and
// generation, which rises with every write.
//
// Each script and command uses one key only, so that a cluster may keep them
// anywhere.
type Store struct {
	link       atomic.Pointer[link] // a reload may replace it
	prefix     string
	log        *slog.Logger
	tally      *tally.Tally
	load, save *redis.Script
	amend      *redis.Script
	writer     string    // this store's name among the others that announce
	began      time.Time // from when zero counts

	mu       sync.Mutex // guards what follows
	zero     int64      // what the clock of Redis showed at began, in Unix milliseconds; 0: not known yet
	awayTill time.Time
	watched  map[string]*watcher  // by the key's path
	followed map[string]*follower // by the platform
	changes  changes
	failing  error                 // what was wrong with Redis last; nil: nothing
	said     []string              // the remedies that were logged since it last worked
	refused  [len(operations)]bool // what it has refused last, by need

	odd     map[string]bool // the names of records that were said to be damaged
	renewed time.Time       // when all connections were made anew; the watch's alone
	mute    sync.Once       // said that announcements are refused
	met     sync.Once       // said that there is a record of a later version
	mark    string          // what showed last that Redis has not lost its data; the watch's alone

	failed chan struct{} // of capacity 1: Redis failed, so its return is to be watched for
	turned chan struct{} // of capacity 1: there is another link to listen on

	stop    context.CancelFunc
	stopped chan struct{} // closed when the watch has ended; nil before Start
}

// A Config says which Redis to use, and how.
type Config struct {
	URL       secret.Secret // which may hold a password
	KeyPrefix string        // of all names
	Key       secret.Secret // to encrypt tokens with; empty: they are stored in the clear
	OldKey    secret.Secret // to decrypt those from before with, as well; may be empty
	Log       *slog.Logger  // nil: nothing is logged
	Tally     *tally.Tally  // nil: nothing is counted
}

// Check reports whether there can be a Redis at url. The error does not quote it.
func Check(url secret.Secret) error {
	_, err := parseURL(url)
	return err
}

// New returns the store in a Redis, which need not be there yet.
func New(c Config) (*Store, error) {
	first, err := newLink(c)
	if err != nil {
		return nil, err
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	silence()
	s := &Store{
		prefix:   c.KeyPrefix,
		log:      log,
		tally:    c.Tally,
		load:     redis.NewScript(loadScript),
		save:     redis.NewScript(saveScript),
		amend:    redis.NewScript(amendScript),
		writer:   rand.Text(),
		began:    time.Now(),
		watched:  map[string]*watcher{},
		followed: map[string]*follower{},
		changes:  newChanges(),
		odd:      map[string]bool{},
		failed:   make(chan struct{}, 1),
		turned:   make(chan struct{}, 1),
	}
	s.link.Store(first)
	return s, nil
}

// silence has the library log nothing: it has nothing to say that its errors
// do not. It is a variable because the library has one logger for all clients,
// which must not change while one of them, of a configuration that is replaced,
// still works.
var silence = sync.OnceFunc(logging.Disable)

// Load implements [token.Store].
func (s *Store) Load(key token.Key) (token.Record, error) {
	answer, err := s.run(s.load, key)
	if isOtherType(err) {
		return token.Record{}, fmt.Errorf("reading %s of Redis: %w", s.name(key), token.ErrDamaged)
	}
	if err != nil {
		return token.Record{}, err
	}
	r, err := s.record(key, answer)
	if err == nil {
		s.reportOdd(key, answer.isOdd())
	}
	return r, err
}

// Save implements [token.Store].
func (s *Store) Save(key token.Key, r token.Record) (token.Record, error) {
	answer, err := s.run(s.save, key, s.arguments(key, r)...)
	if err == nil && answer.outcome == clockMoved { // we know it now
		answer, err = s.run(s.save, key, s.arguments(key, r)...)
	}
	if err != nil {
		return r, err
	}
	stored, err := s.record(key, answer)
	if err == nil && stored.HasGrants() {
		s.reseal(key, answer)
	}
	switch {
	case errors.Is(err, token.ErrNewer):
		return r, err
	case answer.outcome == clockMoved:
		return r, fmt.Errorf("%w: its clock jumps", token.ErrAway)
	case answer.outcome == written:
		s.noteChange(key, stored.Notice.Generation)
		r.Spent, r.Notice.Generation = stored.Spent, stored.Notice.Generation
		return r, err
	case err != nil:
		return r, err
	}
	return stored, nil
}

// run runs a script on the record of key.
func (s *Store) run(script *redis.Script, key token.Key, args ...any) (answer scriptAnswer, err error) {
	what := loads
	if script != s.load {
		what = saves
	}
	err = s.try(context.Background(), what, func(ctx context.Context) error {
		sent := time.Now()
		raw, err := script.Run(ctx, s.link.Load().client, []string{s.name(key)}, args...).Slice()
		if err == nil {
			answer, err = readScriptAnswer(raw)
		}
		if err == nil {
			s.setClock(sent, answer.now)
			s.reportUnsaid(answer.unsaid)
		}
		return err
	})
	return answer, err
}
