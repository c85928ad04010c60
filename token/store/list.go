package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"wxproxy/token"
)

// Each implements [token.Lister]. It also removes the temporary files that processes left
// in the platform's directory which were killed as they wrote.
func (s *File) Each(platform string, look func(token.Key, token.Record, error) error) error {
	if _, err := s.path(token.Key{Platform: platform, AppID: platform}); err != nil {
		return err
	}
	dir := filepath.Join(s.dir, platform)
	if _, err := checkDir(dir); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing stored tokens: %w", err)
	}
	defer folder.Close()
	sweep(dir)
	for err == nil {
		var entries []fs.DirEntry
		if entries, err = folder.ReadDir(listed); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("listing stored tokens: %w", err)
		}
		if err := s.eachOf(platform, entries, look); err != nil {
			return err
		}
	}
	return nil
}

// listed is how many names of files are read at a time.
const listed = 1024

// A found record is what a file has, or why it cannot be read.
type found struct {
	key    token.Key
	record token.Record
	err    error
}

// eachOf reads the files several at a time: a disk or a file server answers many at once.
func (s *File) eachOf(platform string, entries []fs.DirEntry, look func(token.Key, token.Record, error) error) (err error) {
	names, records, stop := make(chan token.Key), make(chan found), make(chan struct{})
	go func() {
		defer close(names)
		for _, entry := range entries {
			appID, isRecord := strings.CutSuffix(entry.Name(), ".json")
			if !isRecord || appID == platform || strings.Contains(appID, "-ticket-") {
				continue
			}
			select {
			case names <- token.Key{Platform: platform, AppID: appID}:
			case <-stop:
				return
			}
		}
	}()
	var reading sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		reading.Go(func() {
			for key := range names {
				r, err := s.load(key)
				records <- found{key, r, err}
			}
		})
	}
	go func() {
		reading.Wait()
		close(records)
	}()
	for f := range records {
		if err != nil || errors.Is(f.err, token.ErrNotStored) { // removed meanwhile
			continue
		}
		if err = look(f.key, f.record, f.err); err != nil {
			close(stop)
		}
	}
	return err
}
