package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest"
)

// onSockets starts a proxy that listens on sockets in its working directory, as
// one whose log nobody reads cannot say where it is.
func onSockets(t *testing.T, l launch, upstream, toml string) *program {
	t.Helper()
	l.dir = t.TempDir()
	writeFile(t, filepath.Join(l.dir, "config.toml"), toml)
	l.env = append(l.env, "WXPROXY_LISTEN=unix:"+l.dir+"/proxy", "WXPROXY_ADMIN_LISTEN=unix:"+l.dir+"/admin", "WXPROXY_UPSTREAM_URL="+upstream)
	p := start(t, l)
	p.proxy, p.admin = "http://proxy", "http://admin"
	p.client.Transport = &http.Transport{DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		return net.Dial("unix", filepath.Join(l.dir, host))
	}}
	return p
}

// unread returns the end of a pipe for a process to write to. It is full.
func unread(t *testing.T) *os.File {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		write.Close()
		read.Close()
	})
	write.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for err == nil {
		_, err = write.Write(make([]byte, 4096))
	}
	return write
}

func TestAStandardErrorThatNobodyReadsStopsNothing(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := onSockets(t, launch{stderr: unread(t)}, w.URL, "[log]\naccess = true\n"+fourLines)
	p.awaitReady()
	for range 300 {
		p.mustSucceed()
	}
	p.call("GET", "/@nobody"+userInfo, "").mustBe(t, 404, "unknown_account")
	p.rewrite("secert = 1\n")
	if a := p.mustAsk("POST", p.admin+"/reload", ""); a.code != http.StatusUnprocessableEntity {
		t.Errorf("got %d %s; want the mistake", a.code, a.body)
	}
	p.mustReload("[log]\naccess = true\n[upstream]\ntimeout = \"29s\"\n" + fourLines)
	p.mustSucceed()
	if a := p.mustAsk("GET", p.admin+"/metrics", ""); !strings.Contains(a.body, "\nwxproxy_log_lines_dropped_total 0\n") {
		t.Error("got no count of the lines that were dropped; want 0, as they wait")
	}
	p.stop()
}

func TestAStandardErrorThatNobodyReadsKeepsNoProcessThatCannotStart(t *testing.T) {
	t.Parallel()
	runs(t, exitMistakes, launch{stderr: unread(t)})
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), fourLines)
	p := start(t, launch{dir: dir, stderr: unread(t), env: []string{"WXPROXY_LISTEN=unix:/nowhere/socket"}})
	p.mustEnd(exitFailure)
}

func TestAStandardErrorThatIsClosedEndsNothing(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	shell := launch{executable: "/bin/sh"}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shell.args = []string{"-c", `exec "` + executable + `" 2>&-`}
	p := onSockets(t, shell, w.URL, "[log]\naccess = true\n"+fourLines)
	p.awaitReady()
	p.mustSucceed()
	p.stop()
}

// A fifo is a file whose reading hangs, as on a network file system that is away.
func fifo(t *testing.T, path string) {
	t.Helper()
	os.Remove(path)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// awaitReader waits until p reads a fifo, and returns the end to write to.
func (p *program) awaitReader(path string) (write *os.File) {
	p.t.Helper()
	p.eventually("somebody who reads "+path, func() bool {
		var err error
		write, err = os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err == nil
	})
	return write
}

// starting starts a proxy that hangs in reading its configuration, and returns it
// and what to write that to.
func starting(t *testing.T, upstream string) (*program, *os.File) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	fifo(t, path)
	p := start(t, launch{dir: dir, env: []string{"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + upstream}})
	write := p.awaitReader(path)
	t.Cleanup(func() { write.Close() })
	return p, write
}

func TestASignalToEndEndsAStartThatHangs(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		p, _ := starting(t, "http://127.0.0.1:9")
		p.signal(signal)
		p.mustEnd(exitOK)
		if lines := p.logged("ending before the start was complete"); len(lines) != 1 || lines[0]["signal"] != signal.String() {
			t.Errorf("got %v; want a line about %v", lines, signal)
		}
	}
}

func TestASignalToReloadBeforeTheProxyServesIsObeyedThen(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p, write := starting(t, w.URL)
	for range 3 {
		p.signal(syscall.SIGHUP)
	}
	p.signal(syscall.SIGUSR1)
	p.signal(syscall.SIGUSR2)
	p.signal(syscall.SIGPIPE)
	p.rewrite(fourLines + "[[route]]\npath = \"" + send + "\"\ncredential = \"deny\"\n")
	if _, err := write.WriteString(fourLines); err != nil {
		t.Fatal(err)
	}
	write.Close()
	p.awaitServing()
	p.eventually("a reload", func() bool { return len(p.logged("configuration reloaded")) > 0 })
	p.call("POST", send, "{}").mustBe(t, 403, "no_credential")
	p.stop()
}

func TestTheEndOfItsTerminalEndsTheDemo(t *testing.T) {
	t.Parallel()
	hangUps := make(chan os.Signal, 1) // caught here, so that nohup before the tests is not inherited
	signal.Notify(hangUps, syscall.SIGHUP)
	defer signal.Stop(hangUps)
	p := start(t, launch{args: []string{"demo", "-listen", "127.0.0.1:0"}})
	p.eventually("what to paste", func() bool { return strings.Contains(p.stdout.String(), "Ctrl-C") })
	p.signal(syscall.SIGHUP)
	p.mustEnd(exitOK)
}

// endsInTime fails the test unless p, whose drain_timeout is half a second, ends
// soon after SIGTERM.
func (p *program) endsInTime(want int) {
	p.t.Helper()
	began := time.Now()
	p.signal(syscall.SIGTERM)
	p.mustEnd(want)
	if took := time.Since(began); took > 8*time.Second { // the machine may be busy
		p.t.Errorf("got an end after %v; want it soon after drain_timeout", took)
	}
}

const quickly = "[proxy]\ndrain_timeout = \"500ms\"\n[upstream]\ntimeout = \"10m\"\n"

func TestARequestUnderWayOverAReloadDoesNotKeepTheProcess(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Inject(wechattest.Fault{Path: send, Delay: time.Hour})
	p := serving(t, w.URL, quickly+fourLines)
	p.awaitReady()
	for i := range 3 {
		go p.ask("POST", p.proxy+send, `{}`) // which is cut
		p.eventually("the request at WeChat", func() bool { return w.Calls(send) == i+1 })
		p.mustReload(fmt.Sprintf("%sconnect_timeout = \"%ds\"\n%s", quickly, i+4, fourLines))
	}
	p.endsInTime(exitFailure)
}

// withSecretFile returns a proxy whose account has its AppSecret in a file, and the
// path of that.
func withSecretFile(t *testing.T, upstream string) (*program, string) {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	writeFile(t, secret, appSecret)
	p := serving(t, upstream, quickly+fmt.Sprintf("[[account]]\nname = \"shop\"\napp_id = %q\nsecret_file = %q\n", appID, secret))
	p.awaitReady()
	return p, secret
}

func TestAReloadThatHangsDoesNotKeepTheProcess(t *testing.T) {
	t.Parallel()
	p, secret := withSecretFile(t, startWeChat(t).URL)
	fifo(t, secret)
	for range 3 {
		go p.ask("POST", p.admin+"/reload", "")
		p.signal(syscall.SIGHUP)
	}
	defer p.awaitReader(secret).Close()
	p.endsInTime(exitOK)
}

func TestARefreshThatHangsDoesNotKeepTheProcess(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p, secret := withSecretFile(t, w.URL)
	fifo(t, secret)
	w.Revoke(appID)
	go p.ask("GET", p.proxy+userInfo, "")
	defer p.awaitReader(secret).Close()
	p.endsInTime(exitFailure)
}

func TestASecretThatHangsAtTheStartIsAMistake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	fifo(t, secret)
	writeFile(t, filepath.Join(dir, "config.toml"), account("club", otherID)+fmt.Sprintf("[[account]]\nname = \"shop\"\napp_id = %q\nsecret_file = %q\n", appID, secret))
	p := runs(t, exitMistakes, launch{dir: dir})
	if text := p.stderr.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "account[2].secret_file: `shop`: ") || !strings.Contains(text, secret) {
		t.Errorf("got %s; want one line with the file and the account", text)
	}
}

func TestAReloadWhoseSecretHangsIsRefusedAndTheOldOneGoesOn(t *testing.T) {
	t.Parallel()
	p, secret := withSecretFile(t, startWeChat(t).URL)
	fifo(t, secret)
	a := p.mustAsk("POST", p.admin+"/reload", "")
	if a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, "account[1].secret_file: `shop`: ") {
		t.Errorf("got %d %s; want a mistake that names the account", a.code, a.body)
	}
	p.mustSucceed()
	os.Remove(secret)
	writeFile(t, secret, appSecret)
	p.signal(syscall.SIGHUP)
	p.eventually("a reload", func() bool { return len(p.logged("configuration reloaded")) == 1 })
	p.stop()
}

func TestADownloadThatNobodyReadsOverAReloadDoesNotKeepTheProcess(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Inject(wechattest.Fault{Path: "/cgi-bin/media/get", Header: http.Header{"Content-Type": {"image/jpeg"}}, Body: make([]byte, 32<<20)})
	p := serving(t, w.URL, quickly+fourLines)
	p.awaitReady()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.proxy, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /cgi-bin/media/get?media_id=x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	if _, err := conn.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	p.mustReload(quickly + "connect_timeout = \"4s\"\n" + fourLines)
	p.endsInTime(exitFailure)
}

func TestARedisThatHangsDoesNotKeepTheProcess(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	redis := redistest.Start(t)
	p := serving(t, w.URL, quickly+"[token]\nstore = \"redis://"+redis.Addr+"\"\n"+fourLines)
	p.awaitReady()
	redis.Pause()
	defer redis.Resume()
	w.Revoke(appID)
	go p.ask("GET", p.proxy+userInfo, "")
	p.eventually("the request at WeChat", func() bool { return w.Calls("/cgi-bin/user/info") > 0 })
	p.signal(syscall.SIGTERM)
	began := time.Now()
	p.wait()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("got an end after %v; want it soon after drain_timeout", took)
	}
}

func TestAReloadIsRefusedAtOnceWhenTheProcessIsAboutToEnd(t *testing.T) {
	t.Parallel()
	p := drainingWithARequestThatHangs(t, "5s")
	began := time.Now()
	a := p.mustAsk("POST", p.admin+"/reload", "")
	if a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, "about to end") || time.Since(began) > 4*time.Second {
		t.Errorf("got %d %s after %v; want a refusal at once", a.code, a.body, time.Since(began))
	}
	p.mustEnd(exitFailure)
}

func TestADemoWhoseOutputNobodyReadsEnds(t *testing.T) {
	t.Parallel()
	full := unread(t)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, launch{executable: "/bin/sh", files: []*os.File{full}, args: []string{"-c", `exec "` + executable + `" demo -listen 127.0.0.1:0 >&3`}})
	p.eventually("a token", func() bool { return len(p.logged("token refreshed")) > 0 })
	p.signal(syscall.SIGTERM)
	p.mustEnd(exitOK)
}

func TestLinesThatAreDroppedAreCountedAndTold(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	p := onSockets(t, launch{stderr: write}, w.URL, "[log]\naccess = true\n"+fourLines)
	write.Close()
	p.awaitReady()
	path := strings.Repeat("/a", 4000) // for long lines
	for range 200 {
		p.call("GET", path, "")
	}
	dropped := func() (n float64) {
		_, value, _ := strings.Cut(p.mustAsk("GET", p.admin+"/metrics", "").body, "\nwxproxy_log_lines_dropped_total ")
		fmt.Sscan(value, &n)
		return n
	}
	if dropped() == 0 {
		t.Fatal("got no line dropped; want those beyond the bound")
	}
	var log transcript
	go io.Copy(&log, read)
	p.eventually("a line about those that were dropped", func() bool {
		return strings.Contains(log.String(), fmt.Sprintf(`lines of the log were dropped","lines":%.0f}`, dropped()))
	})
	p.mustSucceed()
	p.eventually("the next line", func() bool { return strings.Contains(log.String(), `"path":"/cgi-bin/user/info"`) })
	p.stop()
}
