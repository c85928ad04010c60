// Package e2e tests wxproxy as a process: its exit codes, signals, files, sockets
// and output are real.
package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/cli"
	"wxproxy/internal/wechattest"
)

// asProgram is the variable of the environment that makes the test binary be
// wxproxy itself, so that exit codes, signals and output are real.
const asProgram = "WXPROXY_TEST_AS_PROGRAM"

// Exit codes of the program.
const (
	exitOK       = 0
	exitFailure  = 1
	exitMistakes = 2 // in the configuration or on the command line
)

// TestMain has the tests run at the top of the repository, whose files they name.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) //nolint:forbidigo // as main.go does
	}
	if err := os.Chdir(".."); err != nil {
		panic(err)
	}
	if err := os.MkdirAll(builtPath(), 0o700); err != nil {
		panic(err)
	}
	defer os.RemoveAll(builtPath())
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		// The tests that run beside others wait more than they work: for Redis that is away,
		// and for pauses between tries.
		if err := parallel.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	m.Run()
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// The account of most tests.
const (
	appID     = "wx0123456789abcdef"
	appSecret = "5ec2e7a11ce0b0b5ec2e7a11ce0b0b00"
)

// A launch says how to start a program.
type launch struct {
	args []string
	env  []string // NAME=value; nothing of the test's own environment is passed on
	dir  string   // the working directory; empty: an empty one

	executable string     // empty: the test binary itself
	files      []*os.File // open in it, from descriptor 3 on
	stderr     *os.File   // nil: the program's stderr
}

// A program is wxproxy as a process.
type program struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr transcript
	ended          chan struct{} // closed when the process has ended
	client         *http.Client

	proxy, admin, push string // base URLs, once it serves; push is empty without that listener
}

// start starts a program. It is killed when the test ends, and the test fails
// if the race detector or the runtime complained.
func start(t testing.TB, l launch) *program {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	executable = cmp.Or(l.executable, executable)
	p := &program{t: t, cmd: exec.Command(executable, l.args...), ended: make(chan struct{})}
	p.cmd.Dir = l.dir
	if l.dir == "" {
		p.cmd.Dir = t.TempDir()
	}
	p.cmd.Env = append([]string{
		asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + p.cmd.Dir,
		"GORACE=atexit_sleep_ms=0", "GOCOVERDIR=" + cmp.Or(os.Getenv("GOCOVERDIR"), t.TempDir()),
	}, l.env...)
	p.cmd.ExtraFiles = l.files
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if l.stderr != nil {
		p.cmd.Stderr = l.stderr
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	p.client = &http.Client{Transport: transport, Timeout: patience}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		p.cmd.Process.Kill()
		<-p.ended
		p.mustBeSane()
	})
	return p
}

// mustBeSane fails the test if the process complained about itself.
func (p *program) mustBeSane() {
	p.t.Helper()
	for _, complaint := range []string{"WARNING: DATA RACE", "\npanic: ", "fatal error: "} {
		if strings.Contains(p.stderr.String(), complaint) {
			p.t.Errorf("the program reports: %s", strings.TrimSpace(complaint))
		}
	}
	if p.t.Failed() {
		p.t.Logf("%v\nstdout:\n%s\nstderr:\n%s", p.cmd.Args[1:], p.stdout.tail(), p.stderr.tail())
	}
}

// wait waits for the end of the process and returns its exit code.
func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // has it say what it does
		time.Sleep(time.Second)
		p.t.Fatalf("got a process that runs on; want its end within %v", patience)
		return 0
	}
}

// mustEnd waits for the end of the process with the exit code want.
func (p *program) mustEnd(want int) {
	p.t.Helper()
	if got := p.wait(); got != want {
		p.t.Errorf("got exit code %d; want %d", got, want)
	}
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// stop ends the process as an operator does.
func (p *program) stop() {
	p.t.Helper()
	p.client.CloseIdleConnections()
	p.signal(syscall.SIGTERM)
	p.mustEnd(exitOK)
}

// runs starts a program, waits until it ends, and checks its exit code.
func runs(t testing.TB, want int, l launch) *program {
	t.Helper()
	p := start(t, l)
	p.mustEnd(want)
	return p
}

// serving starts a proxy whose config.toml is in its working directory, on free
// ports before upstream, and waits until it serves.
func serving(t testing.TB, upstream, toml string, env ...string) *program {
	t.Helper()
	dir := t.TempDir()
	if toml != "" {
		writeFile(t, filepath.Join(dir, "config.toml"), toml)
	}
	p := start(t, launch{dir: dir, env: append([]string{
		"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + upstream,
	}, env...)})
	p.awaitServing()
	return p
}

// awaitServing waits until the log says where the proxy is.
func (p *program) awaitServing() {
	p.t.Helper()
	p.eventually("a line of the log that says where it serves", func() bool {
		lines := p.logged("serving")
		if len(lines) == 0 {
			select {
			case <-p.ended:
				p.t.Fatalf("got an end with exit code %d; want a proxy that serves", p.cmd.ProcessState.ExitCode())
			default:
			}
			return false
		}
		p.proxy, p.admin = "http://"+lines[0]["listen"].(string), "http://"+lines[0]["admin"].(string)
		if push, isThere := lines[0]["push"].(string); isThere {
			p.push = "http://" + push
		}
		return true
	})
}

// awaitReady waits until every account has a token.
func (p *program) awaitReady() {
	p.t.Helper()
	p.eventually("/readyz?all=1 with status 200", func() bool {
		a, err := p.ask("GET", p.admin+"/readyz?all=1", "")
		return err == nil && a.code == http.StatusOK
	})
}

// eventually polls until done says so.
func (p *program) eventually(what string, done func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			p.t.Fatalf("got nothing within %v; want %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// logged returns the lines of the JSON log with this message.
func (p *program) logged(message string) []map[string]any {
	var found []map[string]any
	for line := range strings.Lines(p.stderr.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["msg"] == message {
			found = append(found, fields)
		}
	}
	return found
}

// An answer is an HTTP response that was read.
type answer struct {
	code   int
	header http.Header
	body   string
	last   bool // on its connection
}

// ask sends a request with headers, "Name: value" each, and reads the answer.
func (p *program) ask(method, url, body string, headers ...string) (answer, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if req.Header.Set(name, value); name == "Host" {
			req.Host = value // the field of the header is not sent
		}
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(read), resp.Close}, err
}

// call sends a request to the proxy and reads the answer.
func (p *program) call(method, path, body string, headers ...string) answer {
	p.t.Helper()
	return p.mustAsk(method, p.proxy+path, body, headers...)
}

// mustAsk sends a request and reads the answer.
func (p *program) mustAsk(method, url, body string, headers ...string) answer {
	p.t.Helper()
	a, err := p.ask(method, url, body, headers...)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, url, err)
	}
	return a
}

// send and userInfo are the calls that most tests make.
const (
	send     = "/cgi-bin/message/custom/send"
	userInfo = "/cgi-bin/user/info?openid=OPENID"
	login    = "/sns/jscode2session"
)

// mustSucceed calls WeChat through the proxy and fails the test unless WeChat
// did what it was asked.
func (p *program) mustSucceed(headers ...string) answer {
	p.t.Helper()
	a := p.call("GET", userInfo, "", headers...)
	if a.code != http.StatusOK || !strings.Contains(a.body, `"openid":"OPENID"`) {
		p.t.Fatalf("got %d %s; want the user", a.code, a.body)
	}
	return a
}

// mustBe fails the test unless a is the proxy's own error with this slug.
func (a answer) mustBe(t testing.TB, code int, slug string) {
	t.Helper()
	if a.code != code || a.header.Get("Wxproxy-Error") != slug || !strings.Contains(a.body, "wxproxy: "+slug+": ") {
		t.Errorf("got %d %q %s; want %d %q", a.code, a.header.Get("Wxproxy-Error"), a.body, code, slug)
	}
}

// A transcript is what a process has written so far.
type transcript struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// tail returns the end, which is enough to see what went wrong.
func (s *transcript) tail() string {
	text := s.String()
	return text[max(0, len(text)-8<<10):]
}

// A weChat is a simulated WeChat on a socket.
type weChat struct {
	*wechattest.WeChat
	*wechattest.Server
}

// startWeChat starts a WeChat that knows apps, or without any the account of
// most tests.
func startWeChat(t testing.TB, apps ...wechattest.App) weChat {
	t.Helper()
	if len(apps) == 0 {
		apps = []wechattest.App{{ID: appID, Secret: appSecret}}
	}
	return serveWeChat(t, wechattest.New(apps...))
}

func serveWeChat(t testing.TB, simulated *wechattest.WeChat, configure ...func(*http.Server)) weChat {
	t.Helper()
	server, err := simulated.Start(configure...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return weChat{simulated, server}
}

// fourLines is the smallest configuration: that of the README.
const fourLines = `[[account]]
name   = "shop"
app_id = "` + appID + `"
secret = "` + appSecret + `"
`

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func chmod(t testing.TB, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// refusing returns an address that refuses connections.
func refusing(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// onSocket makes the program's client connect to a unix socket, whatever the
// URL says.
func (p *program) onSocket(path string) {
	p.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}
