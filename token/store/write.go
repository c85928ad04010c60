package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"wxproxy/token"
	"wxproxy/token/store/tally"
)

// Amend implements [token.Amender]. A new file takes the place of none that another process,
// which imports, has written meanwhile.
func (s *File) Amend(key token.Key, change func(*token.Record) bool) (r token.Record, err error) {
	for range amendTries {
		r, err = s.write(key, func(string) (token.Record, granted, error) {
			r, err := s.load(key)
			if err != nil && !isReplaced(key, err) {
				return r, granted{}, err
			}
			if !change(&r) {
				return r, granted{}, errUnchanged
			}
			kept := sealed(s.seal.Load(), name(key), r.Granted)
			kept.isNew = errors.Is(err, token.ErrNotStored)
			return r, kept, nil
		})
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return r, err
}

// amendTries is how often a change is made to what another process has written meanwhile.
const amendTries = 3

// writeWhole writes a temporary file with mode 0600 beside path and has rename rename it
// when it is safely on the disk.
func writeWhole(path string, content []byte, rename func(from, to string) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return rename(file.Name(), path)
}

// renameNew is as os.Rename, but for an error that is fs.ErrExist if there is a file already,
// where the file system can tell.
func renameNew(from, to string) error {
	switch err := os.Link(from, to); {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	return os.Rename(from, to)
}

// replaceDurably writes a file of a platform, whose directory it makes if it is missing. A
// loss of power takes nothing back after that: WeChat would not hand it out again.
func (s *File) replaceDurably(path string, content []byte, isNew bool) error {
	dir, rename := filepath.Dir(path), os.Rename
	if isNew {
		rename = renameNew
	}
	err := os.Mkdir(dir, 0o700)
	switch {
	case err == nil:
		err = syncFolder(s.dir)
	case errors.Is(err, fs.ErrExist):
		err = nil
	}
	if err == nil {
		err = writeWhole(path, content, rename)
	}
	if err == nil {
		err = syncFolder(dir)
	}
	if err != nil {
		return fmt.Errorf("storing what a platform was granted: %w", err)
	}
	return nil
}

// syncFolder has the names in a directory outlive a loss of power.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it cannot be done there, and renaming is durable
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// leftAfter is how old a temporary file is that nobody will rename any more.
const leftAfter = time.Minute

// sweep removes the temporary files that processes left which were killed as they wrote.
func (s *File) sweep() { sweep(s.dir) }

func sweep(dir string) {
	entries, _ := os.ReadDir(dir) // what cannot be read is for the next start
	for _, entry := range entries {
		if !isTemporary(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > leftAfter {
			os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
}

// isTemporary reports whether writeWhole names files like name.
func isTemporary(name string) bool {
	of, digits, found := strings.Cut(name, ".json.")
	if !found {
		of, digits, found = strings.Cut(name, triedFile+".")
		found = found && of == ""
	}
	digits = strings.TrimSuffix(digits, ".tmp")
	return found && !strings.ContainsFunc(of, func(r rune) bool { return !isOfAppID(r) }) &&
		digits != "" && strings.Trim(digits, "0123456789") == ""
}

// triedFile is the name of the file that is written to see whether one can be.
const triedFile = ".try"

// remedyForFile is what to do when files cannot be written.
const remedyForFile = "have the folder of token.store exist, belong to the user who runs wxproxy, and have room"

// tell has the tally know whether files can be written.
func (s *File) tell(err error) {
	if err == nil {
		s.tally.Failing(nil, "")
		return
	}
	s.tally.Failing(err, remedyForFile)
}

// Condition returns how the store is. While it is of no use, it is found out beside
// that whether it is again: the next token may come hours later.
func (s *File) Condition() tally.Condition {
	now := s.tally.Condition()
	if !now.Up && s.trying.CompareAndSwap(false, true) {
		go func() {
			defer s.trying.Store(false)
			s.tell(s.try())
		}()
	}
	return now
}

// try writes a file and removes it.
func (s *File) try() error {
	path := filepath.Join(s.dir, triedFile)
	const size = 4 << 10 // so that a full disk shows
	err := writeWhole(path, make([]byte, size), os.Rename)
	if err == nil {
		err = os.Remove(path)
	}
	return err
}
