package redis

import (
	"encoding/base64"
	"strings"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/secret"
)

// A quotedError is what Redis, or the way to it, objects to. It shows nothing of what
// Redis was sent: some errors quote that.
type quotedError struct {
	text  string
	cause error
}

// Error implements error.
func (e *quotedError) Error() string { return e.text }

// Unwrap returns the cause, to be examined but not printed.
func (e *quotedError) Unwrap() error { return e.cause }

// redact returns err without what Redis was sent.
func (s *Store) redact(err error) error { return &quotedError{s.words(err), err} }

// words returns what err says without what Redis was sent.
func (s *Store) words(err error) string {
	text, _, _ := strings.Cut(err.Error(), ", with args beginning with")
	return secret.Quote(text, s.link.Load().redacted...)
}

// pieces returns a password and, if it is long, its parts: an error may quote no more
// than its beginning.
func pieces(password string) []secret.Secret {
	const piece = 8
	secrets := []secret.Secret{secret.New(password)}
	for rest := password; len(password) >= 2*piece && len(rest) >= piece; rest = rest[piece:] {
		secrets = append(secrets, secret.New(rest[:piece]))
	}
	return secrets
}

// secretsOf returns what no error may show of a store.
func secretsOf(o *redis.UniversalOptions, key secret.Secret) []secret.Secret {
	secrets := append(pieces(o.Password), pieces(o.SentinelPassword)...)
	for _, user := range []string{o.Username, o.SentinelUsername} {
		const word = 8 // shorter ones are words that errors have, too: default, wxproxy
		if len(user) >= word {
			secrets = append(secrets, secret.New(user))
		}
	}
	return append(secrets, keyWords(key)...)
}

// keyWords returns how an encryption key may be written; nothing of none.
func keyWords(key secret.Secret) []secret.Secret {
	if key.Empty() {
		return nil
	}
	return []secret.Secret{key, secret.New(base64.StdEncoding.EncodeToString([]byte(key.Reveal())))}
}
