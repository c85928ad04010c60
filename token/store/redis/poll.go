package redis

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// poll asks for the generation of every record and returns when to do so again. As long
// as Redis refuses something, that alone is tried.
func (s *Store) poll(ctx context.Context) time.Duration {
	if !s.prove(ctx) {
		return watchReturn
	}
	s.mu.Lock()
	watched := maps.Clone(s.watched)
	s.mu.Unlock()
	for paths := range slices.Chunk(slices.Collect(maps.Keys(watched)), watchBatch) {
		generations, err := s.generations(ctx, paths)
		if err != nil {
			return watchReturn
		}
		for i, path := range paths {
			watched[path].look(generations[i])
		}
	}
	return max(watchEvery, watchEach*time.Duration(len(watched)))
}

// generations returns the generation of each record, 0 if there is none that can
// be read.
func (s *Store) generations(ctx context.Context, paths []string) ([]int64, error) {
	answers := make([]*redis.StringCmd, len(paths))
	err := s.try(ctx, generations, func(ctx context.Context) error {
		_, err := s.link.Load().client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, path := range paths {
				answers[i] = p.HGet(ctx, s.prefix+":"+path, "generation")
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) && !isOtherType(err) {
			return err // the answers do not all have it: the library leaves out what its last try ended with
		}
		for _, answer := range answers {
			if err := answer.Err(); err != nil && !errors.Is(err, redis.Nil) && !isOtherType(err) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	generations := make([]int64, len(paths))
	for i, answer := range answers {
		generations[i], _ = answer.Int64()
	}
	return generations, nil
}
