package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// built returns wxproxy as users have it, without the race detector, whose memory
// is several times the program's own: it does what the Dockerfile does, here.
var built = sync.OnceValues(func() (string, error) {
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		return "", err
	}
	command := regexp.MustCompile(`(?m)^RUN (.* go build .*)$`).FindSubmatch(dockerfile)
	if command == nil {
		return "", errors.New("the Dockerfile builds nothing")
	}
	if err := os.MkdirAll(builtPath()+"/out", 0o755); err != nil {
		return "", err
	}
	return builtPath() + "/out/wxproxy", execute(exec.Command("sh", "-c", strings.ReplaceAll(string(command[1]), "/out/", builtPath()+"/out/")))
})

// builtPath is the folder of what is built once for many tests. TestMain makes
// and removes it.
func builtPath() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("wxproxy-test-%d", os.Getpid()))
}

// execute runs a command, whose output is only of interest if it fails.
func execute(c *exec.Cmd) error {
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", c.Args, err, out)
	}
	return nil
}
