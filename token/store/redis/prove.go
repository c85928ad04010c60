package redis

import (
	"context"
	"errors"

	"wxproxy/token"
)

// tried is a record that no account has, and tried only for a moment.
var tried = token.Key{AppID: ".try"}

// prove tries what Redis has refused last, and reports whether it refuses nothing of
// that any more. Nobody else may try it for an hour, and what does not need that right
// would not tell.
func (s *Store) prove(ctx context.Context) bool {
	proofs := [len(operations)]func(context.Context) error{
		loads:       s.proveLoad,
		saves:       s.proveSave,
		leases:      s.proveLease,
		releases:    s.proveLease,
		removes:     func(context.Context) error { return s.Remove(tried) },
		generations: func(ctx context.Context) error { _, err := s.generations(ctx, []string{path(tried)}); return err },
		marks:       func(ctx context.Context) error { _, err := s.readMark(ctx); return err },
		marking:     s.setMark,
		noting:      s.proveNote,
		changed:     func(ctx context.Context) error { _, err := s.changesAfter(ctx, tried.AppID, -1); return err },
	}
	for n, proof := range proofs {
		s.mu.Lock()
		refused := s.refused[n]
		s.mu.Unlock()
		if refused && proof(ctx) != nil {
			return false
		}
	}
	return true
}

func (s *Store) proveLoad(context.Context) error {
	if _, err := s.Load(tried); !errors.Is(err, token.ErrNotStored) {
		return err
	}
	return nil
}

// proveSave stores a record and removes it, which is a right of its own.
func (s *Store) proveSave(context.Context) error {
	if _, err := s.Save(tried, token.Record{}); err != nil {
		return err
	}
	_ = s.Remove(tried) // or it ends by itself
	return nil
}

// proveNote notes no change, which leaves nothing.
func (s *Store) proveNote(ctx context.Context) error {
	return s.try(ctx, noting, func(ctx context.Context) error {
		return s.changes.note.Run(ctx, s.link.Load().client, []string{s.changesName(tried.AppID)}, changesKept, 0).Err()
	})
}

func (s *Store) proveLease(context.Context) error {
	release, err := s.Lease(tried)
	if err == nil {
		release()
	}
	return err
}
