// Package socket has the system calls of connections that the proxy makes itself, on
// systems where it does.
package socket

import "errors"

// ErrEmpty says that a read would have to wait.
var ErrEmpty = errors.New("nothing to read yet")
