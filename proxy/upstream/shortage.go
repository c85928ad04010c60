package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"time"
)

// A ShortageError says that no connection came about because this machine is short of
// something that one takes. It says nothing of the hosts.
type ShortageError struct{ err error }

func (s *ShortageError) Error() string {
	return "this machine is out of " + s.Shortage() + ": " + s.err.Error()
}
func (s *ShortageError) Unwrap() error { return s.err }

// Shortage names what the machine is out of. Packages that do not import this one tell
// by the method that the fault is not WeChat's.
func (s *ShortageError) Shortage() string {
	switch {
	case errors.Is(s.err, syscall.EMFILE), errors.Is(s.err, syscall.ENFILE):
		return "file descriptors"
	case errors.Is(s.err, syscall.EADDRNOTAVAIL):
		return "local ports"
	}
	return "memory for connections"
}

// asShortage returns err as a shortage if this machine was short of something in at
// least one of the attempts to connect that err holds, and none failed for what is at
// the other end.
func asShortage(err error) (s *ShortageError, ok bool) {
	if lacking, other := causesOf(err); !lacking || other {
		return nil, false
	}
	return &ShortageError{err}, true
}

// causesOf reports whether one of the attempts to connect that err holds failed because
// this machine was short of something, and whether one failed for another reason. An
// attempt that could not begin, since the machine has no address of that family, counts
// as neither.
func causesOf(err error) (lacking, other bool) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			l, o := causesOf(err)
			lacking, other = lacking || l, other || o
		}
		return lacking, other
	}
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENOSPC} {
		if errors.Is(err, lack) {
			return true, false
		}
	}
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return !isIPv6(err), false // without an address of version 6, the machine says the same
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EAFNOSUPPORT):
		return false, false
	}
	return false, true
}

// isIPv6 reports whether err is about an address of version 6 beyond loopback.
func isIPv6(err error) bool {
	var network *net.OpError
	if !errors.As(err, &network) {
		return false
	}
	address, ok := network.Addr.(*net.TCPAddr)
	return ok && address.IP.To4() == nil && !address.IP.IsLoopback()
}

// withDescriptorShortage adds to err, which says why a name could not be looked up, that
// there are no file descriptors left, if that is so: the resolver's errors do not hold
// their causes.
func withDescriptorShortage(err error) error {
	null, lack := os.Open(os.DevNull)
	if lack == nil {
		null.Close()
		return err
	}
	if lacking, _ := causesOf(lack); !lacking {
		return err
	}
	return fmt.Errorf("%w (%w)", err, lack)
}

const (
	// shortageWait is how long a request waits until the machine has again what a
	// connection takes, or another request has left a connection idle.
	shortageWait = time.Second

	// shortageLook is how often the request tries again meanwhile.
	shortageLook = 20 * time.Millisecond
)

// connectWithin is connectNow, but waits a little while this machine is short of what a
// new connection takes.
func (h *Hosts) connectWithin(ctx context.Context, use reuse, except *url.URL) (*conn, error) {
	c, err := h.connectNow(ctx, use, except)
	if !isShort(err) {
		return c, err
	}
	if h.shortage.Allows() {
		h.config.Log.Error("no connection to "+cmp.Or(h.config.Name, "WeChat")+": this machine lacks what it takes", "err", err, //nolint:sloglint // a name for each kind of accounts
			"remedy", "raise the limit of open files (LimitNOFILE, ulimit -n), or find what uses up descriptors, ports or memory")
	}
	look := time.NewTicker(shortageLook)
	defer look.Stop()
	for over := time.Now().Add(shortageWait); isShort(err) && time.Now().Before(over); {
		select {
		case <-look.C:
			c, err = h.connectNow(ctx, use, except)
		case <-ctx.Done():
			return nil, err
		}
	}
	return c, err
}

// isShort reports whether a shortage is one of the reasons in err.
func isShort(err error) bool {
	if err == nil {
		return false // as nearly always, without an allocation
	}
	var s *ShortageError
	return errors.As(err, &s)
}
