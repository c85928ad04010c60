package accept

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// failing is a Socket whose Accept fails with each of these, and then accepts.
type failing struct {
	Socket
	mu       sync.Mutex // guards errors
	errors   []error
	accepted net.Conn
}

func (f *failing) Addr() net.Addr { return &net.UnixAddr{Name: "fake", Net: "unix"} }

func (f *failing) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }

func (f *failing) SetDeadline(time.Time) error { return f.fail(os.ErrDeadlineExceeded) }

func (f *failing) Close() error { return f.fail(net.ErrClosed) }

// fail has Accept return err from now on.
func (f *failing) fail(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errors = []error{err, err, err}
	return nil
}

func (f *failing) Accept() (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.errors) == 0 {
		return f.accepted, nil
	}
	err := f.errors[0]
	f.errors = f.errors[1:]
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: err}
}

// listening returns a listener of s that writes its log to said.
func listening(s Socket, said *strings.Builder) *Listener {
	l := New(s)
	l.Log = slog.New(slog.NewTextHandler(said, nil))
	return l
}

func TestNoFailureEndsAcceptingAndEachIsWaitedFor(t *testing.T) {
	for _, errno := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EPERM, syscall.ECONNABORTED, syscall.EPROTO,
		syscall.ENETDOWN, syscall.EHOSTUNREACH, syscall.EINVAL, errors.New("anything else"),
	} {
		t.Run(errno.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said strings.Builder
				near, far := net.Pipe()
				defer near.Close()
				defer far.Close()
				f := &failing{accepted: near}
				for range 12 {
					f.errors = append(f.errors, errno)
				}
				start := time.Now()
				l := listening(f, &said)
				c, err := l.Accept()
				if c != near || err != nil {
					t.Fatalf("got %v, %v; want the connection", c, err)
				}
				// 5, 10, ... 640 ms, and then one second each
				if took, want := time.Since(start), (5*255+4*1000)*time.Millisecond; took != want {
					t.Errorf("got it after %v; want %v", took, want)
				}
				if got := strings.Count(said.String(), "level=WARN"); got != 1 {
					t.Errorf("got %d lines, want one: %s", got, said.String())
				}
			})
		})
	}
}

func TestAListenerThatPausesIsClosedAtOnce(t *testing.T) {
	for name, end := range map[string]struct {
		by   func(*Listener) error
		want error
	}{
		"closed":      {(*Listener).Close, net.ErrClosed},
		"out of time": {func(l *Listener) error { return l.SetDeadline(time.Now()) }, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said strings.Builder
				f := &failing{}
				for range 100 {
					f.errors = append(f.errors, syscall.ENFILE)
				}
				l := listening(f, &said)
				go func() {
					time.Sleep(10*time.Second + 300*time.Millisecond)
					end.by(l)
				}()
				start := time.Now()
				if _, err := l.Accept(); !errors.Is(err, end.want) {
					t.Errorf("got %v; want %v", err, end.want)
				}
				if took := time.Since(start); took != 10*time.Second+300*time.Millisecond {
					t.Errorf("got the end after %v; want it at once", took)
				}
			})
		})
	}
}
