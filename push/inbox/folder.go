package inbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A folder is a shelf of one file a record, that only the owner of the process can read.
type folder struct {
	dir     string
	log     *slog.Logger
	written syncer

	mu   sync.Mutex // guards lock
	lock *os.File   // nil: another process's, or nobody's
}

const (
	maxAside   = 64              // damaged records that are kept
	asideDir   = "damaged"       // where
	lockName   = "lock"          // of the file that the process locks which delivers
	newsName   = "news"          // of the file that tells its owner of pushes that others have added
	unfinished = "new"           // where files are until they are whole
	leftOver   = 5 * time.Minute // from when on such a file is nobody's
)

// openFolder returns the shelf in dir, which it makes if it is missing.
func openFolder(dir string, log *slog.Logger) (*folder, error) {
	for _, part := range []string{failedFolder, unfinished} {
		if err := os.MkdirAll(filepath.Join(dir, part), 0o700); err != nil {
			return nil, fmt.Errorf("making the folder of waiting pushes: %w", err)
		}
	}
	f := &folder{dir: dir, log: log, written: syncer{dir: dir}}
	above := syncer{dir: filepath.Dir(dir)}
	if err := errors.Join(above.sync(), f.written.sync()); err != nil {
		return nil, fmt.Errorf("making the folder of waiting pushes: %w", err)
	}
	return f, nil
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// put implements shelf. After a crash there is the whole file, or none.
func (f *folder) put(name string, record []byte) (err error) {
	file, err := os.CreateTemp(f.path(unfinished), "*")
	if err != nil {
		return err
	}
	now := file.Name()
	defer func() {
		if err != nil {
			os.Remove(now)
		}
	}()
	_, err = file.Write(record)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(now, f.path(name)); err != nil {
		return err
	}
	now = f.path(name)
	return f.written.sync()
}

func (f *folder) add(name string, end []byte) error {
	file, err := os.OpenFile(f.path(name), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(end)
	return errors.Join(err, file.Close())
}

// get implements shelf. What is larger than any record is cut off.
func (f *folder) get(name string) ([]byte, error) {
	return f.part(name, 0, maxLine+2*maxHeader+maxContent)
}

func (f *folder) part(name string, offset int64, n int) ([]byte, error) {
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, ErrDamaged)
	}
	return io.ReadAll(io.NewSectionReader(file, offset, int64(n)))
}

func (f *folder) rename(from, to string) error { return os.Rename(f.path(from), f.path(to)) }

func (f *folder) remove(name string) error { return os.Remove(f.path(name)) }

// tell implements shelf: the file is there until its reader has seen it.
func (f *folder) tell() error {
	file, err := os.OpenFile(f.path(newsName), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

func (f *folder) news() bool { return os.Remove(f.path(newsName)) == nil }

// tidy implements shelf. Another process may be writing what is young.
func (f *folder) tidy() {
	entries, _ := os.ReadDir(f.path(unfinished)) // or it is looked at again in a minute
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > leftOver {
			_ = os.Remove(filepath.Join(f.path(unfinished), entry.Name()))
		}
	}
}

func (f *folder) aside(name string) string {
	to := f.path(asideDir)
	kept, err := os.ReadDir(to)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.Mkdir(to, 0o700)
	}
	where := filepath.Join(to, name)
	if err == nil && len(kept) < maxAside && os.Rename(f.path(name), where) == nil {
		return where
	}
	if err := os.RemoveAll(f.path(name)); err != nil {
		return f.path(name)
	}
	return "removed"
}

func (f *folder) list() ([]listed, error) {
	waiting, err := f.listIn("")
	if err != nil {
		return nil, err
	}
	failed, err := f.listIn(failedFolder)
	return append(waiting, failed...), err
}

// listIn lists the records in a part of the folder.
func (f *folder) listIn(part string) (all []listed, err error) {
	dir, err := os.Open(f.path(part))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	const batch = 1000
	for {
		entries, err := dir.ReadDir(batch)
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil {
				continue // it is gone
			}
			all = append(all, listed{part + entry.Name(), info.Size(), info.ModTime()})
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
