package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"wxproxy/token"
	"wxproxy/token/store/tally"
)

// Remove implements [token.Remover].
func (m *Memory) Remove(key token.Key) error {
	m.records.Delete(name(key))
	return nil
}

// Remove implements [token.Remover].
func (s *File) Remove(key token.Key) error {
	began := time.Now()
	err := s.remove(key)
	s.tally.Took(tally.Remove, time.Since(began), err)
	return err
}

func (s *File) remove(key token.Key) error {
	path, err := s.path(key)
	if err != nil {
		return err
	}
	if _, err := s.read(path); errors.Is(err, token.ErrNewer) {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a token: %w", err)
	}
	return nil
}

// meetNewer says once that a file is of a later version, and returns that as an error.
func (s *File) meetNewer(path string) error {
	s.met.Do(func() {
		s.tally.MetNewer()
		if s.log != nil {
			s.log.Error("the token store has records of a later version of wxproxy: this one leaves them alone, and keeps and renews its tokens in memory",
				"record", path, "remedy", "run the later version again; or, if it is not to come back, delete its records")
		}
	})
	return fmt.Errorf("%s: %w", path, token.ErrNewer)
}

// isReplaced reports whether what cannot be read because of err is replaced.
func isReplaced(key token.Key, err error) bool {
	return errors.Is(err, token.ErrNotStored) || errors.Is(err, token.ErrDamaged) || key.Platform == "" && errors.Is(err, fs.ErrPermission)
}
