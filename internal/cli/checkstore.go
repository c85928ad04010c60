package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/service"
	"wxproxy/token/store"
)

// tryStore looks at the folder of a "file:" store. It only notes what is wrong for this
// user, since another one may run serve; what is wrong for every user is a mistake.
func tryStore(cfg *config.Config, t terminal) error {
	dir, ok := strings.CutPrefix(cfg.Token.Store.Reveal(), "file:")
	if !ok {
		return nil
	}
	var note *language.Text
	var err error
	if _, statErr := os.Stat(dir); statErr == nil {
		note, err = store.CheckDirOfOthers(dir)
	} else {
		err = tryMaking(dir)
	}
	switch {
	case errors.Is(err, errUntried):
		t.sayf(t.err, "warning: %v\n", service.Mistake(cfg, "token.store", err))
	case err != nil:
		return service.Mistake(cfg, "token.store", err)
	case note != nil:
		t.sayf(t.err, "note: %v\n", service.Mistake(cfg, "token.store", note))
	}
	return nil
}

// errUntried says that this user could not make a folder.
var errUntried = errors.New("making the token directory")

// tryMaking says why a missing folder could not be made: it makes another one next to
// it, and removes that.
func tryMaking(dir string) error {
	above := nearest(dir)
	err := tryFolder(above)
	if withPath, ok := errors.AsType[*fs.PathError](err); ok {
		err = withPath.Err
	}
	switch {
	case errors.Is(err, syscall.ENOTDIR): // for every user
		return language.Textf("making the token directory: %s is a file", above)
	case err != nil:
		return language.Textf("%w in %s: %w", errUntried, above, err)
	}
	return nil
}

// nearest returns path, or the nearest above it that exists.
func nearest(path string) string {
	path = filepath.Clean(path)
	for filepath.Dir(path) != path {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			break
		}
		path = filepath.Dir(path)
	}
	return path
}

func tryFolder(in string) error {
	tried, err := os.MkdirTemp(in, ".wxproxy-check-")
	if err != nil {
		return err
	}
	return os.Remove(tried)
}
