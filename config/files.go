package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// warnIfOpen remarks on a file that every user may read, if it is secret, or
// write: who can write it, or put another one in its place, decides what wxproxy
// does.
func (l *loader) warnIfOpen(key, path string, secret bool) {
	const mayRead, mayWrite fs.FileMode = 0o004, 0o002
	if l.hangs {
		return // so might this
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return
	}
	reads, writes := secret && info.Mode()&mayRead != 0, info.Mode()&mayWrite != 0 && !onReadOnly(path)
	switch {
	case reads && writes:
		l.warn(key, "every user of this machine can read and write the file; take that away with chmod o-rw")
	case reads:
		l.warn(key, "every user of this machine can read the file; take that away with chmod o-r")
	case writes:
		l.warn(key, "every user of this machine can write the file; take that away with chmod o-w")
	}
	l.warnIfReplaceable(key, path)
}

// warnIfReplaceable remarks on a file, or a socket, that every user may take away
// and put another one in its place.
func (l *loader) warnIfReplaceable(key, path string) {
	const mayWrite fs.FileMode = 0o002
	for _, dir := range l.directoriesOf(path) {
		info, err := os.Stat(dir)
		if err == nil && info.Mode()&mayWrite != 0 && info.Mode()&fs.ModeSticky == 0 && runtime.GOOS != "windows" && !onReadOnly(dir) {
			l.warn(key, "every user of this machine can put another file in its place: take that away with chmod o-w %s", shownPath(dir))
		}
	}
}

// directoriesOf returns the directories above path, and above the file that it is
// a link to, which were not looked at yet.
func (l *loader) directoriesOf(path string) (found []string) {
	paths := []string{path}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		paths = append(paths, target)
	}
	for _, path := range paths {
		path, err := filepath.Abs(path)
		for dir := filepath.Dir(path); err == nil && !l.looked[dir]; dir = filepath.Dir(dir) {
			l.looked[dir] = true
			found = append(found, dir)
		}
	}
	return found
}

// shownPath returns a directory as one would give it to a shell.
func shownPath(dir string) string {
	if strings.ContainsFunc(dir, func(r rune) bool { return notVisible(r) || strings.ContainsRune(`'"$\`+"`", r) }) {
		return "its directory"
	}
	return dir
}
