package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A builder is buildah with images of its own.
type builder struct {
	t   *testing.T
	dir string
}

// newBuilder skips the test where there is no buildah.
func newBuilder(t *testing.T) builder {
	t.Helper()
	if _, err := exec.LookPath("buildah"); err != nil {
		t.Skip("buildah is missing: make deps")
	}
	b := builder{t, t.TempDir()}
	t.Cleanup(func() { b.must("rm", "--all"); b.must("rmi", "--all") })
	return b
}

// args are the arguments of a buildah that needs neither a kernel with overlays
// nor privileges.
func (b builder) args(more ...string) []string {
	return append([]string{"--storage-driver", "vfs", "--root", b.dir + "/root", "--runroot", b.dir + "/run"}, more...)
}

// must runs buildah and returns what it prints.
func (b builder) must(args ...string) string {
	b.t.Helper()
	c := exec.Command("buildah", b.args(args...)...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		b.t.Fatalf("buildah %s: %v: %s", args, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// An imageConfig is what buildah knows of an image.
type imageConfig struct {
	Docker struct {
		Config struct {
			User, WorkingDir       string
			Entrypoint, Cmd, Shell []string
			ExposedPorts           map[string]struct{}
			Healthcheck            struct{ Test []string }
		} `json:"config"`
	}
	Manifest string
}

// size returns how many bytes the layers have, which are not compressed.
func (c imageConfig) size(t *testing.T) (bytes int) {
	t.Helper()
	var manifest struct{ Layers []struct{ Size int } }
	if err := json.Unmarshal([]byte(c.Manifest), &manifest); err != nil || len(manifest.Layers) == 0 {
		t.Fatalf("got %s, %v; want layers", c.Manifest, err)
	}
	for _, layer := range manifest.Layers {
		bytes += layer.Size
	}
	return bytes
}

// No base image can be had here, so the final stage takes the program from the
// build above instead of the first stage. All else is as users build it.
func TestTheImageServesAsAUserWithoutAShell(t *testing.T) {
	t.Parallel()
	b := newBuilder(t)
	if _, err := built(); err != nil {
		t.Fatal(err)
	}
	b.must("bud", "--isolation", "chroot", "--format", "docker", "--build-context", "build="+builtPath(), "--tag", "wxproxy", ".")

	var image imageConfig
	if err := json.Unmarshal([]byte(b.must("inspect", "--type", "image", "wxproxy")), &image); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"LICENSE", "NOTICES"} {
		if got := read(t, filepath.Join(builtPath(), "out/usr/share/doc/wxproxy", name)); got != read(t, name) {
			t.Errorf("got another %s in the image: %.80s", name, got)
		}
	}
	config := image.Docker.Config
	if size := image.size(t); size < 1<<20 || size > 19_000_000 { // docs/decisions/0037
		t.Errorf("got %d bytes; want at most 19 MB", size)
	}
	if config.User != "65532:65532" || config.WorkingDir != "/etc/wxproxy" || len(config.ExposedPorts) != 2 || len(config.Cmd) > 0 {
		t.Errorf("got %+v; want another user than root, in /etc/wxproxy, with two ports and no arguments", config)
	}
	if !slices.Equal(config.Healthcheck.Test, []string{"CMD", "/wxproxy", "health"}) {
		t.Errorf("got the health check %q; want wxproxy's own", config.Healthcheck.Test)
	}

	w := startWeChat(t)
	listen, admin := refusing(t), refusing(t)
	c := b.must("from", "wxproxy")
	conf := filepath.Join(b.dir, "config.toml")
	writeFile(t, conf, fmt.Sprintf("[proxy]\nlisten = %q\n[admin]\nlisten = %q\n[upstream]\nurl = %q\n%s", listen, admin, w.URL, fourLines))
	chmod(t, conf, 0o644)
	inside := func(command ...string) []string {
		return b.args(append([]string{"run", "--isolation", "chroot", "--volume", conf + ":/etc/wxproxy/config.toml:ro", c, "--"}, command...)...)
	}
	p := start(t, launch{executable: "buildah", args: inside(config.Entrypoint...)})
	p.awaitServing()
	p.awaitReady()
	if a := p.mustAsk("GET", p.admin+"/healthz", ""); a.code != http.StatusOK {
		t.Errorf("got status %d; want 200", a.code)
	}
	p.mustSucceed()
	large := strings.Repeat("x", 1<<20) // goes through a file in /tmp
	if a := p.call("POST", "/cgi-bin/media/upload?type=image", large, "Content-Type: application/octet-stream"); a.code != http.StatusOK {
		t.Errorf("got status %d for a large body; want WeChat's answer", a.code)
	}
	runs(t, exitOK, launch{executable: "buildah", args: inside(config.Healthcheck.Test[1:]...)})
	if out, err := exec.Command("buildah", inside("/bin/sh", "-c", "true")...).CombinedOutput(); err == nil {
		t.Errorf("got %s from a shell; want none in the image", out)
	}

	process := innermost(t, p.cmd.Process.Pid)
	if executable, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", process)); filepath.Base(executable) != "wxproxy" {
		t.Fatalf("got the process %s, %v; want wxproxy's", executable, err)
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d", process))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner == uint32(os.Getuid()) {
		t.Errorf("got a process of user %d; want the image's own", owner)
	}
	if err := syscall.Kill(process, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.mustEnd(exitOK)
}

// innermost returns the process at the end of a line of only children.
func innermost(t *testing.T, pid int) int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || len(lists) == 0 {
		t.Fatalf("got no lists of children, %v; want those of process %d", err, pid)
	}
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that has ended
		}
		if child := 0; len(children) > 0 {
			if _, err := fmt.Sscan(string(children), &child); err != nil {
				t.Fatal(err)
			}
			return innermost(t, child)
		}
	}
	return pid
}
