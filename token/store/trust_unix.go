//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// An owner is whom a file belongs to.
type owner struct{ user, group int }

func ownerOf(info fs.FileInfo) (owner, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{}, false
	}
	return owner{int(stat.Uid), int(stat.Gid)}, true
}

// trusted reports whether the owner is the process's own user, or root, which can do
// anything anyway.
func (o owner) trusted() bool { return o.user == os.Geteuid() || o.user == 0 }

// ofOurGroups reports whether the process belongs to the owning group, as where
// Kubernetes gives a volume to the pod's fsGroup.
func (o owner) ofOurGroups() bool {
	groups, _ := os.Getgroups()
	return o.group == os.Getegid() || slices.Contains(groups, o.group)
}

// openPlain opens a file for reading unless it is a link, and does not wait for
// a writer if it is a pipe.
func openPlain(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK) {
		return nil, fmt.Errorf("%s is a link; others may have planted it", path)
	}
	return file, err
}
