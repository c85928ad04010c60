package service

import (
	"strings"

	"wxproxy/admin"
	"wxproxy/token/store"
	"wxproxy/token/store/tally"
)

// storeCondition returns how the store is.
func (s *Service) storeCondition() tally.Condition {
	if files, ok := s.store.(*store.File); ok {
		return files.Condition()
	}
	return s.tally.Condition()
}

// storeState returns how the store is, for operators.
func (s *Service) storeState() admin.Store {
	address, now := s.atStart.Token.StoreAddress(), s.storeCondition()
	kind, _, _ := strings.Cut(address, ":")
	state := admin.Store{
		Kind: strings.Replace(kind, "rediss", "redis", 1), Address: address, Up: now.Up, Since: admin.UTC(now.Since), Remedy: now.Remedy, NewerRecords: now.Newer,
	}
	if now.Err != nil {
		text := now.Err.Error()
		state.LastError = &text
	}
	return state
}
