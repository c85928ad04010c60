package store

import (
	"time"

	"github.com/patrickmn/go-cache"

	"wxproxy/token"
)

// Memory is a [token.Store] that lasts as long as the process.
type Memory struct{ records *cache.Cache }

// NewMemory returns an empty Memory. It has no goroutine: there is one entry
// per account, which its successor replaces.
func NewMemory() *Memory {
	return &Memory{cache.New(cache.NoExpiration, 0)}
}

// Load implements [token.Store].
func (m *Memory) Load(key token.Key) (token.Record, error) {
	stored, ok := m.records.Get(name(key))
	if !ok {
		return token.Record{}, token.ErrNotStored
	}
	r := stored.(token.Record)
	if !r.Token.ValidAt(time.Now()) {
		r.Token = token.Token{}
	}
	return r, nil
}

// Save implements [token.Store]. A record with nothing left in it is forgotten, because to
// go-cache a life of zero or less means that it never ends.
func (m *Memory) Save(key token.Key, r token.Record) (token.Record, error) {
	life := max(time.Until(r.Token.Expires), time.Until(r.Until))
	if life <= 0 {
		m.records.Delete(name(key))
		return r, nil
	}
	m.records.Set(name(key), r, life)
	return r, nil
}

// name returns the key as one word.
func name(k token.Key) string {
	if k.Ticket == "" {
		return k.AppID
	}
	return k.AppID + "-ticket-" + k.Ticket
}
