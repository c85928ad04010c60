// Package permission tells what every user of a machine may do with a file.
package permission

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const mayRead, mayWrite fs.FileMode = 0o004, 0o002

// OfFile returns whether every user may read the file at path, and whether every user
// may write it; not ok if nobody knows, as on Windows.
func OfFile(path string) (read, write, ok bool) {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return false, false, false
	}
	return info.Mode()&mayRead != 0, info.Mode()&mayWrite != 0 && !onReadOnly(path), true
}

// MayReplace reports whether every user may take a file of the directory away and
// put another one in its place.
func MayReplace(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode()&mayWrite != 0 && info.Mode()&fs.ModeSticky == 0 && runtime.GOOS != "windows" && !onReadOnly(dir)
}

// Above returns the directories above path, and above the file that it is a link to,
// each once.
func Above(path string) (dirs []string) {
	paths := []string{path}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		paths = append(paths, target)
	}
	seen := map[string]bool{}
	for _, path := range paths {
		path, err := filepath.Abs(path)
		for dir := filepath.Dir(path); err == nil && !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
