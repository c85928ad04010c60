package redis

import (
	"context"
	"strconv"

	"wxproxy/token"
)

// noteChange notes that the record of key was written, if it is a platform's. What Redis does
// not take now it gets later, by the watch.
func (s *Store) noteChange(key token.Key, generation int64) {
	if key.Platform == "" || key.Ticket != "" {
		return
	}
	s.mu.Lock()
	of := s.changes.unnoted[key.Platform]
	if of == nil {
		of = map[string]int64{}
		s.changes.unnoted[key.Platform] = of
	}
	of[path(key)] = generation
	s.mu.Unlock()
	s.noteChanges(context.Background(), key.Platform)
}

// noteChanges has Redis note what was written of a platform.
func (s *Store) noteChanges(ctx context.Context, platform string) {
	s.mu.Lock()
	of := s.changes.unnoted[platform]
	delete(s.changes.unnoted, platform)
	s.mu.Unlock()
	if len(of) == 0 {
		return
	}
	arguments := []any{changesKept, 0}
	if len(of) > changesKept {
		arguments[1] = changesKept
	}
	for path, generation := range of {
		if len(arguments) == changesKept {
			break
		}
		arguments = append(arguments, path+" "+s.writer+" "+strconv.FormatInt(generation, 10))
	}
	err := s.try(ctx, noting, func(ctx context.Context) error {
		return s.changes.note.Run(ctx, s.link.Load().client, []string{s.changesName(platform)}, arguments...).Err()
	})
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if later := s.changes.unnoted[platform]; later != nil {
		for path, generation := range later {
			of[path] = max(of[path], generation)
		}
	}
	s.changes.unnoted[platform] = of
}
