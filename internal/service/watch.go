package service

import (
	"time"

	"wxproxy/internal/watch"
)

// lookPatience is how long the files may take to be looked at before the log says
// that a disk hangs.
const lookPatience = 5 * time.Second

// watchFiles has the configuration read again when its files change, as long as
// proxy.watch is true, until the process is about to end.
func (s *Service) watchFiles() {
	w := watch.New(s.log)
	next := time.NewTimer(watch.Every)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			if s.now.Load().cfg.Proxy.Watch {
				next.Reset(s.look(w))
			}
		case <-s.replaced:
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
		if changed == "" { // its name may be a misplaced secret
			changed = "one that is gone"
		}
		s.log.Info("a file has changed; the configuration is read again", "file", changed)
		_, err := s.reload() // it logs its outcome
		s.noteReload("watch", err)
	}
	return pause
}
