package store

import (
	"strings"
	"sync"
	"time"

	"github.com/patrickmn/go-cache"

	"wxproxy/token"
)

// Memory is a [token.PlatformStore] that lasts as long as the process.
type Memory struct {
	mu      sync.Mutex // held from reading what is stored to replacing it
	records *cache.Cache
}

// An entry is what is kept of a Record, with its key.
type entry struct {
	key    token.Key
	record token.Record
}

// NewMemory returns an empty Memory. It has no goroutine: there is one entry
// per account, which its successor replaces.
func NewMemory() *Memory {
	return &Memory{records: cache.New(cache.NoExpiration, 0)}
}

// Load implements [token.Store].
func (m *Memory) Load(key token.Key) (token.Record, error) {
	stored, ok := m.records.Get(name(key))
	if !ok {
		return token.Record{}, token.ErrNotStored
	}
	return stored.(entry).now(), nil
}

// now returns the record without a token that has expired.
func (e entry) now() token.Record {
	if !e.record.Token.ValidAt(time.Now()) {
		e.record.Token = token.Token{}
	}
	return e.record
}

// Save implements [token.Store].
func (m *Memory) Save(key token.Key, r token.Record) (token.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Granted = token.Granted{}
	if stored, ok := m.records.Get(name(key)); ok {
		r.Granted = stored.(entry).record.Granted
	}
	m.put(key, r)
	return r, nil
}

// put stores r. A record with nothing left in it is forgotten, because to go-cache a life
// of zero or less means that it never ends, as that of what is Granted does.
func (m *Memory) put(key token.Key, r token.Record) {
	life := max(time.Until(r.Token.Expires), time.Until(r.Until))
	switch {
	case r.HasGrants():
		life = cache.NoExpiration
	case life <= 0:
		m.records.Delete(name(key))
		return
	}
	m.records.Set(name(key), entry{key, r}, life)
}

// Amend implements [token.Amender].
func (m *Memory) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, _ := m.Load(key)
	if change(&r) {
		m.put(key, r)
	}
	return r, nil
}

// Each implements [token.Lister].
func (m *Memory) Each(platform string, look func(token.Key, token.Record, error) error) error {
	for name, item := range m.records.Items() {
		if !strings.HasPrefix(name, platform+"/") {
			continue
		}
		if e := item.Object.(entry); e.key.Ticket == "" && e.key.AppID != platform {
			if err := look(e.key, e.now(), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// name returns the key as one word, or with a platform as two.
func name(k token.Key) string {
	word := ownName(k)
	if k.Platform != "" {
		word = k.Platform + "/" + word
	}
	return word
}

// ownName returns the key without its platform as one word.
func ownName(k token.Key) string {
	if k.Ticket == "" {
		return k.AppID
	}
	return k.AppID + "-ticket-" + k.Ticket
}
