package redis

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wxproxy/token"
)

// removeScript removes a record, unless it is of a later version.
const removeScript = `
local version = redis.pcall('HGET', KEYS[1], 'version')
if type(version) == 'string' and tonumber(version) and tonumber(version) > tonumber(ARGV[1]) then return -1 end
return redis.call('DEL', KEYS[1])`

// Remove implements [token.Remover].
func (s *Store) Remove(key token.Key) error {
	var answer int
	err := s.try(context.Background(), removes, func(ctx context.Context) (err error) {
		answer, err = s.link.Load().client.Eval(ctx, removeScript, []string{s.name(key)}, version).Int()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		return err
	})
	if err == nil && answer < 0 {
		return s.meetNewer(key)
	}
	return err
}

// meetNewer says once that a record is of a later version, and returns that as an error.
func (s *Store) meetNewer(key token.Key) error {
	s.met.Do(func() {
		s.tally.MetNewer()
		s.log.Error("the token store has records of a later version of wxproxy: this one leaves them alone, and keeps and renews its tokens in memory",
			"record", s.name(key), "remedy", "update this replica, too; or, if the later version is not to come back, delete its records")
	})
	return fmt.Errorf("%s of Redis: %w", s.name(key), token.ErrNewer)
}
