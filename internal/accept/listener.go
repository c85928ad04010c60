// Package accept accepts connections as long as a listener is open: no failure but its
// end stops it.
package accept

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"wxproxy/internal/lograte"
)

// A Listener waits after a failure, twice as long each time, as net/http does.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
)

// A Socket is a TCP or a Unix listener.
type Socket interface {
	net.Listener
	syscall.Conn

	// SetDeadline says until when Accept waits.
	SetDeadline(time.Time) error
}

// A Listener accepts until it is closed or its deadline is over. Any other failure is
// one that passes, since the process or the machine is out of descriptors or memory, or
// a caller left too early: it is logged, and Accept tries again.
//
// As long as there are no descriptors, connections are accepted by means of a spare one,
// and closed, so that callers learn at once that nobody will answer.
type Listener struct {
	Socket
	Log *slog.Logger // set before the first Accept

	failing lograte.Line
	closed  atomic.Int64  // connections closed unserved since the last line
	spare   *os.File      // nil if there was no descriptor for it
	stop    chan struct{} // ends a pause
}

// New returns a Listener of s.
func New(s Socket) *Listener {
	l := &Listener{Socket: s, Log: slog.New(slog.DiscardHandler), stop: make(chan struct{}, 1)}
	l.reserve()
	return l
}

// Accept returns the next connection. The error is [net.ErrClosed] or
// [os.ErrDeadlineExceeded]. One goroutine at a time may call it.
func (l *Listener) Accept() (net.Conn, error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		c, err := l.Socket.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return c, err
		}
		if isOutOfDescriptors(err) && pause > firstPause {
			l.closed.Add(int64(l.shed()))
		}
		l.report(err)
		select {
		case <-time.After(pause):
		case <-l.stop:
		}
	}
}

// SetDeadline says until when Accept waits, and ends a pause.
func (l *Listener) SetDeadline(t time.Time) error {
	err := l.Socket.SetDeadline(t)
	l.wake()
	return err
}

// Close closes the listener.
func (l *Listener) Close() error {
	err := l.Socket.Close()
	l.wake()
	l.failing.Flush()
	return err
}

// wake ends a pause.
func (l *Listener) wake() {
	select {
	case l.stop <- struct{}{}:
	default:
	}
}

// report logs a failure, with its remedy if there is one.
func (l *Listener) report(err error) {
	advice := "none is needed if it passes"
	if isOutOfDescriptors(err) {
		advice = "raise the limit of open files: LimitNOFILE= of systemd, ulimit -n of a shell"
	}
	address := l.Addr().String()
	l.failing.Note(func(count int) {
		l.Log.Warn("connections cannot be accepted; wxproxy goes on trying", "listen", address, "err", err,
			"failures", count, "closed_unserved", l.closed.Swap(0), "remedy", advice)
	})
}

// reserve opens the spare descriptor.
func (l *Listener) reserve() {
	if spare, err := os.Open(os.DevNull); err == nil {
		l.spare = spare
	}
}

func isOutOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
