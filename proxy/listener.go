package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Listener accepts callers until it is told to drain. Then it still takes the
// connections that wait in the kernel's queue, which closing a listener would
// cut, and has the kernel refuse everybody else.
type Listener struct {
	// TLS is how callers are spoken to; nil: in plain text. It is set before the
	// first Accept.
	TLS *tls.Config

	// Stays is set before the first Accept if another process goes on listening on
	// the same socket: who waits in its queue is left to that one.
	Stays bool

	deadlineListener
	onLoopback bool // only this machine reaches it, by TCP
	draining   atomic.Bool
	drained    chan struct{} // closed, by end, when nobody else can come
	end        sync.Once
	queue      []net.Conn // of drain, for Accept

	// serve, if it is set, takes those callers that it returns true for. It is
	// called by Accept.
	serve func(*callerConn) bool

	mu      sync.Mutex // guards callers
	callers map[*callerConn]struct{}
}

// A deadlineListener is a TCP or a Unix listener.
type deadlineListener interface {
	net.Listener
	syscall.Conn
	SetDeadline(time.Time) error
}

// NewListener wraps ln, a TCP or Unix listener.
func NewListener(ln net.Listener) (*Listener, error) {
	inner, ok := ln.(deadlineListener)
	if !ok {
		return nil, errors.New("listening: neither a TCP nor a Unix socket")
	}
	address, _ := ln.Addr().(*net.TCPAddr)
	return &Listener{
		deadlineListener: inner,
		onLoopback:       address != nil && address.IP.IsLoopback(),
		drained:          make(chan struct{}),
		callers:          map[*callerConn]struct{}{},
	}, nil
}

// Accept returns the next caller; after drain, io.EOF when nobody waits.
func (l *Listener) Accept() (net.Conn, error) {
	for !l.draining.Load() {
		c, err := l.deadlineListener.Accept()
		if err == nil {
			if watched := l.watch(c); watched != nil {
				return watched, nil
			}
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
	}
	return l.acceptQueued()
}

// acceptQueued returns those who waited when draining began. Once they are taken
// from the kernel, nobody can come after them.
func (l *Listener) acceptQueued() (net.Conn, error) {
	l.end.Do(func() {
		if !l.Stays {
			l.queue = lastCallers(l.deadlineListener)
		}
		l.Close()
		close(l.drained)
	})
	for len(l.queue) > 0 {
		c := l.queue[0]
		l.queue = l.queue[1:]
		if watched := l.watch(c); watched != nil {
			return watched, nil
		}
	}
	return nil, io.EOF
}

// drain makes Accept return those who wait and then io.EOF, and waits until
// nobody else can come, or until ctx ends.
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

// Close closes the listener. It may be called again, as fasthttp does after
// draining has closed it.
func (l *Listener) Close() error {
	if err := l.deadlineListener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// closeIdle closes the connections without a request under way: nothing was
// sent, or not all of a header. A server would wait for it.
func (l *Listener) closeIdle() {
	l.mu.Lock()
	var idle []*callerConn
	for c := range l.callers {
		if !c.answering.Load() {
			idle = append(idle, c)
		}
	}
	l.mu.Unlock()
	for _, c := range idle {
		go c.Close() // which waits for a request that has just begun
	}
}

// watch returns the caller's connection, or nil if that is served already.
func (l *Listener) watch(c net.Conn) net.Conn {
	watched := &callerConn{Conn: c, listener: l, patience: callerPatience}
	l.mu.Lock()
	l.callers[watched] = struct{}{}
	l.mu.Unlock()
	switch {
	case l.TLS != nil:
		return tls.Server(watched, l.TLS)
	case l.serve != nil && l.serve(watched):
		return nil
	}
	return watched
}

// count returns how many callers are connected.
func (l *Listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.callers)
}

func (l *Listener) forget(c *callerConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.callers, c)
}
