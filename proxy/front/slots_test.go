package front

import (
	"io"
	"log/slog"
	"net"
	"testing"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/socket"
)

// Connections that have sent something make room after those that are silent, however
// fast these come, and one with bytes that are still unread is not idle.
func TestTheSilentMakeRoomFirst(t *testing.T) {
	t.Parallel()
	p := newSlots(Limits{MaxConnections: 4}, slog.New(slog.DiscardHandler))
	p.grace = 0
	l := &Listener{callers: map[*Conn]struct{}{}}
	enter := func() (*Conn, net.Conn) {
		near, far := connected(t)
		c := l.watch(near)
		if !p.take(c) {
			t.Fatal("got no place; want one")
		}
		return c, far
	}
	speaks, far := enter()
	io.WriteString(far, "G")
	if _, err := speaks.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	unread, far := enter()
	io.WriteString(far, "G")
	rawtest.WaitUntil(t, "what it said", func() bool { return socket.HasUnread(unread.Conn) })
	for range 5 {
		c, _ := enter()
		defer func() { p.release(c) }()
	}
	if got := []slot{speaks.slot, unread.slot}; got[0] != slotCaller || got[1] != slotCaller {
		t.Errorf("got %v; want both to have their place", got)
	}
	if _, err := unread.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := p.unproven.silent.Len(); n > 0; n-- {
		p.unproven.takeIdle(0)
	}
	if first, second := p.unproven.takeIdle(0), p.unproven.takeIdle(0); first != speaks || second != unread {
		t.Error("got others; want the two that spoke to go last")
	}
}

// accepted returns a connection over TCP.
func accepted(t *testing.T) net.Conn {
	near, _ := connected(t)
	return near
}

// connected returns both ends of a connection over TCP.
func connected(t *testing.T) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if far, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	near, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// Where descriptors are few there are fewer slots, and no more of them are taken.
func TestScarceDescriptorsBoundAllConnectionsTogether(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ descriptors, callers, spare int }{
		{0, 100, 64}, {1, 1, 1}, {3, 1, 1}, {8, 6, 1}, {32, 28, 2}, {100, 88, 6}, {5000, 100, 64},
	} {
		limits := Limits{MaxConnections: 100, Descriptors: row.descriptors}
		if got, want := limits.slots(), [slotKinds]int{row.callers, row.spare, row.spare}; got != want || limits.Callers() != row.callers {
			t.Errorf("%d descriptors: got %v; want %v", row.descriptors, got, want)
		}
	}
	p := newSlots(Limits{MaxConnections: 100, Descriptors: 3}, slog.New(slog.DiscardHandler))
	p.grace = 0
	l := &Listener{callers: map[*Conn]struct{}{}}
	enter := func(c net.Conn) (*Conn, bool) {
		caller := l.watch(c)
		return caller, p.take(caller)
	}
	silent := accepted(t)
	first, entered := enter(silent)
	if !entered {
		t.Fatal("got no place; want one, as there are descriptors enough")
	}
	second, entered := enter(accepted(t))
	rawtest.WaitUntil(t, "the first to be closed", func() bool { _, err := silent.Read(make([]byte, 1)); return err != nil })
	if !entered || first.slot != slotClosing {
		t.Errorf("got %v, the first as %d; want the place of the first", entered, first.slot)
	}
	p.noteProven(second)
	third, entered := enter(accepted(t)) // waits a moment for the first
	if _, beyond := enter(accepted(t)); !entered || third.slot != slotSurplus || beyond || p.taken != [slotKinds]int{1, 1, 1} {
		t.Errorf("got %v, and beyond that %v, %v; want one that is told so", entered, beyond, p.taken)
	}
	for _, c := range []*Conn{first, second, third} {
		p.release(c)
	}
	if p.taken != [slotKinds]int{} || p.unproven.silent.Len()+p.unproven.sent.Len() != 0 {
		t.Errorf("got %v, %v; want nobody left", p.taken, p.unproven)
	}
}
