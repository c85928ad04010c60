package watch

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A bench is a directory with files, and a Watch that looks at them every second.
type bench struct {
	t    *testing.T
	dir  string
	log  bytes.Buffer
	w    *Watch
	read map[string]Mark
	now  time.Time
}

func newBench(t *testing.T, names ...string) *bench {
	b := &bench{t: t, dir: filepath.Join(t.TempDir(), "etc"), now: time.Unix(1000, 0)}
	b.w = New(slog.New(slog.NewTextHandler(&b.log, nil)))
	must(t, os.Mkdir(b.dir, 0o755))
	for _, name := range names {
		b.write(name, "1")
	}
	b.reread(names...)
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name, content string) {
	b.t.Helper()
	must(b.t, os.WriteFile(b.path(name), []byte(content), 0o600))
}

// reread has the files be as they were read.
func (b *bench) reread(names ...string) {
	if len(names) == 0 {
		for path := range b.read {
			name, err := filepath.Rel(b.dir, path)
			must(b.t, err)
			names = append(names, name)
		}
	}
	b.read = map[string]Mark{}
	for _, name := range names {
		b.read[b.path(name)] = Look(b.path(name))
	}
}

// looks looks once a second as often as do says, calling it before each time, and
// returns at which looks the files were to be read. They are then.
func (b *bench) looks(n int, do func(i int)) (due []int) {
	for i := range n {
		if do != nil {
			do(i)
		}
		b.now = b.now.Add(Every)
		if _, ok := b.w.Due(b.now, b.read); ok {
			due = append(due, i)
			b.reread()
		}
	}
	return due
}

func TestFilesAreReadWhenTheyHaveComeToRest(t *testing.T) {
	for name, row := range map[string]struct {
		change func(b *bench, i int)
		want   string
	}{
		"nothing": {func(*bench, int) {}, "[]"},
		"written": {func(b *bench, i int) {
			if i == 0 {
				b.write("a", "22")
			}
		}, "[1]"},
		"two files, a second apart": {func(b *bench, i int) {
			if i < 2 {
				b.write([]string{"a", "b"}[i], "22")
			}
		}, "[2]"},
		"replaced by one of the same size and time": {func(b *bench, i int) {
			if i == 0 {
				b.write("new", "1")
				at, _ := os.Stat(b.path("a"))
				must(t, os.Chtimes(b.path("new"), at.ModTime(), at.ModTime()))
				must(t, os.Rename(b.path("new"), b.path("a")))
			}
		}, "[1]"},
		"another mode": {func(b *bench, i int) {
			if i == 0 {
				must(t, os.Chmod(b.path("a"), 0o640))
			}
		}, "[1]"},
		"removed, and there again": {func(b *bench, i int) {
			switch i {
			case 0:
				must(t, os.Remove(b.path("a")))
			case 4:
				b.write("a", "1")
			}
		}, "[1 5]"},
		"gone for a moment": {func(b *bench, i int) {
			switch i {
			case 0:
				must(t, os.Rename(b.path("a"), b.path("b2")))
			case 1:
				must(t, os.Rename(b.path("b2"), b.path("a")))
			}
		}, "[2]"}, // the time of the last change is another one
		"never at rest": {func(b *bench, i int) { b.write("a", strings.Repeat("x", i+2)) }, "[10]"},
		"changed soon after it was read": {func(b *bench, i int) {
			if i == 0 || i == 2 {
				b.write("a", strings.Repeat("x", i+2))
			}
		}, "[1 4]"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "a", "b")
			if got := fmt.Sprint(b.looks(12, func(i int) { row.change(b, i) })); got != row.want {
				t.Errorf("got reads at the looks %s; want %s", got, row.want)
			}
		})
	}
}

// Kubernetes writes a new directory, and has a link lead there.
func TestASwappedLinkIsAChange(t *testing.T) {
	b := newBench(t)
	for _, data := range []string{"..1", "..2"} {
		must(t, os.Mkdir(b.path(data), 0o755))
		b.write(data+"/config.toml", "1")
	}
	must(t, os.Symlink("..1", b.path("..data")))
	must(t, os.Symlink("..data/config.toml", b.path("config.toml")))
	b.reread("config.toml")
	got := b.looks(5, func(i int) {
		if i == 1 {
			must(t, os.Symlink("..2", b.path("..new")))
			must(t, os.Rename(b.path("..new"), b.path("..data")))
			must(t, os.RemoveAll(b.path("..1")))
		}
	})
	if fmt.Sprint(got) != "[2]" {
		t.Errorf("got reads at the looks %v; want one when it has come to rest", got)
	}
}

// What was in a directory that is away goes on; it is said once, and once more when
// it is back.
func TestADirectoryThatGoesAway(t *testing.T) {
	b := newBench(t, "a", "b")
	away := b.dir + ".away"
	got := b.looks(12, func(i int) {
		switch i {
		case 1:
			must(t, os.Rename(b.dir, away))
		case 5:
			must(t, os.Rename(away, b.dir)) // as it was
		case 7:
			must(t, os.RemoveAll(b.dir))
		case 9:
			must(t, os.Mkdir(b.dir, 0o755))
			b.write("a", "22")
			b.write("b", "22")
		}
	})
	if fmt.Sprint(got) != "[6 10]" {
		t.Errorf("got reads at the looks %v; want one each time that it is back", got)
	}
	if away, back := strings.Count(b.log.String(), "is away;"), strings.Count(b.log.String(), "configuration is back"); away != 2 || back != 2 {
		t.Errorf("got %s; want a line each time that it goes and comes", b.log.String())
	}
}

// What is in a directory that is away would be lost by a read, which may have another
// reason. A reload by hand does without it, and its coming back is a change then.
func TestNothingIsReadWhileADirectoryIsAway(t *testing.T) {
	b := newBench(t, "a")
	folder := b.path("teams")
	must(t, os.Mkdir(folder, 0o755))
	b.write("teams/b", "1")
	b.reread("a", "teams", "teams/b")
	got := b.looks(16, func(i int) {
		switch i {
		case 1:
			must(t, os.Rename(folder, folder+".away"))
		case 2:
			b.write("a", "22")
		case 6:
			b.reread("a", "teams", "teams/b") // by hand
		case 8:
			b.write("a", "333")
		case 12:
			must(t, os.Rename(folder+".away", folder))
		}
	})
	if fmt.Sprint(got) != "[9 13]" {
		t.Errorf("got reads at the looks %v; want one for each change after the reload by hand\n%s", got, b.log.String())
	}
	if away, back := strings.Count(b.log.String(), "is away;"), strings.Count(b.log.String(), "configuration is back"); away != 1 || back != 0 {
		t.Errorf("got %s; want a line when it went", b.log.String())
	}
}

// A directory in which nothing was found to read takes nothing along: its end is a change.
func TestADirectoryOfNothingThatGoesAwayHoldsNothingUp(t *testing.T) {
	b := newBench(t, "a")
	must(t, os.Mkdir(b.path("empty"), 0o755))
	b.reread("a", "empty", "empty/b")
	got := b.looks(8, func(i int) {
		switch i {
		case 1:
			must(t, os.Remove(b.path("empty")))
		case 5:
			b.write("a", "22")
		}
	})
	if fmt.Sprint(got) != "[2 6]" || b.log.Len() > 0 {
		t.Errorf("got reads at the looks %v, %s; want one for each change", got, b.log.String())
	}
}

// The name of a file that was never there may be a misplaced secret.
func TestNoNameOfWhatIsNotThereIsTold(t *testing.T) {
	b := newBench(t, "a")
	const canary = "canary/5f4dcc3b5aa765d6"
	b.read[canary] = Look(canary)
	b.read["pipe"] = Mark{} // nobody could look at it
	if got := b.looks(3, nil); got != nil {
		t.Errorf("got reads at the looks %v; want none", got)
	}
	must(t, os.Remove(b.path("a")))
	for range 3 {
		b.now = b.now.Add(Every)
		if changed, due := b.w.Due(b.now, b.read); changed != "" {
			t.Errorf("got %q, %t; want no name", changed, due)
		}
	}
	if strings.Contains(b.log.String(), "canary") {
		t.Errorf("got %s; want no name", b.log.String())
	}
}

func TestThousandsOfFilesAreLookedAtLessOften(t *testing.T) {
	if short, long := Pause(time.Millisecond), Pause(100*time.Millisecond); short != time.Second || long != 5*time.Second {
		t.Errorf("got %v and %v; want 1s and 5s", short, long)
	}
}
