package admin

import (
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"wxproxy/internal/lograte"
)

// maxBusy is how many times as many connections there may be while none of those that could go
// waits for its other side: each may be just about to read a whole request.
const maxBusy = 4

// A standing is what a connection is worth when one has to go, from the first that
// goes to the last.
type standing int

const (
	guessing   standing = iota // showed a wrong key
	incomplete                 // has yet to send a request, or its body
	handled                    // has sent a complete request
	known                      // has shown the key with the request under way
)

// A visitor is a connection.
type visitor struct {
	net.Conn
	all  *visitors
	gone chan struct{} // closed when it had to make room

	// What follows is guarded by all.mu.
	standing standing
	accepted time.Time // zero after the first request
	reading  time.Time // it is waited for since then; zero: it is not
	writing  time.Time // likewise, to take an answer
}

// Read implements [net.Conn].
func (v *visitor) Read(p []byte) (int, error) {
	v.all.set(func() { v.reading = time.Now() })
	defer v.all.set(func() { v.reading = time.Time{} })
	return v.Conn.Read(p)
}

// Write implements [net.Conn].
func (v *visitor) Write(p []byte) (int, error) {
	v.all.set(func() { v.writing = time.Now() })
	defer v.all.set(func() { v.writing = time.Time{} })
	return v.Conn.Write(p)
}

// stand gives a visitor a standing.
func (v *visitor) stand(as standing) { v.all.set(func() { v.standing = as }) }

// began returns when a visitor was accepted, or now if it has had a request.
func (v *visitor) began() time.Time {
	v.all.mu.Lock()
	defer v.all.mu.Unlock()
	if v.accepted.IsZero() {
		return time.Now()
	}
	return v.accepted
}

// idles returns since when nothing but the other side is waited for, if it is.
func (v *visitor) idles() (since time.Time, idle bool) {
	switch {
	case !v.writing.IsZero():
		return v.writing, true
	case v.standing == incomplete:
		return v.reading, !v.reading.IsZero()
	}
	return time.Time{}, v.standing == guessing
}

// visitors are the connections that there are, but for those that had to go.
type visitors struct {
	log     *slog.Logger
	most    int // how many there may be
	crowded lograte.Line

	mu sync.Mutex // guards what follows, and the visitors
	by map[*visitor]struct{}
}

func (v *visitors) set(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
}

// A door is a listener whose connections are visitors.
type door struct {
	net.Listener
	all *visitors
}

// Accept implements [net.Listener].
func (d door) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	one := &visitor{Conn: c, all: d.all, gone: make(chan struct{}), standing: incomplete, accepted: time.Now()}
	if d.all.add(one) {
		runtime.Gosched() // who was accepted reads what it was sent before the next one comes
	}
	return one, nil
}

// note follows what becomes of a connection.
func (v *visitors) note(c net.Conn, state http.ConnState) {
	one := c.(*visitor)
	switch state {
	case http.StateIdle:
		v.set(func() { one.standing, one.accepted = incomplete, time.Time{} })
	case http.StateClosed, http.StateHijacked:
		v.set(func() { delete(v.by, one) })
	}
}

// add adds a visitor and reports whether there are many.
func (v *visitors) add(one *visitor) (crowded bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.by[one] = struct{}{}
	for len(v.by) > v.most {
		last := v.last(one)
		if last == nil {
			return true
		}
		delete(v.by, last)
		close(last.gone)
		go last.Close()
		v.crowded.Note(func(count int) {
			v.log.Warn("too many connections to the admin listener; those without the key and without a request go first, the longest there before others",
				"limit", v.most, "closed", count)
		})
	}
	return len(v.by) == v.most
}

// last returns who has to go for the newest, which may be about to ask for the
// health and goes itself only if all others show the key; nil: nobody yet. Who is
// waited for goes before who waits. The caller holds v.mu.
func (v *visitors) last(newest *visitor) *visitor {
	var waiting, busy *visitor
	var longest time.Time
	others := false
	for one := range v.by {
		if one == newest || one.standing == known {
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
	case len(v.by) > maxBusy*v.most:
		return busy
	}
	return nil
}
