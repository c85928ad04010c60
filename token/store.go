package token

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/patrickmn/go-cache"
)

// ErrNotStored tells that a Store has no token for an account.
var ErrNotStored = errors.New("no token stored")

// A Record is what is kept of an account.
type Record struct {
	Token Token // empty if there is none
	Spent Spent
}

// A Store keeps a Record of each account, by its app id. It may be slow or fail:
// a [Keeper] then goes on without it.
type Store interface {
	// Load returns the record that was saved last, or ErrNotStored. A token that
	// has expired is never in it. Errors hold nothing of what is stored.
	Load(appID string) (Record, error)

	// Save replaces the stored record.
	Save(appID string, r Record) error
}

// OpenStore returns the store that spec names: "memory:" or "file:DIR".
func OpenStore(spec string) (Store, error) {
	kind, rest, _ := strings.Cut(spec, ":")
	switch {
	case spec == "memory:":
		return NewMemory(), nil
	case kind == "file" && rest != "":
		return NewFileStore(rest)
	}
	return nil, fmt.Errorf(`opening the token store: want "memory:" or "file:DIR"`)
}

// Memory is a Store that lasts as long as the process.
type Memory struct{ tokens *cache.Cache }

// NewMemory returns an empty Memory. It has no goroutine: there is one entry
// per account, which its successor replaces.
func NewMemory() *Memory {
	return &Memory{cache.New(cache.NoExpiration, 0)}
}

// Load implements [Store].
func (m *Memory) Load(appID string) (Record, error) {
	if r, ok := m.tokens.Get(appID); ok && r.(Record).Token.validAt(time.Now()) {
		return r.(Record), nil
	}
	return Record{}, ErrNotStored
}

// Save implements [Store]. A token that has expired is forgotten, because to
// go-cache a life of zero or less means that it never ends.
func (m *Memory) Save(appID string, r Record) error {
	life := time.Until(r.Token.Expires)
	if life <= 0 {
		m.tokens.Delete(appID)
		return nil
	}
	m.tokens.Set(appID, r, life)
	return nil
}
