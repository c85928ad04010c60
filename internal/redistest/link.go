package redistest

import (
	"net"
	"sync"
	"testing"
)

// A Link is a relay to a Server that can be cut.
type Link struct {
	Addr string

	mu    sync.Mutex // guards what follows
	cut   bool
	lost  int // so many of the connections are forgotten
	conns []net.Conn
}

// NewLink returns a Link to address.
func NewLink(t testing.TB, address string) *Link {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{Addr: ln.Addr().String()}
	t.Cleanup(func() { ln.Close(); l.Heal(); l.reset() })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			go l.join(near, address)
		}
	}()
	return l
}

// Cut drops everything that is sent, as a firewall does, until Heal lets it pass again on
// new connections.
func (l *Link) Cut() { l.set(true) }

// Heal ends what Cut began.
func (l *Link) Heal() { l.set(false); l.reset() }

// Lose drops everything that is sent on the connections that there are, as a firewall does that
// has forgotten them. New ones lead on.
func (l *Link) Lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = len(l.conns)
}

func (l *Link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

func (l *Link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		conn.Close()
	}
	l.conns, l.lost = nil, 0
}

func (l *Link) join(near net.Conn, address string) {
	far, err := net.Dial("tcp", address)
	if err != nil {
		near.Close()
		return
	}
	l.mu.Lock()
	number := len(l.conns)
	l.conns = append(l.conns, near, far)
	l.mu.Unlock()
	go l.copy(far, near, number)
	l.copy(near, far, number)
}

// copy passes on what arrives, or nothing while the Link is cut, or has lost the connection of
// this number.
func (l *Link) copy(to, from net.Conn, number int) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		cut := l.cut || number < l.lost
		l.mu.Unlock()
		if n > 0 && !cut {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
