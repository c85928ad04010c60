package pathmatch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// becomeNobody takes from the test what root may, for it reads all folders.
func becomeNobody(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	runtime.LockOSThread() // not undone: the thread ends with the test
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderThatCannotBeReadIsNotEmpty(t *testing.T) {
	becomeNobody(t)
	for pattern, row := range map[string]struct {
		folder string
		mode   os.FileMode
	}{
		"teams/*/wx.toml": {"teams/y", 0},
		"teams/*/*.toml":  {"teams/y", 0o300},
		"teams/?/wx.toml": {"teams", 0o300},
		"teams/y/wx.toml": {"teams/y", 0o600},
		"teams/y/*.toml":  {"teams", 0o600},
		"*/y/wx.toml":     {"teams", 0o600},
	} {
		dir := tree(t, "teams/x/wx.toml", "teams/y/wx.toml")
		folder := filepath.Join(dir, row.folder)
		if err := os.Chmod(folder, row.mode); err != nil {
			t.Fatal(err)
		}
		if found, err := Find(dir, pattern, func(string) {}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s with %s %o: got %v, %v; want that it cannot be read", pattern, row.folder, row.mode, found, err)
		}
		_ = os.Chmod(folder, 0o755) // so that it can be removed
	}
}
