package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"time"
)

// A ShortageError is why this machine makes no connection, which nobody else is to blame
// for.
type ShortageError struct{ err error }

func (s *ShortageError) Error() string {
	return "this machine is out of " + s.Shortage() + ": " + s.err.Error()
}
func (s *ShortageError) Unwrap() error { return s.err }

// Shortage names what the machine is out of. It tells those who know no more of the
// error that it is none of WeChat's.
func (s *ShortageError) Shortage() string {
	switch {
	case errors.Is(s.err, syscall.EMFILE), errors.Is(s.err, syscall.ENFILE):
		return "file descriptors"
	case errors.Is(s.err, syscall.EADDRNOTAVAIL):
		return "local ports"
	}
	return "memory for connections"
}

// asShortage returns err as a shortage if the attempts that it tells of have failed
// for lack of something here, and none for what is at the other end. What the
// network says tells of neither: a machine may have one family of addresses only.
func asShortage(err error) (s *ShortageError, ok bool) {
	if here, there := blame(err); !here || there {
		return nil, false
	}
	return &ShortageError{err}, true
}

// blame reports whether an attempt failed for lack of something here, and whether
// one failed for another reason.
func blame(err error) (here, there bool) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			h, t := blame(err)
			here, there = here || h, there || t
		}
		return here, there
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

// withoutDescriptors adds to err, which says that a name could not be looked up, that
// there are no descriptors, if that is so: the resolver's errors do not hold their
// causes.
func withoutDescriptors(err error) error {
	null, lack := os.Open(os.DevNull)
	if lack == nil {
		null.Close()
		return err
	}
	if here, _ := blame(lack); !here {
		return err
	}
	return fmt.Errorf("%w (%w)", err, lack)
}

const (
	// shortageWait is how long a request waits for what the machine lacks, or for a
	// connection that somebody else has used.
	shortageWait = time.Second

	// shortageLook is how often it looks.
	shortageLook = 20 * time.Millisecond
)

// connectWithin returns a connection to the first host that can be reached. While
// this machine lacks what a new one takes, it waits a little.
func (h *Hosts) connectWithin(ctx context.Context, use reuse, not *url.URL) (*conn, error) {
	c, err := h.connectNow(ctx, use, not)
	if !isShort(err) {
		return c, err
	}
	if h.short.Now() {
		h.limit.Log.Error("no connection to WeChat: this machine lacks what it takes", "err", err,
			"remedy", "raise the limit of open files (LimitNOFILE, ulimit -n), or find what uses up descriptors, ports or memory")
	}
	look := time.NewTicker(shortageLook)
	defer look.Stop()
	for over := time.Now().Add(shortageWait); isShort(err) && time.Now().Before(over); {
		select {
		case <-look.C:
			c, err = h.connectNow(ctx, use, not)
		case <-ctx.Done():
			return nil, err
		}
	}
	return c, err
}

// isShort reports whether one of the hosts might have been reached.
func isShort(err error) bool {
	if err == nil {
		return false // as nearly always, without an allocation
	}
	var s *ShortageError
	return errors.As(err, &s)
}
