package watch

import (
	"cmp"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	// Every is how long it is from one look to the next, at least.
	Every = time.Second

	// share is how much of the time looking may take: thousands of files are looked
	// at less often.
	share = 50

	// Several files that belong together are seldom written at once: they are read
	// when nothing has changed for quiet, or not come to rest within unrest, and not
	// again within gap.
	quiet, unrest, gap = time.Second, 10 * time.Second, 3 * time.Second
)

// A Watch looks at the files that a configuration was read from.
type Watch struct {
	log  *slog.Logger
	last map[string]Mark // what was seen last

	differs time.Time // when it was first seen to differ from what was read; zero: it does not
	moved   time.Time // when it changed last
	read    time.Time // when the files were read last because of that

	away map[string]bool // directories that something was read from, and that are gone
	back string          // a directory that has come back, and was not read since
}

// New returns a Watch, which has seen nothing yet.
func New(log *slog.Logger) *Watch { return &Watch{log: log} }

// Due looks at the files, and reports whether it is time to read them again, and the
// first one that has changed, if it is there. read says how each of them was when it
// was read last. The caller reads them then, at now. While a directory is away that
// something was read from, it is never time: what came from it would be lost.
func (w *Watch) Due(now time.Time, read map[string]Mark) (changed string, due bool) {
	seen, changed, differs := w.look(read)
	before := w.last
	w.last = seen
	switch {
	case len(w.away) > 0 || !differs && w.back == "":
		w.differs = time.Time{}
		return "", false
	case w.differs.IsZero():
		w.differs, w.moved = now, now
	case !allSame(seen, before):
		w.moved = now
	}
	if now.Sub(w.moved) < quiet && now.Sub(w.differs) < unrest || now.Sub(w.read) < gap {
		return "", false
	}
	changed = cmp.Or(changed, w.back)
	w.differs, w.read, w.back = time.Time{}, now, ""
	return changed, true
}

// Pause returns how long to wait for the next look after one that took so long.
func Pause(took time.Duration) time.Duration { return max(Every, share*took) }

// look returns how the files are now, one that has changed, if it is there, and
// whether any has. A file that is gone with its directory has not: that may be a disk that
// comes back. A directory has, for nothing was read from it if no file is gone with it.
func (w *Watch) look(read map[string]Mark) (seen map[string]Mark, changed string, differs bool) {
	seen = make(map[string]Mark, len(read))
	missing := map[string]bool{}
	for path, mark := range read {
		now := Look(path)
		if dir := filepath.Dir(path); now.info == nil && mark.isFile() && isAway(dir) {
			missing[dir] = true
			now = mark
		}
		seen[path] = now
		if now.same(mark) {
			continue
		}
		differs = true
		if now.info != nil { // else its name may be a misplaced secret
			changed = path
		}
	}
	w.miss(missing)
	return seen, changed, differs
}

// miss says once that a directory is away, and once that it is back. One that a reload
// did without is not missed any more.
func (w *Watch) miss(missing map[string]bool) {
	for dir := range missing {
		if !w.away[dir] {
			w.log.Warn("a directory of the configuration is away; what was read from it goes on, "+
				"and nothing is read again until it is back or a reload is asked for", "directory", dir)
		}
	}
	for dir := range w.away {
		if !missing[dir] && !isAway(dir) {
			w.log.Info("a directory of the configuration is back", "directory", dir)
			w.back = dir
		}
	}
	w.away = missing
}

func isAway(dir string) bool {
	_, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

// allSame reports whether all that is in now was the same before.
func allSame(now, before map[string]Mark) bool {
	for path, mark := range now {
		if was, ok := before[path]; !ok || !mark.same(was) {
			return false
		}
	}
	return true
}
