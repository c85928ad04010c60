//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package inbox

import (
	"errors"
	"os"
)

// lockFile says that there are no locks here.
func lockFile(*os.File) error { return errors.ErrUnsupported }
