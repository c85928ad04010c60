package redis

import (
	"strings"

	"wxproxy/token"
)

// A follower is told what others do with the records of a platform.
type follower struct {
	look func(token.Key)
	at   *position // nil: all records are to be read first; guarded by the store's mu
}

// Follow implements [token.Follower].
func (s *Store) Follow(platform string, look func(token.Key)) (end func()) {
	f := &follower{look: look}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.followed[platform] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.followed[platform] == f { // or the one that took its place goes on
			delete(s.followed, platform)
		}
	}
}

// tellFollower tells who follows the platform, if any, of the record at path.
func (s *Store) tellFollower(path string) {
	platform, rest, found := strings.Cut(path, ":")
	appID, isToken := strings.CutSuffix(rest, ":token")
	s.mu.Lock()
	f := s.followed[platform]
	s.mu.Unlock()
	if f != nil && found && isToken {
		f.look(token.Key{Platform: platform, AppID: appID})
	}
}

// tellFollowers tells all who follow a platform that something may have been missed.
func (s *Store) tellFollowers() {
	s.mu.Lock()
	all := make([]*follower, 0, len(s.followed))
	for _, f := range s.followed {
		all = append(all, f)
	}
	s.mu.Unlock()
	for _, f := range all {
		f.look(token.Key{})
	}
}
