package inbox

import (
	"errors"
	"os"
)

// own implements shelf. The lock ends with the process, however that ends.
func (f *folder) own() (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock != nil {
		return true, nil
	}
	file, err := os.OpenFile(f.path(lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, err
	}
	err = lockFile(file)
	if errors.Is(err, errLocked) {
		file.Close()
		return false, nil
	}
	if err != nil {
		f.log.Warn("the folder of waiting pushes cannot be locked: see to it that no two processes use it at a time", "err", err, "folder", f.dir)
	}
	f.lock = file
	return true, nil
}

// close implements shelf.
func (f *folder) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return nil
	}
	err := f.lock.Close()
	f.lock = nil
	return err
}

// errLocked says that another process has the lock.
var errLocked = errors.New("another process has the lock")
