package store

import (
	"time"

	"github.com/patrickmn/go-cache"

	"wxproxy/token"
)

// Memory is a Store that lasts as long as the process.
type Memory struct{ tokens *cache.Cache }

// NewMemory returns an empty Memory. It has no goroutine: there is one entry
// per account, which its successor replaces.
func NewMemory() *Memory {
	return &Memory{cache.New(cache.NoExpiration, 0)}
}

// Load implements [Store].
func (m *Memory) Load(key token.Key) (token.Record, error) {
	if r, ok := m.tokens.Get(name(key)); ok && r.(token.Record).Token.ValidAt(time.Now()) {
		return r.(token.Record), nil
	}
	return token.Record{}, token.ErrNotStored
}

// Save implements [Store]. A token that has expired is forgotten, because to
// go-cache a life of zero or less means that it never ends.
func (m *Memory) Save(key token.Key, r token.Record) (token.Record, error) {
	life := time.Until(r.Token.Expires)
	if life <= 0 {
		m.tokens.Delete(name(key))
		return r, nil
	}
	m.tokens.Set(name(key), r, life)
	return r, nil
}

// name returns the key as one word.
func name(k token.Key) string {
	if k.Ticket == "" {
		return k.AppID
	}
	return k.AppID + "-ticket-" + k.Ticket
}
