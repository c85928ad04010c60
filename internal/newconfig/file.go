package newconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"wxproxy/internal/language"
)

// mayWrite says, before anybody is asked for anything, why the file could not be written.
func mayWrite(path string, replaces bool) error {
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.IsDir():
		return language.Textf("%s is a directory; name a file with -config", path)
	case err == nil && !replaces:
		return isThere(path)
	case err == nil && !info.Mode().IsRegular():
		return isSpecial(path, info)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return language.Textf("looking at %s: %w", path, withoutPath(err))
	}
	tried, err := os.CreateTemp(filepath.Dir(path), ".wxproxy-init-")
	if err != nil {
		return notWritable(path, err)
	}
	tried.Close()
	return os.Remove(tried.Name())
}

func isThere(path string) error {
	return language.Textf("%s is there already; -force overwrites it, and -config names another file", path)
}

// isSpecial says that what is there is not replaced: whoever made it has not meant a file, or
// one that is elsewhere, and perhaps another user's.
func isSpecial(path string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink == 0 {
		return language.Textf("%s is not a regular file, and not overwritten; name another one with -config", path)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return language.Textf("%s is a symbolic link, and not overwritten; name the file itself with -config", path)
	}
	return language.Textf("%s is a symbolic link to %s, and not overwritten; name the file itself with -config", path, target)
}

func notWritable(path string, err error) error {
	return language.Textf("nothing can be written into %s: %w", filepath.Dir(path), withoutPath(err))
}

// write writes the file as a whole: on the disk before it has its name, and never over
// another one unless it replaces that. Its owner alone can read it, or who could before.
func write(path, text string, replaces bool) (err error) {
	before, statErr := os.Lstat(path)
	if statErr == nil && replaces && !before.Mode().IsRegular() {
		return isSpecial(path, before) // since mayWrite has looked
	}
	made, err := os.CreateTemp(filepath.Dir(path), ".wxproxy-init-") // of mode 0600
	if err != nil {
		return notWritable(path, err)
	}
	defer func() {
		if err != nil {
			os.Remove(made.Name())
		}
	}()
	if statErr == nil && replaces {
		err = keepReaders(made, before)
	}
	_, writeErr := made.WriteString(text)
	if err = errors.Join(err, writeErr, made.Sync(), made.Close()); err != nil {
		return notWritable(path, err)
	}
	if !replaces {
		if err = reserve(path); err != nil {
			return err
		}
	}
	if err = os.Rename(made.Name(), path); err != nil {
		if !replaces {
			os.Remove(path)
		}
		return notWritable(path, err)
	}
	if dir, openErr := os.Open(filepath.Dir(path)); openErr == nil {
		_ = dir.Sync() // not every file system can
		dir.Close()
	}
	return nil
}

// reserve makes an empty file, which must not be there.
func reserve(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return isThere(path)
	case err != nil:
		return notWritable(path, err)
	}
	return file.Close()
}

// withoutPath drops the path from an error: the message has it.
func withoutPath(err error) error {
	if withPath, ok := errors.AsType[*fs.PathError](err); ok {
		return withPath.Err
	}
	return err
}
