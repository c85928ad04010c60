//go:build unix

package newconfig

import (
	"io/fs"
	"os"
	"syscall"
)

// byGroup is that the group of a file may read it, and byOthers that others have some right.
const byGroup, byOthers fs.FileMode = 0o040, 0o007

// keepReaders has those read a file who can read the one that it is to replace: the user
// and the group as which a service runs. Where everybody could, nobody had thought of it.
func keepReaders(made *os.File, before fs.FileInfo) error {
	owner, ok := before.Sys().(*syscall.Stat_t)
	if !ok || !before.Mode().IsRegular() {
		return nil
	}
	if err := made.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return nil // it is another user's: then it is for this one alone
	}
	if before.Mode()&byOthers != 0 {
		return nil
	}
	return made.Chmod(0o600 | before.Mode()&byGroup)
}
