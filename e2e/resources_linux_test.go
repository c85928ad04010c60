package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/sockettest"
)

// drainTimeout is the one of the programs below, and endTime is when they must
// have ended after a SIGTERM.
const (
	drainTimeout = 2 * time.Second
	endTime      = drainTimeout + 2*time.Second
)

// drainSoon is the configuration's beginning of the programs below.
const drainSoon = `[proxy]
drain_timeout = "2s"
`

// shortOf starts the built program in a shell that runs script first, which
// takes something away from it, and waits until all its accounts have a token.
func shortOf(t *testing.T, script, upstream, toml string, l launch) *program {
	t.Helper()
	executable, err := built()
	if err != nil {
		t.Fatal(err)
	}
	l.dir = t.TempDir()
	writeFile(t, filepath.Join(l.dir, "config.toml"), toml)
	l.executable = "/bin/sh"
	l.args = append(l.args, "-c", script+"\n"+`exec "$0"`, executable)
	l.env = append(l.env, "WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL="+upstream)
	p := start(t, l)
	p.awaitServing()
	p.awaitReady()
	return p
}

// A goodCaller calls on one kept-alive connection, again and again, until it is
// stopped, and remembers what went wrong.
type goodCaller struct {
	calls  atomic.Int64
	stop   chan struct{}
	ended  sync.WaitGroup
	failed atomic.Pointer[string]
}

// callingWell starts a goodCaller and waits for its first answer.
func (p *program) callingWell(headers ...string) *goodCaller {
	p.t.Helper()
	g := &goodCaller{stop: make(chan struct{})}
	g.ended.Go(func() {
		for {
			a, err := p.ask("GET", p.proxy+userInfo, "", headers...)
			if err != nil || a.code != http.StatusOK || !strings.Contains(a.body, `"openid":"OPENID"`) {
				what := fmt.Sprintf("call %d: got %d %s, %v; want the user", g.calls.Load(), a.code, a.body, err)
				g.failed.CompareAndSwap(nil, &what)
			}
			g.calls.Add(1)
			select {
			case <-g.stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	p.eventually("an answer", func() bool { return g.calls.Load() > 0 })
	return g
}

// goesOn waits until the caller has had more answers.
func (g *goodCaller) goesOn(p *program) {
	p.t.Helper()
	had := g.calls.Load()
	p.eventually("further answers to a caller who does nothing wrong", func() bool { return g.calls.Load() >= had+20 })
}

// mustHaveSucceeded stops the caller and fails the test if one of its calls failed.
func (g *goodCaller) mustHaveSucceeded(p *program) {
	p.t.Helper()
	close(g.stop)
	g.ended.Wait()
	if what := g.failed.Load(); what != nil {
		p.t.Error(*what)
	}
}

// mustEndInTime sends SIGTERM and fails the test unless the process is gone soon.
func (p *program) mustEndInTime() {
	p.t.Helper()
	p.client.CloseIdleConnections()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(endTime):
		p.t.Errorf("got a process that runs %v after SIGTERM; want its end, drain_timeout is %v", endTime, drainTimeout)
	}
}

const oneClient = `
[[client]]
name = "orders"
key  = "orders-key-of-the-resource-tests"
`

const asOrders = "Authorization: Bearer orders-key-of-the-resource-tests"

func TestGoodCallersAreServedWithoutDescriptors(t *testing.T) {
	t.Parallel()
	simulated := startWeChat(t)
	p := shortOf(t, "ulimit -n 256", simulated.URL, drainSoon+oneClient+fourLines, launch{})
	good := p.callingWell(asOrders)
	silent(t, p.proxy, 400)
	silent(t, p.admin, 200)
	good.goesOn(p)

	// A new caller takes the place of a silent one.
	start := time.Now()
	p.eventually("an answer on a new connection", func() bool {
		req, _ := http.NewRequest("GET", p.proxy+userInfo, nil)
		req.Header.Set("Authorization", strings.TrimPrefix(asOrders, "Authorization: "))
		resp, err := onNewConnections().Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("a new connection with a key was served after %v; want 2 s at most", took)
	}
	good.goesOn(p)
	good.mustHaveSucceeded(p)
	if n := p.descriptors(); n > 256 {
		t.Errorf("got %d descriptors; want 256 at most", n)
	}
	if n := strings.Count(p.stderr.String(), "\n"); n > 100 {
		t.Errorf("got %d lines of log; want few, whatever happens how often", n)
	}
	p.mustEndInTime()
}

func (p *program) descriptors() int {
	p.t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(open)
}

func TestUploadsAreTakenWithAFullTemporaryDirectory(t *testing.T) {
	t.Parallel()
	simulated := startWeChat(t)
	// A user namespace lets anybody mount; what is mounted ends with the process.
	p := shortOf(t, `if [ -z "$INSIDE" ]; then INSIDE=1 exec unshare -rm /bin/sh -c '
		mkdir tmp && mount -t tmpfs -o size=256k tmpfs tmp && TMPDIR=$PWD/tmp exec "$0"' "$0"; fi`,
		simulated.URL, drainSoon+fourLines, launch{})
	good := p.callingWell()
	body := string(filler(2 * mib))
	var uploading sync.WaitGroup
	var took, refused atomic.Int64
	for range 80 {
		uploading.Go(func() {
			a, err := p.ask("POST", p.proxy+"/cgi-bin/media/upload?type=image", body)
			switch {
			case err == nil && a.code == http.StatusOK:
				took.Add(1)
			case err == nil && a.code == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
				refused.Add(1)
			default:
				t.Errorf("upload: got %d %s, %v; want 200, or 503 with Retry-After", a.code, a.body, err)
			}
		})
	}
	uploading.Wait()
	t.Logf("%d uploads taken, %d refused", took.Load(), refused.Load())
	if took.Load() == 0 {
		t.Error("got no upload taken; want those that memory has room for")
	}
	if lines := p.logged("large request bodies are kept in memory; let TMPDIR name a directory that can be written to"); len(lines) != 1 {
		t.Errorf("got %v; want one line about the directory", lines)
	}
	if peak := p.memory("VmHWM"); peak > 200*mib {
		t.Errorf("got a peak of %d MiB; want it bounded", peak/mib)
	}
	good.goesOn(p)
	good.mustHaveSucceeded(p)
	p.mustEndInTime()
}

func TestBodiesThatNeverEndFillNoMemory(t *testing.T) {
	t.Parallel()
	simulated := startWeChat(t)
	const most = 256 * mib
	missing := filepath.Join(t.TempDir(), "missing")
	p := shortOf(t, "", simulated.URL, drainSoon+fourLines, launch{env: []string{"GOMEMLIMIT=128MiB", "TMPDIR=" + missing}})
	good := p.callingWell()
	var sending sync.WaitGroup
	part := filler(20 * mib)
	var open []net.Conn
	for range 60 {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.proxy, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		sending.Go(func() {
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n", "/cgi-bin/media/upload?type=image", len(part)+1)
			c.SetWriteDeadline(time.Now().Add(2 * time.Second))
			c.Write(part)
		})
	}
	good.goesOn(p)
	sending.Wait()
	good.goesOn(p)
	if peak := p.memory("VmHWM"); peak > most {
		t.Errorf("got a peak of %d MiB; want at most %d", peak/mib, most/mib)
	}
	for _, c := range open {
		c.Close()
	}
	good.mustHaveSucceeded(p)
	p.mustEndInTime()
}

func TestALogThatNobodyReadsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	simulated := startWeChat(t)
	unread, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	defer stderr.Close()
	executable, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), drainSoon+"[log]\naccess = true\n"+fourLines)
	p := start(t, launch{dir: dir, executable: executable, stderr: stderr, env: []string{
		"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + simulated.URL,
	}})
	// The line that says where it serves is read; from then on nothing is.
	lines := bufio.NewReader(unread)
	for p.proxy == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		p.stderr.Write([]byte(line))
		if served := p.logged("serving"); len(served) > 0 {
			p.proxy, p.admin = "http://"+served[0]["listen"].(string), "http://"+served[0]["admin"].(string)
		}
	}
	p.awaitReady()
	good := p.callingWell()
	for range 2000 { // 2,000 lines of the access log are some 600 KiB; a pipe holds 64
		p.mustSucceed()
	}
	p.signal(syscall.SIGHUP)
	good.goesOn(p)
	if peak := p.memory("VmHWM"); peak > 128*mib {
		t.Errorf("got a peak of %d MiB; want lines that nobody reads dropped", peak/mib)
	}
	good.mustHaveSucceeded(p)
	p.mustEndInTime()
}

func TestASecretFileThatHangsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	simulated := startWeChat(t)
	secret := filepath.Join(t.TempDir(), "secret")
	writeFile(t, secret, appSecret)
	toml := drainSoon + "[[account]]\nname = \"shop\"\napp_id = \"" + appID + "\"\nsecret_file = " + strconv.Quote(secret) + "\n"
	p := shortOf(t, "", simulated.URL, toml, launch{})
	good := p.callingWell()
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(secret, 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	simulated.Revoke(appID) // what refreshes has to read the file
	p.eventually("a line about a reload that was refused", func() bool {
		return len(p.logged("configuration not reloaded; the one before goes on")) > 0
	})
	p.mustEndInTime()
	close(good.stop)
	good.ended.Wait()
}

func TestARedisThatHangsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	simulated := startWeChat(t)
	silent := sockettest.Serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	toml := drainSoon + fourLines + "[token]\nstore = \"redis://" + silent + "/0\"\n"
	p := shortOf(t, "", simulated.URL, toml, launch{})
	good := p.callingWell()
	good.goesOn(p)
	good.mustHaveSucceeded(p)
	p.mustEndInTime()
}
