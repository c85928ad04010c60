package pathmatch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// tree makes files, and returns the folder that they are in. Its name looks like a
// pattern.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "[a]*")
	for _, file := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestWhatPatternsMatch(t *testing.T) {
	dir := tree(t, "conf.d/b.toml", "conf.d/a.toml", "conf.d/a.txt", "teams/x/wx.toml", "teams/y/wx.toml", "teams/z/other", "teams/file", "[b]/c")
	for pattern, want := range map[string]struct{ found, looked string }{
		"conf.d/*.toml":      {"[conf.d/a.toml conf.d/b.toml]", "[conf.d]"},
		"./conf.d/a.toml":    {"[conf.d/a.toml]", "[]"},
		"conf.d/c.toml":      {"[]", "[conf.d/c.toml]"},
		"gone/*/c.toml":      {"[]", "[gone]"},
		"teams/*/wx.toml":    {"[teams/x/wx.toml teams/y/wx.toml]", "[teams teams/x teams/y teams/z teams/z/wx.toml]"},
		"teams/[xz]/*":       {"[teams/x/wx.toml teams/z/other]", "[teams teams/x teams/z]"},
		"*/a.t?t":            {"[conf.d/a.txt]", "[. [b] conf.d teams]"},
		`\[b\]/c`:            {"[[b]/c]", "[]"},
		"teams/../conf.d/a*": {"[conf.d/a.toml conf.d/a.txt]", "[conf.d]"},
	} {
		var looked []string
		found, err := Find(dir, pattern, func(path string) { looked = append(looked, relative(t, dir, path)) })
		for i, path := range found {
			found[i] = relative(t, dir, path)
		}
		slices.Sort(looked)
		if err != nil || fmt.Sprint(found) != want.found || fmt.Sprint(looked) != want.looked {
			t.Errorf("%s: got %v, looked at %v, %v; want %s, %s", pattern, found, looked, err, want.found, want.looked)
		}
	}
	if found, err := Find("elsewhere", filepath.Join(filepath.Dir(dir), "*", "conf.d", "a.*"), func(string) {}); err != nil || len(found) != 2 {
		t.Errorf("got %v, %v; want what an absolute pattern matches", found, err)
	}
	if _, err := Find(dir, "conf.d/[", func(string) {}); !errors.Is(err, filepath.ErrBadPattern) {
		t.Errorf("got %v; want the pattern refused", err)
	}
}

func relative(t *testing.T, dir, path string) string {
	t.Helper()
	name, err := filepath.Rel(dir, path)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(name)
}
