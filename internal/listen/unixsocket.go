package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// socketMode lets the group of a Unix socket connect to it.
const socketMode = 0o660

// An ownSocket is a listener on a Unix socket that removes the socket in the end, if
// it is still its own: another process may have taken its place.
type ownSocket struct {
	*net.UnixListener
	path   string
	made   os.FileInfo
	remove sync.Once
}

// listenOnSocket listens on a Unix socket. It replaces a socket that another process left
// behind when it ended.
func listenOnSocket(path string) (net.Listener, error) {
	if err := removeAbandoned(path); err != nil {
		return nil, err
	}
	unix := net.ListenConfig{Control: limitMode} // it has no further rights before its mode is set either
	open, err := unix.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	ln := open.(*net.UnixListener) //nolint:forcetypeassert // of network "unix"
	ln.SetUnlinkOnClose(false)
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	made, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return &ownSocket{UnixListener: ln, path: path, made: made}, nil
}

// Close removes the socket and closes the listener, in this order: while that is open,
// no other file can have the inode.
func (s *ownSocket) Close() error {
	s.remove.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.made) {
			_ = os.Remove(s.path) // if it stays, the next process finds nobody there
		}
	})
	return s.UnixListener.Close()
}

// socketPatience is how long a process that listens on a socket has to take a
// connection.
const socketPatience = time.Second

// removeAbandoned removes a socket on which nobody listens. Only a refused connection
// says so: a busy process, or one of another user, gives other errors.
func removeAbandoned(path string) error {
	found, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if found.Mode()&os.ModeSocket == 0 {
		return errors.New("there is something else than a socket; remove it, or name another path")
	}
	c, err := net.DialTimeout("unix", path, socketPatience)
	switch {
	case err == nil:
		c.Close()
		return errors.New("another process listens there")
	case errors.Is(err, syscall.ENOENT):
		return nil // it has ended just now
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("another process may listen there, which cannot be told (%w); end it, or remove the socket if there is none", err)
	}
	if now, err := os.Stat(path); err == nil && !os.SameFile(now, found) {
		return errors.New("another process has just begun to listen there")
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing a socket that nobody uses: %w", err)
	}
	return nil
}
