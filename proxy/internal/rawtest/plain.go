package rawtest

import (
	"flag"
	"os"
	"os/exec"
	"testing"
)

// plainIO names the variable of the environment that has tests run with PlainIO.
const plainIO = "WXPROXY_TEST_PLAIN_IO"

// IsPlain reports whether tests are to run with PlainIO.
func IsPlain() bool { return os.Getenv(plainIO) != "" }

// RunPlain runs all tests of the package once more in another process, with PlainIO.
func RunPlain(t *testing.T) {
	if IsPlain() {
		return
	}
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rest := exec.Command(program, "-test.short", "-test.timeout=5m", "-test.parallel="+flag.Lookup("test.parallel").Value.String())
	rest.Env = append(os.Environ(), plainIO+"=1")
	if out, err := rest.CombinedOutput(); err != nil {
		t.Errorf("got %v; want no failure\n%s", err, out)
	}
}
