package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustWrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestARecordOfAnotherUserIsNotBelieved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "record")
	write := func(mode os.FileMode) {
		os.Remove(path)
		mustWrite(t, path, "http://127.0.0.1:1\n1\n")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write(0o600)
	if text, ok := readOwn(path); !ok || text == "" {
		t.Error("got nothing; want a record of our own")
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, ok := readOwn(link); ok {
		t.Error("got a record behind a symbolic link")
	}
	for _, mode := range []os.FileMode{0o622, 0o620, 0o602} {
		write(mode)
		if _, ok := readOwn(path); ok {
			t.Errorf("got a record that others may write, with mode %o", mode)
		}
	}
	if os.Geteuid() == 0 {
		write(0o600)
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if _, ok := readOwn(path); ok {
			t.Error("got a record of another user")
		}
	}
	os.Remove(path)
	mustWrite(t, path, strings.Repeat("x", maxRecord+1))
	if _, ok := readOwn(path); ok {
		t.Error("got a record of any size")
	}
	if _, ok := readOwn(dir); ok {
		t.Error("got a directory")
	}
}
