package proxy

import (
	"os"
	"os/exec"
	"testing"
	"wxproxy/proxy/internal/rawtest"
)

// All that is promised is true with fasthttp's server and package net's
// connections, too.
func TestAllTheseTestsPassWithPlainIO(t *testing.T) {
	if rawtest.IsPlain() {
		return
	}
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rest := exec.Command(program, "-test.short", "-test.timeout=5m")
	rest.Env = append(os.Environ(), rawtest.PlainIO+"=1")
	if out, err := rest.CombinedOutput(); err != nil {
		t.Errorf("got %v; want no failure\n%s", err, out)
	}
}
