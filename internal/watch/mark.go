// Package watch finds out that files have changed, by looking at them from time to
// time. That works on every system and file system, and with the links that
// Kubernetes swaps.
package watch

import (
	"io/fs"
	"os"
)

// A Mark tells one state of a file, or of the names in a directory, from another one.
// The zero Mark stands for what nobody could look at: it is the same as any other.
type Mark struct {
	known   bool
	info    fs.FileInfo // nil: there is none
	changed int64       // when its content, mode or owner changed last, where the system says so
}

// markOf returns the Mark for what a file's Stat said.
func markOf(info fs.FileInfo, err error) Mark {
	if err != nil {
		return Mark{known: true}
	}
	return Mark{known: true, info: info, changed: changedAt(info)}
}

// Look returns the Mark of what is at path now.
func Look(path string) Mark { return markOf(os.Stat(path)) }

// isFile reports whether there was something to be read, not a directory.
func (m Mark) isFile() bool { return m.info != nil && !m.info.IsDir() }

// same reports whether both are one state of one file.
func (m Mark) same(as Mark) bool {
	switch {
	case !m.known || !as.known:
		return true
	case m.info == nil || as.info == nil:
		return m.info == nil && as.info == nil
	}
	return os.SameFile(m.info, as.info) && m.changed == as.changed && m.info.ModTime().Equal(as.info.ModTime()) &&
		m.info.Size() == as.info.Size() && m.info.Mode() == as.info.Mode()
}
