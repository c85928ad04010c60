package proxy

import (
	"os"
	"os/exec"
	"testing"
)

// plainIO is set in a process that runs the tests with PlainIO.
const plainIO = "WXPROXY_TEST_PLAIN_IO"

func isPlain() bool { return os.Getenv(plainIO) != "" }

// All that is promised is true with fasthttp's server and package net's
// connections, too.
func TestAllTheseTestsPassWithPlainIO(t *testing.T) {
	if isPlain() {
		return
	}
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rest := exec.Command(program, "-test.short", "-test.timeout=5m")
	rest.Env = append(os.Environ(), plainIO+"=1")
	if out, err := rest.CombinedOutput(); err != nil {
		t.Errorf("got %v; want no failure\n%s", err, out)
	}
}
