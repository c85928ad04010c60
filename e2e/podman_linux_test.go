package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// containers is a Podman with images, containers and a network of its own.
type containers struct {
	t        *testing.T
	dir      string
	network  string
	gateway  string // this machine's address in the network
	callers  *http.Client
	replicas []string // base URLs
}

// newContainers returns a Podman that needs no daemon, no systemd and no overlays. Whatever
// it has made is removed when the test ends.
func newContainers(t *testing.T) *containers {
	t.Helper()
	dir, err := os.MkdirTemp("", "pod") // t.TempDir is longer than the 50 bytes that Podman allows
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &containers{t: t, dir: dir, network: fmt.Sprintf("wxproxy-test-%d", os.Getpid()), callers: &http.Client{Timeout: patience}}
	writeFile(t, c.dir+"/containers.conf", `[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`)
	t.Cleanup(func() {
		c.callers.CloseIdleConnections()
		if t.Failed() {
			names, _ := c.try("ps", "-a", "--format", "{{.Names}}")
			for name := range strings.FieldsSeq(names) {
				out, _ := c.try("logs", name)
				t.Logf("%s: %s", name, out)
			}
		}
		for _, args := range [][]string{{"rm", "--all", "--force", "--time", "0"}, {"network", "rm", "--force", c.network}, {"rmi", "--all", "--force"}} {
			if out, err := c.try(args...); err != nil { // which keeps nothing else from being removed
				t.Errorf("podman %s: %v: %s", args, err, out)
			}
		}
	})
	c.must("network", "create", c.network)
	c.gateway = c.must("network", "inspect", c.network, "--format", "{{(index .Subnets 0).Gateway}}")
	return c
}

func (c *containers) command(ctx context.Context, args ...string) *exec.Cmd {
	p := exec.CommandContext(ctx, "podman", append([]string{"--storage-driver", "vfs", "--root", c.dir + "/root", "--runroot", c.dir + "/run", "--network-config-dir", c.dir}, args...)...)
	p.Env = append(os.Environ(), "CONTAINERS_CONF="+c.dir+"/containers.conf")
	return p
}

// try runs podman and returns all that it prints.
func (c *containers) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience) // a clean-up comes after the test's own context
	defer cancel()
	out, err := c.command(ctx, args...).CombinedOutput()
	return string(out), err
}

// must runs podman and returns what it prints.
func (c *containers) must(args ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*patience)
	defer cancel()
	p := c.command(ctx, args...)
	var stderr strings.Builder
	p.Stderr = &stderr
	out, err := p.Output()
	if err != nil {
		c.t.Fatalf("podman %s: %v: %s", args, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// buildRedis makes an image of this machine's Redis: no registry can be reached.
func (c *containers) buildRedis() {
	c.t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		c.t.Fatal("redis-server is missing: make deps")
	}
	libraries, err := exec.Command("ldd", program).Output()
	if err != nil {
		c.t.Fatal(err)
	}
	files := []string{program}
	for word := range strings.FieldsSeq(string(libraries)) {
		if strings.HasPrefix(word, "/") {
			files = append(files, word)
		}
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			c.t.Fatal(err)
		}
		to := filepath.Join(c.dir, "redis", file)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	writeFile(c.t, c.dir+"/redis.Dockerfile", "FROM scratch\nCOPY . /\nUSER 65532:65532\nENTRYPOINT [\""+program+"\"]\n")
	c.must("build", "--quiet", "--isolation", "chroot", "--file", c.dir+"/redis.Dockerfile", "--tag", "redis", c.dir+"/redis")
}

// hardened is what compose.yaml asks for. Podman forgets its default limits when one is given,
// and then asks for more files than a machine without all privileges may have.
var hardened = []string{"--detach", "--read-only", "--user", "65532:65532", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
	"--ulimit", "core=0:0", "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"}

// run starts a container that is hardened, and returns its address.
func (c *containers) run(name string, args ...string) string {
	c.t.Helper()
	c.must(append(append([]string{"run", "--name", name, "--network", c.network}, hardened...), args...)...)
	return c.must("inspect", name, "--format", "{{(index .NetworkSettings.Networks \""+c.network+"\").IPAddress}}")
}

// call calls WeChat through a replica.
func (c *containers) call(replica int, method, path, body string) (int, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.replicas[replica]+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer caller-key-of-the-container-test")
	resp, err := c.callers.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	answer := &strings.Builder{}
	if _, err := fmt.Fprint(answer, resp.Header); err != nil {
		c.t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	n, _ := resp.Body.Read(buffer)
	return resp.StatusCode, answer.String() + string(buffer[:n])
}

// awaitHealthy waits for the health check of the image.
func (c *containers) awaitHealthy(name string) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		out, err := c.command(c.t.Context(), "healthcheck", "run", name).CombinedOutput()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: got %v: %s; want a container that is healthy", name, err, out)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Two replicas in containers, as compose.yaml has them, share a token by a Redis in their
// network, and serve while /tmp is full; SIGTERM ends them without a caller's loss.
func TestReplicasInContainersServe(t *testing.T) {
	t.Parallel()
	if _, err := built(); err != nil {
		t.Fatal(err)
	}
	c := newContainers(t)
	c.must("build", "--quiet", "--isolation", "chroot", "--format", "docker", "--build-context", "build="+builtPath(), "--tag", "wxproxy", ".")
	c.buildRedis()
	c.run("redis", "--tmpfs", "/data:mode=1777", "--memory", "128m", "redis", "--dir", "/data", "--protected-mode", "no")

	simulated := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	wechat, err := simulated.StartAt(c.gateway + ":0") // the network is there since Redis runs
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wechat.Close)
	writeFile(t, c.dir+"/config.toml", fmt.Sprintf("[proxy]\nlisten = \"0.0.0.0:8080\"\n[upstream]\nurl = %q\n%s[[client]]\nname = \"caller\"\nkey = \"caller-key-of-the-container-test\"\n", wechat.URL, fourLines))
	chmod(t, c.dir+"/config.toml", 0o644)
	names := []string{"wxproxy-1", "wxproxy-2"}
	for _, name := range names {
		ip := c.run(name, "--memory", "512m", "--pids-limit", "512", "--tmpfs", "/tmp:size=1m,mode=1777", "--env", "WXPROXY_STORE=redis://redis:6379/0",
			"--volume", c.dir+"/config.toml:/etc/wxproxy/config.toml:ro", "wxproxy")
		c.replicas = append(c.replicas, "http://"+ip+":8080")
	}
	for i, name := range names {
		c.awaitHealthy(name)
		for range 2 { // the second time after the token has ended
			if code, answer := c.call(i, "GET", userInfo, ""); code != http.StatusOK || !strings.Contains(answer, `"openid":"OPENID"`) {
				t.Errorf("%s: got %d %s; want WeChat's answer", name, code, answer)
			}
			simulated.Revoke(appID)
		}
	}
	if f := simulated.Fetches(appID); f.Stable > 5 || f.Refused > 0 {
		t.Errorf("got %+v; want one token for both at a time", f)
	}

	for i, name := range names { // /tmp has room for none of these, and memory for some
		for range 3 {
			code, answer := c.call(i, "POST", "/cgi-bin/media/upload?type=image", strings.Repeat("x", 3<<20))
			if code != http.StatusOK && code != http.StatusServiceUnavailable {
				t.Errorf("%s: got %d %s for a body with a full /tmp; want an answer or 503", name, code, answer)
			}
			if code, answer := c.call(i, "GET", userInfo, ""); code != http.StatusOK {
				t.Errorf("%s: got %d %s behind that; want WeChat's answer", name, code, answer)
			}
		}
	}

	// A request is under way when SIGTERM comes.
	defer simulated.Inject(wechattest.Fault{Path: "/cgi-bin/user/info", Delay: 2 * time.Second})()
	before, answered := simulated.Calls("/cgi-bin/user/info"), make(chan string, 1)
	go func() {
		code, answer := c.call(0, "GET", userInfo, "")
		answered <- fmt.Sprint(code, answer)
	}()
	for deadline := time.Now().Add(patience); simulated.Calls("/cgi-bin/user/info") == before && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	c.must("stop", "--time", "25", names[0])
	if got := <-answered; !strings.HasPrefix(got, "200") {
		t.Errorf("got %s for a request under way at SIGTERM; want WeChat's answer", got)
	}
	c.must("stop", "--time", "25", names[1])
	for _, name := range names {
		var state struct{ ExitCode, Pid int }
		if err := json.Unmarshal([]byte(c.must("inspect", name, "--format", "{{json .State}}")), &state); err != nil || state.ExitCode != 0 {
			t.Errorf("%s: got %+v, %v; want an end with code 0", name, state, err)
		}
		if out, _ := c.command(t.Context(), "logs", name).CombinedOutput(); strings.Contains(string(out), appSecret) || strings.Contains(string(out), wechattest.TokenPrefix) || strings.Contains(string(out), "panic") {
			t.Errorf("%s: got %s; want no secret and no panic", name, out)
		}
	}
}
