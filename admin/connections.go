package admin

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"wxproxy/internal/lograte"
)

// maxBusy is how many times MaxConnections there may be as long as the server waits
// for none of the clients whose connections could be closed: it may be just about to
// read a whole request of each.
const maxBusy = 4

// A rank says which connection is closed to make room for another one: the lowest
// goes first.
type rank int

const (
	guessing   rank = iota // showed a wrong key
	incomplete             // has yet to send a request, or its body
	handled                // has sent a complete request
	known                  // has shown the key with the request under way
)

// A connection is one to the admin listener, with what decides whether it may stay.
type connection struct {
	net.Conn
	all  *connections
	gone chan struct{} // closed when the connection had to make room

	// What follows is guarded by all.mu.
	rank     rank
	accepted time.Time // zero after the first request
	reading  time.Time // since when the server waits for bytes of it; zero: it does not
	writing  time.Time // since when the server waits for it to take an answer; zero: it does not
}

// Read implements [net.Conn].
func (c *connection) Read(p []byte) (int, error) {
	c.all.set(func() { c.reading = time.Now() })
	defer c.all.set(func() { c.reading = time.Time{} })
	return c.Conn.Read(p)
}

// Write implements [net.Conn].
func (c *connection) Write(p []byte) (int, error) {
	c.all.set(func() { c.writing = time.Now() })
	defer c.all.set(func() { c.writing = time.Time{} })
	return c.Conn.Write(p)
}

// setRank gives a connection another rank.
func (c *connection) setRank(to rank) { c.all.set(func() { c.rank = to }) }

// began returns when a connection was accepted, or now if it has had a request.
func (c *connection) began() time.Time {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.accepted.IsZero() {
		return time.Now()
	}
	return c.accepted
}

// idles reports whether the server waits for nothing but the client, and since when.
func (c *connection) idles() (since time.Time, idle bool) {
	switch {
	case !c.writing.IsZero():
		return c.writing, true
	case c.rank == incomplete:
		return c.reading, !c.reading.IsZero()
	}
	return time.Time{}, c.rank == guessing
}

// connections are those that are open, without those that had to make room.
type connections struct {
	log     *slog.Logger
	most    int // how many there may be
	crowded lograte.Line

	mu sync.Mutex // guards what follows, and the connections
	by map[*connection]struct{}
}

func (c *connections) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// A listener accepts connections, and closes one to make room if there are too many.
type listener struct {
	net.Listener
	all *connections
}

// Accept implements [net.Listener].
func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	one := &connection{Conn: conn, all: l.all, gone: make(chan struct{}), rank: incomplete, accepted: time.Now()}
	if l.all.add(one) {
		runtime.Gosched() // for the new connection to read what it was sent before the next one comes
	}
	return one, nil
}

// note follows what becomes of a connection.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	one := conn.(*connection)
	switch state {
	case http.StateIdle:
		c.set(func() { one.rank, one.accepted = incomplete, time.Time{} })
	case http.StateClosed, http.StateHijacked:
		c.set(func() { delete(c.by, one) })
	}
}

// add adds a connection and reports whether there are as many as there may be.
func (c *connections) add(one *connection) (crowded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by[one] = struct{}{}
	for len(c.by) > c.most {
		last := c.last(one)
		if last == nil {
			return true
		}
		delete(c.by, last)
		close(last.gone)
		go last.Close()
		c.crowded.Note(func(count int) {
			c.log.Warn("too many connections to the admin listener; those without the key and without a request go first, the longest there before others",
				"limit", c.most, "closed", count)
		})
	}
	return len(c.by) == c.most
}

// last returns the connection that has to make room for the newest, nil if none has
// to yet. The newest, which may be about to ask for the health, goes itself only if
// all others show the key. A connection whose client is waited for goes before one
// whose client waits. The caller holds c.mu.
func (c *connections) last(newest *connection) *connection {
	var waiting, busy *connection
	var longest time.Time
	others := false
	for one := range c.by {
		if one == newest || one.rank == known {
			continue
		}
		others = true
		if since, idle := one.idles(); idle && (waiting == nil || since.Before(longest)) {
			waiting, longest = one, since
		}
		if busy == nil || one.accepted.Before(busy.accepted) {
			busy = one
		}
	}
	switch {
	case !others:
		return newest
	case waiting != nil:
		return waiting
	case len(c.by) > maxBusy*c.most:
		return busy
	}
	return nil
}

// A body calls complete when all of it has been read.
type body struct {
	io.ReadCloser
	complete func()
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.complete()
	}
	return n, err
}
