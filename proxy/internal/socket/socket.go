package socket

import "errors"

// ErrEmpty says that a read would have to wait.
var ErrEmpty = errors.New("nothing to read yet")
