package platforms

import (
	"sync"

	"wxproxy/token"
)

// turns are what is under way in the platforms of a process. The zero value has none.
type turns struct {
	mu   sync.Mutex // guards held
	held map[token.Key]bool
}

// Lease implements [platform.Turns].
func (t *turns) Lease(key token.Key) (release func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[key] {
		return nil, token.ErrLeased
	}
	if t.held == nil {
		t.held = map[token.Key]bool{}
	}
	t.held[key] = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.held, key)
	}, nil
}
