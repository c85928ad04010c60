package inbox

import (
	"io/fs"
	"sync"
	"time"
)

// A shelf is where a local store has its records, under names.
type shelf interface {
	// put stores a record durably, as a whole.
	put(name string, record []byte) error
	// add adds something to the end of a record.
	add(name string, end []byte) error
	get(name string) ([]byte, error)
	// part returns up to n bytes of a record from an offset on.
	part(name string, offset int64, n int) ([]byte, error)
	rename(from, to string) error
	remove(name string) error
	// aside puts a damaged record out of the way, and says where; within a bound: it may be gone.
	aside(name string) (where string)
	// list returns all records, but those that were put aside.
	list() ([]listed, error)
	// tell tells the owner of the shelf that another process has put something there.
	tell() error
	// news reports whether that was told since it was called last.
	news() bool
	// tidy removes what was never finished.
	tidy()
	// own reports whether the records are this process's alone to deliver.
	own() (bool, error)
	close() error
}

// A listed is a record that a shelf has.
type listed struct {
	name    string
	size    int64
	changed time.Time
}

// A ram is a shelf in memory.
type ram struct {
	mu      sync.Mutex // guards records
	records map[string][]byte
}

func (r *ram) put(name string, record []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records[name] = record
	return nil
}

func (r *ram) add(name string, end []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records[name] = append(r.records[name], end...)
	return nil
}

func (r *ram) get(name string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record, ok := r.records[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return record, nil
}

func (r *ram) part(string, int64, int) ([]byte, error) { return nil, fs.ErrNotExist } // nothing is listed

func (r *ram) rename(from, to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	record, ok := r.records[from]
	if !ok {
		return fs.ErrNotExist
	}
	delete(r.records, from)
	r.records[to] = record
	return nil
}

func (r *ram) remove(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.records, name)
	return nil
}

func (r *ram) aside(name string) string {
	_ = r.remove(name) // which does not fail
	return "memory"
}

func (r *ram) list() ([]listed, error) { return nil, nil }

func (r *ram) tell() error { return nil }

func (r *ram) news() bool { return false }

func (r *ram) tidy() {}

func (r *ram) own() (bool, error) { return true, nil }

func (r *ram) close() error { return nil }
