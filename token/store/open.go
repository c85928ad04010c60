// Package store keeps tokens over a restart: in memory, in files, or in Redis, which
// replicas share.
package store

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/redis"
	"wxproxy/token/store/seal"
	"wxproxy/token/store/tally"
)

// A Config says which Store to open.
type Config struct {
	Spec      secret.Secret // "memory:", "file:DIR" or a URL of Redis, which may hold a password
	KeyPrefix string        // of the names in Redis
	Key       secret.Secret // of 32 bytes, to encrypt tokens with; empty: they are stored in the clear
	OldKey    secret.Secret // to decrypt those from before with, as well; may be empty
	Log       *slog.Logger
	Tally     *tally.Tally // of what the store is asked; nil: nothing is counted
}

// Check reports whether there can be a store that spec names. The error
// does not quote it.
func Check(spec secret.Secret) error {
	scheme, rest, _ := strings.Cut(spec.Reveal(), ":")
	switch {
	case spec.Reveal() == "memory:":
		return nil
	case scheme == "file" && rest != "" && !strings.ContainsFunc(rest, unicode.IsControl):
		return nil
	case scheme == "redis", scheme == "rediss":
		return redis.Check(spec)
	}
	return errors.New(`is not a store; write "memory:" or "file:" and a folder, as "file:/var/lib/wxproxy", or "redis://HOST:PORT/DB"`)
}

// Open returns the store that c names. One of Redis is a [redis.Store],
// which does not need Redis to be there.
func Open(c Config) (token.Store, error) {
	if err := Check(c.Spec); err != nil {
		return nil, fmt.Errorf("opening the token store: %w", err)
	}
	sealer, err := seal.New(c.Key, c.OldKey)
	if err != nil {
		return nil, fmt.Errorf("opening the token store: %w", err)
	}
	scheme, rest, _ := strings.Cut(c.Spec.Reveal(), ":")
	switch scheme {
	case "memory":
		return NewMemory(), nil
	case "file":
		files, err := NewFile(rest, sealer, c.Log)
		if err != nil {
			return nil, err
		}
		files.tally = c.Tally
		return files, nil
	}
	return redis.New(c.ofRedis())
}

func (c Config) ofRedis() redis.Config {
	return redis.Config{URL: c.Spec, KeyPrefix: c.KeyPrefix, Key: c.Key, OldKey: c.OldKey, Log: c.Log, Tally: c.Tally}
}

// Prepare returns the function that has s, which was opened for the same place, use the
// secrets of c from now on.
func Prepare(s token.Store, c Config) (take func(), err error) {
	switch s := s.(type) {
	case *redis.Store:
		take, err = s.Prepare(c.ofRedis())
	case *File:
		var sealer *seal.Sealer
		sealer, err = seal.New(c.Key, c.OldKey)
		take = func() { s.seal.Store(sealer) }
	default:
		take = func() {}
	}
	if err != nil {
		return nil, fmt.Errorf("preparing the token store: %w", err)
	}
	return take, nil
}
