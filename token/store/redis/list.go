package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/token"
)

// listBatch is how many records are read in one go.
const listBatch = 500

// Each implements [token.Lister]. It looks at the names of all that Redis holds: a list of
// them that is kept besides could get lost, or be wrong.
func (s *Store) Each(platform string, look func(token.Key, token.Record, error) error) error {
	if _, err := s.run(s.load, tried); err != nil { // the clock of Redis is known then
		return err
	}
	if err := s.place(platform); err != nil { // what is written meanwhile is told of
		return err
	}
	lister := &lister{store: s, platform: platform, look: look}
	if cluster, ok := s.link.Load().client.(*redis.ClusterClient); ok {
		return s.listed(cluster.ForEachMaster(context.Background(), func(_ context.Context, node *redis.Client) error { return lister.list(node) }))
	}
	return s.listed(lister.list(s.link.Load().client))
}

// listed returns err as Each does.
func (s *Store) listed(err error) error {
	own, ofLook := errors.AsType[*lookError](err)
	if ofLook {
		return own.error
	}
	return err
}

// A lookError is what look returned.
type lookError struct{ error }

// A lister reads the records of a platform.
type lister struct {
	store    *Store
	platform string
	mu       sync.Mutex // held while look is called: the nodes of a cluster answer at the same time
	look     func(token.Key, token.Record, error) error
}

// list looks at what one node holds.
func (l *lister) list(node redis.Cmdable) error {
	s := l.store
	pattern := quotedPattern(s.prefix+":"+l.platform+":") + "*:token"
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		var names []string
		err := s.try(context.Background(), loads, func(ctx context.Context) (err error) {
			names, cursor, err = node.Scan(ctx, cursor, pattern, listBatch).Result()
			return err
		})
		if err == nil {
			err = l.read(node, names)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads the records of these names.
func (l *lister) read(node redis.Cmdable, names []string) error {
	s := l.store
	answers := make([]*redis.MapStringStringCmd, len(names))
	if len(names) == 0 {
		return nil
	}
	err := s.try(context.Background(), loads, func(ctx context.Context) error {
		_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, name := range names {
				answers[i] = p.HGetAll(ctx, name)
			}
			return nil
		})
		return err
	})
	if err != nil && !isOtherType(err) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, name := range names {
		appID := strings.TrimSuffix(strings.TrimPrefix(name, s.prefix+":"+l.platform+":"), ":token")
		if appID == l.platform || strings.Contains(appID, ":") {
			continue
		}
		key := token.Key{Platform: l.platform, AppID: appID}
		r, err := s.recordIn(key, answers[i])
		if errors.Is(err, token.ErrNotStored) { // it was removed meanwhile
			continue
		}
		if err := l.look(key, r, err); err != nil {
			return &lookError{err}
		}
	}
	return nil
}

// recordIn returns the record in an answer.
func (s *Store) recordIn(key token.Key, answer *redis.MapStringStringCmd) (token.Record, error) {
	fields, err := answer.Result()
	if err != nil {
		return token.Record{}, fmt.Errorf("reading %s of Redis: %w", s.name(key), token.ErrDamaged)
	}
	return s.record(key, scriptAnswer{now: s.clock(time.Now()), fields: fields})
}

// quotedPattern returns what matches text alone.
func quotedPattern(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`).Replace(text)
}
