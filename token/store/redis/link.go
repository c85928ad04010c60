package redis

import (
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/secret"
	"wxproxy/token/store/seal"
)

// A link is the way to Redis, and what depends on the same secrets.
type link struct {
	client   redis.UniversalClient
	options  *redis.UniversalOptions
	seal     *seal.Sealer
	redacted []secret.Secret // what no error shows
}

func newLink(c Config) (*link, error) {
	options, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.New(c.Key, c.OldKey)
	if err != nil {
		return nil, err
	}
	return &link{connect(options), options, sealer, slices.Concat(secretsOf(options, c.Key), keyWords(c.OldKey))}, nil
}

// lastCommands is how long a link that was replaced is kept for commands under way.
const lastCommands = 5 * time.Second

// Prepare returns the function that has s use another user, password or certificate for
// the same Redis, or other encryption keys. Nothing is lost by that: who is not served
// by the old link is by the new one.
func (s *Store) Prepare(c Config) (take func(), err error) {
	next, err := newLink(c)
	if err != nil {
		return nil, err
	}
	return func() {
		old := s.link.Load()
		next.redacted = slices.Concat(next.redacted, old.redacted[:min(len(old.redacted), maxRedacted)])
		s.link.Store(next)
		s.mu.Lock()
		s.awayTill = time.Time{} // the last word of the old link
		s.mu.Unlock()
		select {
		case s.turned <- struct{}{}:
		default: // the watch knows
		}
		time.AfterFunc(lastCommands, func() { _ = old.client.Close() })
	}, nil
}

// maxRedacted is how many secrets of links that were replaced are kept out of errors.
const maxRedacted = 64
