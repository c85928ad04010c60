package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wxproxy/config"
	"wxproxy/token"
)

// tryStore remarks on the folder of a "file:" store that serve would refuse, if that
// depends on who serves: who checks may be somebody else. What depends on nobody is
// a mistake.
func tryStore(cfg *config.Config, t terminal) error {
	dir, ok := strings.CutPrefix(cfg.Token.Store.Reveal(), "file:")
	if !ok {
		return nil
	}
	var remark string
	var err error
	if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
		remark, err = token.CheckDir(dir)
	} else {
		err = tryMaking(dir)
	}
	if err != nil && !errors.Is(err, errUntried) && !errors.Is(err, token.ErrNotOurs) {
		return mistake(cfg, "token.store", err)
	}
	if err == nil && remark != "" {
		err = errors.New(remark)
	}
	if err != nil {
		fmt.Fprintln(t.err, "warning:", mistake(cfg, "token.store", err))
	}
	return nil
}

// errUntried tells that a folder could not be made by who checks.
var errUntried = errors.New("making the token directory")

// tryMaking says why a folder that is not there could not be made: it makes another
// one next to it, and takes that away again.
func tryMaking(dir string) error {
	above := nearest(dir)
	err := tryFolder(above)
	if withPath, ok := errors.AsType[*fs.PathError](err); ok {
		err = withPath.Err
	}
	if err != nil {
		return fmt.Errorf("%w in %s: %w", errUntried, above, err)
	}
	return nil
}

// nearest returns path, or the nearest above it that exists.
func nearest(path string) string {
	path = filepath.Clean(path)
	for filepath.Dir(path) != path {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
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
