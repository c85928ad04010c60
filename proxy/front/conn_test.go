package front

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// slowWriter is a connection that takes a few bytes in each time.
type slowWriter struct {
	net.Conn
	takes []int
}

func (w *slowWriter) SetWriteDeadline(time.Time) error { return nil }

func (w *slowWriter) Write([]byte) (int, error) {
	n := w.takes[0]
	w.takes = w.takes[1:]
	return n, &net.OpError{Op: "write", Err: errTimedOut{}}
}

type errTimedOut struct{ timeoutError }

func (errTimedOut) Is(err error) bool { return err.Error() == "i/o timeout" }

func TestWriteGoesOnWhileTheCallerTakesSomething(t *testing.T) {
	c := Conn{Conn: &slowWriter{takes: []int{3, 1, 0}}}
	if n, err := c.Write(make([]byte, 9)); n != 4 || err == nil {
		t.Errorf("got %d, %v; want 4 and a time-out", n, err)
	}
}

func TestAReadErrorIsThatOfTheBody(t *testing.T) {
	in, _ := net.Pipe()
	c := Conn{Conn: in, bodyGrace: time.Hour}
	c.SetReadDeadline(time.Now().Add(-time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || c.ReadError() == nil {
		t.Fatalf("got %v, %v; want that it is late", err, c.ReadError())
	}
	c.BeginBody(false)
	if err := c.ReadError(); err != nil {
		t.Errorf("got %v of a body that begins; want the error of what came before forgotten", err)
	}
}

func TestReadNotesTheEnd(t *testing.T) {
	in, out := net.Pipe()
	out.Close()
	c := Conn{Conn: in}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || !c.HasEnded() {
		t.Errorf("got %v, ended %v; want the end", err, c.HasEnded())
	}
}
