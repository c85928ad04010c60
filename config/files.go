package config

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"wxproxy/internal/language"
	"wxproxy/internal/watch"
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
func (e hangError) Error() string { return e.In(language.English) }

// In returns it in a language.
func (e hangError) In(l language.Language) string {
	return l.Sprintf("it gave nothing within %v; is it a named pipe, or on a disk that hangs?", e.waited)
}

// Files reads what a configuration names. A file that hangs, as on a network file
// system that is away, holds up its readers for five seconds only, and is opened
// again only when that read has come to an end.
type Files struct {
	patience time.Duration
	slots    chan struct{} // one per read under way

	mu    sync.Mutex // guards what follows
	reads map[string]*fileRead
	notes map[string]watch.Mark // how each file was that the Load under way has read; nil: there is none
	noted map[string]watch.Mark // the same of the last Load; not changed any more
}

// A fileRead is a file that is being read.
type fileRead struct {
	data []byte
	err  error
	mark watch.Mark    // how the file was before it was read
	done chan struct{} // closed when all that is there
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
		f.note(path, r.mark)
		return r.data, r.err
	case <-timer.C:
		f.note(path, watch.Mark{})
		return nil, hangError{f.patience}
	}
}

// note keeps how a file was that a Load under way reads. The first time counts: it
// may be read again meanwhile, for another reason.
func (f *Files) note(path string, mark watch.Mark) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.notes[path]; !ok && f.notes != nil {
		f.notes[path] = mark
	}
}

// beginNotes and endNotes enclose a Load.
func (f *Files) beginNotes() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notes = map[string]watch.Mark{}
}

func (f *Files) endNotes() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notes, f.noted = nil, f.notes
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
	r.mark = watch.Look(path)
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

// FilesRead returns how each file was that was read for the last Load with the files
// of c, also if that had mistakes.
func (c *Config) FilesRead() map[string]watch.Mark {
	if c.files == nil {
		return nil
	}
	c.files.mu.Lock()
	defer c.files.mu.Unlock()
	return c.files.noted
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
