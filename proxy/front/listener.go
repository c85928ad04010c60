package front

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/accept"
)

// A Listener accepts callers until it is told to drain. Then it still takes the
// connections of the accept backlog, the kernel's queue, which closing a listener would
// cut, and has the kernel refuse all later ones.
type Listener struct {
	// TLS returns how a caller that comes now is spoken to. It is set before the
	// first caller comes; nil: all in plain text.
	TLS func() *tls.Config

	// Stays is set before the first caller comes if another process goes on
	// listening on the same socket: the connections of its backlog are left to that one.
	Stays bool

	*accept.Listener
	onLoopback bool // only this machine reaches it, by TCP
	draining   atomic.Bool
	drained    chan struct{} // closed, by end, when no other connection can come
	end        sync.Once
	backlog    []*Conn // what was in the kernel's queue when draining began, for next

	mu      sync.Mutex // guards callers
	callers map[*Conn]struct{}
}

// NewListener wraps ln, a TCP or Unix listener.
func NewListener(ln net.Listener) (*Listener, error) {
	socket, ok := ln.(accept.Socket)
	if !ok {
		return nil, errors.New("listening: neither a TCP nor a Unix socket")
	}
	address, _ := ln.Addr().(*net.TCPAddr)
	return &Listener{
		Listener:   accept.New(socket),
		onLoopback: address != nil && address.IP.IsLoopback(),
		drained:    make(chan struct{}),
		callers:    map[*Conn]struct{}{},
	}, nil
}

// next returns the next connection; after drain, io.EOF when none waits.
func (l *Listener) next() (*Conn, error) {
	for !l.draining.Load() {
		c, err := l.Accept()
		if err == nil {
			return l.watch(c), nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
	}
	return l.nextOfBacklog()
}

// nextOfBacklog returns the next of the connections that waited when draining began.
// Once they are taken from the kernel, none can come after them. They are counted before
// that is said: else a process that waits for those that it counts could end before it
// has answered them.
func (l *Listener) nextOfBacklog() (*Conn, error) {
	l.end.Do(func() {
		if !l.Stays {
			for _, c := range takeBacklog(l) {
				l.backlog = append(l.backlog, l.watch(c))
			}
		}
		l.Close()
		close(l.drained)
	})
	if len(l.backlog) == 0 {
		return nil, io.EOF
	}
	c := l.backlog[0]
	l.backlog = l.backlog[1:]
	return c, nil
}

// drain makes next return the connections that wait and then io.EOF. It waits until no
// other can come, or until ctx ends.
func (l *Listener) drain(ctx context.Context) {
	if err := l.SetDeadline(time.Now()); err != nil {
		return // it is closed already
	}
	l.draining.Store(true)
	select {
	case <-l.drained:
	case <-ctx.Done():
	}
}

// Close closes the listener. It may be called again, after draining has closed it.
func (l *Listener) Close() error {
	if err := l.Listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// closeIdle closes the connections without a request under way: their callers have sent
// nothing, or not all of a header. A server would wait for it.
func (l *Listener) closeIdle() {
	l.mu.Lock()
	var idle []*Conn
	for c := range l.callers {
		if c.phase.get() == phaseIdle {
			idle = append(idle, c)
		}
	}
	l.mu.Unlock()
	for _, c := range idle {
		go c.Close() // which waits for a request that has just begun
	}
}

// watch returns c as a caller's connection, which is counted until forget.
func (l *Listener) watch(c net.Conn) *Conn {
	watched := &Conn{Conn: c, listener: l, stallTimeout: stallTimeout}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.callers[watched] = struct{}{}
	return watched
}

// Count returns how many callers are connected.
func (l *Listener) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.callers)
}

// forget notes that c is closed.
func (l *Listener) forget(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.callers, c)
}
