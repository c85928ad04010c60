package token

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/patrickmn/go-cache"

	"wxproxy/internal/secret"
)

// ErrNotStored tells that a Store has no record of an account.
var ErrNotStored = errors.New("no token stored")

// A Key names what a Store keeps a Record of.
type Key struct {
	AppID  string
	Ticket string // the type of the ticket; empty: the token
}

// A Record is what is kept of a token, or a ticket.
type Record struct {
	Token Token // empty if there is none
	Spent Spent
	Word  Word // zero in a store of one process
}

// A Word is what processes that share a Store tell each other of WeChat's.
type Word struct {
	Generation int64     // how often the record was written
	FetchedAt  time.Time // when the token was asked for; zero if none was
	Stands     time.Time // until then the token is good although it was refused
	Next       time.Time // when the one who wrote the record asks again
	Refusal    *Refusal  // of the last fetch, if another process would get it, too
	Failures   int       // of this kind, in a row
	Added      Spent     // of the record's what was spent since it was written; counts only
}

// A Store keeps a Record of each account's token and tickets. It may be slow or
// fail: a [Keeper] then goes on without it.
type Store interface {
	// Load returns the record that was saved last, or ErrNotStored. A token that
	// has expired is never in it. Errors hold nothing of what is stored.
	Load(key Key) (Record, error)

	// Save replaces the stored record and returns the one that is stored now:
	// r, or in a store that is shared one of another process with a newer token.
	Save(key Key, r Record) (Record, error)
}

// A StoreConfig says which Store to open.
type StoreConfig struct {
	Spec      secret.Secret // "memory:", "file:DIR" or a URL of Redis, which may hold a password
	KeyPrefix string        // of the names in Redis
	Key       secret.Secret // of 32 bytes, to encrypt tokens with; empty: they are stored in the clear
	Log       *slog.Logger
}

// CheckStore reports whether there can be a store that spec names. The error
// does not quote it.
func CheckStore(spec secret.Secret) error {
	kind, rest, _ := strings.Cut(spec.Reveal(), ":")
	switch {
	case spec.Reveal() == "memory:":
		return nil
	case kind == "file" && rest != "" && !strings.ContainsFunc(rest, unicode.IsControl):
		return nil
	case kind == "redis", kind == "rediss":
		_, err := parseRedisURL(spec)
		return err
	}
	return errors.New(`is not a store; write "memory:" or "file:" and a folder, as "file:/var/lib/wxproxy", or "redis://HOST:PORT/DB"`)
}

// OpenStore returns the store that c names. One of Redis is a [RedisStore],
// which does not need Redis to be there.
func OpenStore(c StoreConfig) (Store, error) {
	if err := CheckStore(c.Spec); err != nil {
		return nil, fmt.Errorf("opening the token store: %w", err)
	}
	seal, err := newSealer(c.Key)
	if err != nil {
		return nil, fmt.Errorf("opening the token store: %w", err)
	}
	kind, rest, _ := strings.Cut(c.Spec.Reveal(), ":")
	switch kind {
	case "memory":
		return NewMemory(), nil
	case "file":
		return newFileStore(rest, seal, c.Log)
	}
	return newRedisStore(c, seal)
}

// Memory is a Store that lasts as long as the process.
type Memory struct{ tokens *cache.Cache }

// NewMemory returns an empty Memory. It has no goroutine: there is one entry
// per account, which its successor replaces.
func NewMemory() *Memory {
	return &Memory{cache.New(cache.NoExpiration, 0)}
}

// Load implements [Store].
func (m *Memory) Load(key Key) (Record, error) {
	if r, ok := m.tokens.Get(key.name()); ok && r.(Record).Token.validAt(time.Now()) {
		return r.(Record), nil
	}
	return Record{}, ErrNotStored
}

// Save implements [Store]. A token that has expired is forgotten, because to
// go-cache a life of zero or less means that it never ends.
func (m *Memory) Save(key Key, r Record) (Record, error) {
	life := time.Until(r.Token.Expires)
	if life <= 0 {
		m.tokens.Delete(key.name())
		return r, nil
	}
	m.tokens.Set(key.name(), r, life)
	return r, nil
}

// name returns the key as one word.
func (k Key) name() string {
	if k.Ticket == "" {
		return k.AppID
	}
	return k.AppID + "-ticket-" + k.Ticket
}
