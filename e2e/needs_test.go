package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Nobody's machine gets something new without a word about it.
func TestWhatTheTestsInstallIsSaidBefore(t *testing.T) {
	t.Parallel()
	says := func(environment ...string) string {
		t.Helper()
		c := exec.Command(".ci/needs")
		c.Env = append(os.Environ(), environment...)
		said, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("got %v: %s", err, said)
		}
		return strings.ReplaceAll(string(said), "  promtool, of Debian's package prometheus, in .tools/bin\n", "")
	}
	if got := says("PROGRAMS=sh", "MODULES=", "NPM="); strings.Contains(got, "packages") {
		t.Errorf("got %q; want nothing, as nothing is missing", got)
	}
	got := says("PROGRAMS=sh no-such-program:its-package", "MODULES=.", "NPM=testdata/browser", "GOMODCACHE="+t.TempDir(), "GOFLAGS=-modcacherw")
	for _, want := range []string{"packages of Debian", ": its-package\n", "modules of Go, in ", " that ./go.mod names\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s; want %q in it", got, want)
		}
	}
	makefile := read(t, "Makefile")
	if !strings.Contains(makefile, "\ndeps: needs ") || !strings.Contains(makefile, "\n$(PROMTOOL): | needs ") {
		t.Error("make deps does not say first what it installs")
	}
}
