package service

import (
	"cmp"
	"io/fs"
	"os"
	"slices"
	"time"

	"wxproxy/config"
	"wxproxy/internal/secret"
	"wxproxy/internal/watch"
)

// lookPatience is how long the files may take to be looked at before the log says
// that a disk hangs.
const lookPatience = 5 * time.Second

// followEvery is how often the files of AppSecrets are looked at where nobody watches the
// others.
const followEvery = 30 * time.Second

// watchFiles has the configuration read again when its files change, as long as
// proxy.watch is true, until the process is about to end. Those of AppSecrets are read
// at each use whatever it is: else they are followed.
func (s *Service) watchFiles() {
	w, seen := watch.New(s.log), map[string]fs.FileInfo{}
	next := time.NewTimer(watch.Every)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			if s.now.Load().cfg.Proxy.Watch {
				next.Reset(s.look(w))
			} else {
				began := time.Now()
				s.follow(seen)
				next.Reset(max(followEvery, watch.Pause(time.Since(began))))
			}
		case <-s.replaced:
			clear(seen) // what was read for another setup
			next.Reset(watch.Every)
		case <-s.ending:
			return
		}
	}
}

// look looks at the files, reads them again if it is time to, and returns how long to
// wait for the next look.
func (s *Service) look(w *watch.Watch) (pause time.Duration) {
	began := time.Now()
	hangs := time.AfterFunc(lookPatience, func() {
		s.log.Warn("the files of the configuration cannot be looked at; are they on a disk that hangs?")
	})
	changed, due := w.Due(began, s.now.Load().cfg.FilesRead())
	hangs.Stop()
	pause = watch.Pause(time.Since(began))
	if due {
		// A folder may have changed by a file that is gone. That is named if it was part of
		// the configuration: another one's name may be a misplaced secret.
		if info, err := os.Stat(changed); err != nil || info.IsDir() {
			changed = cmp.Or(s.now.Load().cfg.FileGone(), changed, "one that is gone")
		}
		s.log.Info("a file has changed; the configuration is read again", "file", changed)
		_, err := s.reload() // it logs its outcome
		s.noteReload("watch", err)
	}
	return pause
}

// follow has the hash of what is in force, and a later reload, know the AppSecrets that
// are in their files now. seen says how each file was when it was read.
func (s *Service) follow(seen map[string]fs.FileInfo) {
	of := s.now.Load()
	before := of.force.Load()
	next := *before.cfg
	next.Accounts, next.Platforms = slices.Clone(next.Accounts), slices.Clone(next.Platforms)
	changed := false
	for i := range next.Accounts {
		a := &next.Accounts[i]
		changed = s.readAgain(seen, a.Key(), a.Source, &a.Secret) || changed
	}
	for i := range next.Platforms {
		p := &next.Platforms[i]
		changed = s.readAgain(seen, p.AppID, p.Source, &p.Secret) || changed
	}
	if changed {
		of.force.CompareAndSwap(before, &force{&next, next.Hash(cmp.Or(s.atStart, &next))})
	}
}

// readAgain has known be the AppSecret that is in its file now, if that has changed, and
// reports whether it is another one.
func (s *Service) readAgain(seen map[string]fs.FileInfo, appID string, source config.SecretSource, known *secret.Secret) bool {
	path := source.Path()
	if path == "" || s.isEnding() || !hasChanged(seen, path) {
		return false
	}
	appSecret, err := s.secrets.reading(appID, source)()
	if err != nil || appSecret.Equal(known.Reveal()) {
		return false
	}
	*known = appSecret
	return true
}

// hasChanged reports whether the file at path is another one than was seen, and notes
// it. What is gone has not: what was in it goes on. Nor has a pipe, which is for those
// who need what is in it.
func hasChanged(seen map[string]fs.FileInfo, path string) bool {
	now, err := os.Stat(path)
	if err != nil || !now.Mode().IsRegular() {
		return false
	}
	was := seen[path]
	delete(seen, path)
	if time.Since(now.ModTime()) > time.Second { // or its next change may not show
		seen[path] = now
	}
	return was == nil || !os.SameFile(was, now) || !was.ModTime().Equal(now.ModTime()) || was.Size() != now.Size()
}

func (s *Service) isEnding() bool {
	select {
	case <-s.ending:
		return true
	default:
		return false
	}
}
