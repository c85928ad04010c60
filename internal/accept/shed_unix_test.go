//go:build unix

package accept

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// exhausted is a listener that is out of descriptors until it is told otherwise.
type exhausted struct {
	*net.TCPListener
	enough chan struct{}
}

func (e *exhausted) Accept() (net.Conn, error) {
	select {
	case <-e.enough:
		return e.TCPListener.Accept()
	default:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
}

// Connections that come while there are no descriptors are closed; later ones, when
// there are some again, are served.
func TestWithoutDescriptorsThoseWhoWaitAreClosed(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &exhausted{ln.(*net.TCPListener), make(chan struct{})}
	var said strings.Builder
	l := listening(e, &said)
	accepted := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			io.WriteString(c, "served")
			c.Close()
		}
		accepted <- err
	}()
	call := func() (string, error) {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		said, err := io.ReadAll(c)
		return string(said), err
	}
	for range 3 {
		if got, err := call(); got != "" || err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %q, %v; want the end", got, err)
		}
	}
	close(e.enough)
	for deadline := time.Now().Add(20 * time.Second); ; { // one more may be closed
		if got, err := call(); got == "served" {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("got %q, %v; want to be served", got, err)
		}
	}
	if err := <-accepted; err != nil {
		t.Error(err)
	}
	if l.spare == nil {
		t.Error("the spare descriptor is gone")
	}
	l.Close()
	if !strings.Contains(said.String(), "raise the limit of open files") {
		t.Errorf("got %q; want advice", said.String())
	}
}
