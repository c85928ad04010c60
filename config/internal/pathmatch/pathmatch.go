// Package pathmatch finds the paths that a pattern matches. Other than filepath.Glob,
// it says so when a folder cannot be read in which there may be more.
package pathmatch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const separator = string(filepath.Separator)

// Find returns the paths that a pattern of [filepath.Match] matches, in the order of
// their names. It is relative to the folder in. Find calls looked, before it looks there,
// with each folder that a wildcard or what follows it leads to, and with each path that
// is not there.
func Find(in, pattern string, looked func(path string)) (found []string, err error) {
	if filepath.IsAbs(pattern) {
		in = filepath.VolumeName(pattern) + separator
		pattern = pattern[len(in):]
	}
	f, found := finder{looked: looked}, []string{in}
	for part := range strings.SplitSeq(filepath.Clean(pattern), separator) {
		if _, err := filepath.Match(part, ""); err != nil {
			return nil, err
		}
		if found, err = f.step(found, part); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// A finder is one Find under way.
type finder struct {
	looked func(path string)
	wild   bool // there was a wildcard
}

// step returns what is in the folders and matches the part of a pattern.
func (f *finder) step(folders []string, part string) (found []string, err error) {
	name, plain := literal(part)
	f.wild = f.wild || !plain
	for _, folder := range folders {
		if f.wild {
			if info, err := os.Stat(folder); err == nil && !info.IsDir() {
				continue
			}
			f.looked(folder)
		}
		names := []string{name}
		if !plain {
			names, err = matching(folder, part)
		} else if _, err = os.Lstat(filepath.Join(folder, name)); isAbsent(err) {
			f.looked(filepath.Join(folder, name))
		}
		switch {
		case isAbsent(err):
			continue
		case err != nil:
			return nil, err
		}
		for _, name := range names {
			found = append(found, filepath.Join(folder, name))
		}
	}
	return found, nil
}

// matching returns the names in a folder that match.
func matching(folder, part string) (names []string, err error) {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if ok, _ := filepath.Match(part, entry.Name()); ok {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// literal returns the name that a part of a pattern stands for, if it has no wildcard.
func literal(part string) (name string, ok bool) {
	if filepath.Separator == '\\' {
		return part, !strings.ContainsAny(part, "*?[")
	}
	var plain strings.Builder
	for i := 0; i < len(part); i++ {
		switch {
		case strings.IndexByte("*?[", part[i]) >= 0:
			return "", false
		case part[i] == '\\' && i+1 < len(part):
			i++
		}
		plain.WriteByte(part[i])
	}
	return plain.String(), true
}

// isAbsent reports whether there is nothing, or a file in the place of a folder.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
