package proxy

import "sync"

// idleConns are the idle connections to one host. The one used last is used
// first: it is the least likely to have been closed.
type idleConns struct {
	mu    sync.Mutex // guards conns
	conns []*conn
}

func (i *idleConns) push(c *conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.conns = append(i.conns, c)
}

// pop returns nil when there is none.
func (i *idleConns) pop() *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.conns) == 0 {
		return nil
	}
	last := len(i.conns) - 1
	c := i.conns[last]
	i.conns[last] = nil
	i.conns = i.conns[:last]
	return c
}
