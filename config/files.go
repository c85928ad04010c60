package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"wxproxy/config/internal/permission"
	"wxproxy/internal/secret"
)

const (
	// filePatience is how long a file may take to be read.
	filePatience = 5 * time.Second

	// pipePause is the time between two looks whether somebody writes to a pipe.
	pipePause = 10 * time.Millisecond

	// maxReads is how many files are read at a time: one that hangs takes a thread.
	maxReads = 64

	// largestFile and largestSecret are how many bytes a file may have.
	largestFile, largestSecret = 64 << 20, 64 << 10
)

// errTooLarge is why a file was not read to its end.
var errTooLarge = errors.New("it is too large")

// A hangError says that a file gave nothing: its disk does not answer, or it is a pipe
// that nobody writes to.
type hangError struct{ waited time.Duration }

// Error implements error.
func (e hangError) Error() string {
	return fmt.Sprintf("it gave nothing within %v; is it a named pipe, or on a disk that hangs?", e.waited)
}

// Files reads what a configuration names. A file that hangs, as on a network file
// system that is away, holds up its readers for five seconds only, and is opened
// again only when that read has come to an end.
type Files struct {
	patience time.Duration
	slots    chan struct{} // one per read under way

	mu    sync.Mutex // guards reads
	reads map[string]*fileRead
}

// A fileRead is a file that is being read.
type fileRead struct {
	data []byte
	err  error
	done chan struct{} // closed when data and err are there
}

// NewFiles returns Files for one process.
func NewFiles() *Files {
	return &Files{patience: filePatience, slots: make(chan struct{}, maxReads), reads: map[string]*fileRead{}}
}

// read returns what the file at path holds, which is at most limit bytes. Its
// error has no path, which may be a misplaced secret.
func (f *Files) read(path string, limit int) ([]byte, error) {
	timer := time.NewTimer(f.patience)
	defer timer.Stop()
	r, first := f.join(path)
	if first {
		select {
		case f.slots <- struct{}{}:
			go f.finish(path, r, limit)
		case <-timer.C:
			f.leave(path, r, hangError{f.patience})
		}
	}
	select {
	case <-r.done:
		return r.data, r.err
	case <-timer.C:
		return nil, hangError{f.patience}
	}
}

// join returns the read of path that is under way, or begins one.
func (f *Files) join(path string) (r *fileRead, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, under := f.reads[path]
	if !under {
		r = &fileRead{done: make(chan struct{})}
		f.reads[path] = r
	}
	return r, !under
}

// finish reads the file for all that wait for it.
func (f *Files) finish(path string, r *fileRead, limit int) {
	var err error
	r.data, err = readFile(path, limit, f.patience)
	<-f.slots
	f.leave(path, r, err)
}

func (f *Files) leave(path string, r *fileRead, err error) {
	f.mu.Lock()
	delete(f.reads, path)
	f.mu.Unlock()
	r.err = err
	close(r.done)
}

// readFile reads the file at path. A read from a pipe that nobody writes to is given
// up, other than one from a disk that hangs: then somebody may put a file in its place.
func readFile(path string, limit int, patience time.Duration) ([]byte, error) {
	deadline := time.Now().Add(patience - patience/10) // before those that wait give up, and try again
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, withoutPath(err)
	}
	_ = file.SetReadDeadline(deadline) // pipes have one
	data, err := readAll(file, limit)
	for err == nil && len(data) == 0 && info.Mode()&fs.ModeNamedPipe != 0 && time.Now().Before(deadline) {
		time.Sleep(pipePause) // nobody has opened the other end yet
		data, err = readAll(file, limit)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), len(data) == 0 && info.Mode()&fs.ModeNamedPipe != 0:
		return nil, hangError{patience}
	case err != nil:
		return nil, withoutPath(err)
	case len(data) > limit:
		return nil, errTooLarge
	}
	return data, nil
}

// readAll reads one byte more than limit at most.
func readAll(file io.Reader, limit int) ([]byte, error) {
	return io.ReadAll(io.LimitReader(file, int64(limit)+1))
}

// ReadFile returns what the file at path, which the configuration names, holds now.
func (c *Config) ReadFile(path string) ([]byte, error) {
	return cmp.Or(c.files, NewFiles()).read(path, largestFile)
}

// warnIfOpen remarks on a file that every user may read, if it is secret, or
// write: users that can write it, or put another one in its place, decide what
// wxproxy does.
func (l *loader) warnIfOpen(key, path string, secret bool) {
	if l.hangs {
		return // so might this
	}
	read, write, ok := permission.OfFile(path)
	if !ok {
		return
	}
	switch {
	case secret && read && write:
		l.warn(key, "every user of this machine can read and write the file; take that away with chmod o-rw")
	case secret && read:
		l.warn(key, "every user of this machine can read the file; take that away with chmod o-r")
	case write:
		l.warn(key, "every user of this machine can write the file; take that away with chmod o-w")
	}
	l.warnIfReplaceable(key, path)
}

// warnIfReplaceable remarks on a file, or a socket, that every user may take away
// and put another one in its place. Each directory is remarked on once.
func (l *loader) warnIfReplaceable(key, path string) {
	for _, dir := range permission.Above(path) {
		if !l.looked[dir] && permission.MayReplace(dir) {
			l.warn(key, "every user of this machine can put another file in its place: take that away with chmod o-w %s", shownPath(dir))
		}
		l.looked[dir] = true
	}
}

// shownPath returns a directory as one would give it to a shell.
func shownPath(dir string) string {
	if strings.ContainsFunc(dir, func(r rune) bool { return secret.Invisible(r) || strings.ContainsRune(`'"$\`+"`", r) }) {
		return "its directory"
	}
	return dir
}
