//go:build !linux

package watch

import "io/fs"

// changedAt returns nothing: size, mode and the time of the content have to do.
func changedAt(fs.FileInfo) int64 { return 0 }
