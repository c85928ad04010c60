package front

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
)

// otherListener is neither a TCP nor a Unix listener.
type otherListener struct{ net.Listener }

func TestListenerMustHaveADeadline(t *testing.T) {
	if _, err := NewListener(otherListener{}); err == nil {
		t.Error("got no error")
	}
}

// A process that drains waits for as many callers as are counted: those that it has just
// taken from the kernel are among them.
func TestCallersWhoWaitToBeAcceptedAreCountedWhenDrainingEnds(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the kernel's queue cannot be looked into")
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewListener(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const callers = 3
	for range callers {
		c, err := net.Dial("tcp", socket.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	l.draining.Store(true)
	first, err := l.next()
	if err != nil {
		t.Fatal(err)
	}
	<-l.drained
	if got := l.Count(); got != callers {
		t.Errorf("got %d callers when none can come any more; want %d", got, callers)
	}
	first.discard()
	for range callers - 1 {
		c, err := l.next()
		if err != nil {
			t.Fatal(err)
		}
		c.discard()
	}
	if _, err := l.next(); !errors.Is(err, io.EOF) || l.Count() != 0 {
		t.Errorf("got %v, %d callers; want the end", err, l.Count())
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "CANARY" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
