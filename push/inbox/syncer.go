package inbox

import (
	"errors"
	"os"
	"runtime"
	"sync"
)

// A syncer has the system write what a folder has down to its disk. Those who ask while
// that is done share the next time.
type syncer struct {
	dir string

	mu   sync.Mutex // guards what follows
	busy bool
	next *syncing
}

// A syncing is one time.
type syncing struct {
	done chan struct{}
	err  error
}

// sync returns when all is on the disk that was in the folder when it was called.
func (s *syncer) sync() error {
	s.mu.Lock()
	if s.next == nil {
		s.next = &syncing{done: make(chan struct{})}
	}
	mine := s.next
	if !s.busy {
		s.busy = true
		go s.run()
	}
	s.mu.Unlock()
	<-mine.done
	return mine.err
}

// run works until nobody waits.
func (s *syncer) run() {
	for {
		s.mu.Lock()
		now := s.next
		s.next = nil
		s.busy = now != nil
		s.mu.Unlock()
		if now == nil {
			return
		}
		now.err = syncFolder(s.dir)
		close(now.done)
	}
}

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
