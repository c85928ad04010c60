// Package socket has connections whose system calls the proxy makes itself, on Linux,
// and what can be found out about a connection without reading from it, on Unix. Other
// systems have stand-ins, so that nobody else has to know where it runs.
package socket

import "errors"

// ErrEmpty says that a read would have to wait.
var ErrEmpty = errors.New("nothing to read yet")

// ErrPartly says that a write would have to wait.
var ErrPartly = errors.New("the rest cannot be sent yet")
