//go:build !unix

package store

import (
	"io/fs"
	"os"
)

// An owner is not known here.
type owner struct{ user, group int }

func ownerOf(fs.FileInfo) (owner, bool) { return owner{}, false }

func (owner) trusted() bool { return true }

func (owner) ofOurGroups() bool { return true }

func openPlain(path string) (*os.File, error) { return os.Open(path) }
