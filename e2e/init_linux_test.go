package e2e

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"wxproxy/internal/sockettest"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/wecomtest"
)

// initAt starts wxproxy init at a terminal, before a simulated WeChat.
func initAt(t *testing.T, dir, upstream string, env ...string) typist {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "init", "-upstream", upstream)
	c.Dir = dir
	c.Env = append([]string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GOCOVERDIR=" + cmp.Or(os.Getenv("GOCOVERDIR"), t.TempDir())}, env...)
	return atTerminal(t, c)
}

// answer waits for a question, which is the last that was printed, and types an answer.
func (y typist) answer(question, keys string) {
	y.t.Helper()
	y.eventually(question, func() bool { return strings.HasSuffix(y.stdout.String(), question) })
	fmt.Fprint(y.keys, keys)
}

// shows reports whether the terminal shows what is typed.
func (y typist) shows() bool {
	y.t.Helper()
	state, err := unix.IoctlGetTermios(int(y.keys.Fd()), unix.TCGETS)
	if err != nil {
		y.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// mustHaveWritten fails the test unless there is a configuration for its owner alone, with
// which wxproxy serves.
func mustHaveWritten(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("got %v, %v; want a file of mode 0600", info, err)
	}
	p := runs(t, exitOK, launch{args: []string{"check", "-live", "-config", file}})
	if got := p.stderr.String(); strings.Contains(got, "every user") {
		t.Errorf("check says %s", got)
	}
	mustBeAlone(t, file)
}

// mustBeAlone fails the test if there is another file than the one that was to be written.
func mustBeAlone(t *testing.T, file string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(file))
	for _, entry := range entries {
		if entry.Name() != filepath.Base(file) {
			t.Errorf("got a file %s, too", entry.Name())
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func TestInitAsksAndWrites(t *testing.T) {
	t.Parallel()
	elsewhere := wechattest.App{ID: appID, Secret: appSecret, AllowIPs: []string{"203.0.113.7"}}
	w := startWeChat(t, elsewhere)
	dir := t.TempDir()
	y := initAt(t, dir, w.URL)
	y.answer("AppID (begins with wx; it is shown after Enter): ", otherSecret+"\n")
	y.answer("  that looks like an AppSecret; are the two swapped?\r\nAppID (begins with wx; it is shown after Enter): ", "0123456789abcdef\n")
	y.answer("  an AppID begins with wx\r\nAppID (begins with wx; it is shown after Enter): ", "  "+appID+" \n")
	y.answer("AppSecret (it is not shown): ", appID+"\n")
	y.answer("that is an AppID; the AppSecret has 32 letters and digits\r\nAppSecret (it is not shown): ", "canary-"+otherSecret+"\n")
	y.eventually("an objection", func() bool { return strings.Contains(y.stdout.String(), "errcode 40125") })
	y.answer("  it is of "+appID+"; Enter alone asks for that again, too\r\nAppSecret (it is not shown): ", "canary-"+appSecret+"\n")
	y.eventually("a second objection", func() bool { return strings.Count(y.stdout.String(), "errcode 40125") == 2 })
	y.answer("  it is of "+appID+"; Enter alone asks for that again, too\r\nAppSecret (it is not shown): ", "\n")
	y.answer("  Enter keeps "+appID+"\r\nAppID (begins with wx; it is shown after Enter): ", "\n")
	y.answer("  AppID: "+appID+"\r\nAppSecret (it is not shown): ", " "+appSecret+"\n")
	y.answer("Enter tries again, when the address is there; w and Enter writes the file all the same, Ctrl-C ends: ", "")
	if got := y.stdout.String(); !strings.Contains(got, "errcode 40164: ") || !strings.Contains(got, "put 127.0.0.1 on the IP allow-list") {
		t.Errorf("got %q; want which address to put on the list", got)
	}
	if _, err := os.Stat(dir + "/config.toml"); err == nil {
		t.Error("got a configuration with which nobody gets a token")
	}
	elsewhere.AllowIPs = nil
	w.AddApp(elsewhere)
	fmt.Fprint(y.keys, "\n")
	y.mustEnd(exitOK)
	y.eventually("the lines to run", func() bool {
		return strings.Contains(y.stdout.String(), "\r\nwxproxy -config config.toml\r\ncurl http://127.0.0.1:8080/cgi-bin/get_api_domain_ip\r\n")
	})
	for _, secret := range []string{appSecret, "canary", wechattest.TokenPrefix} {
		if strings.Contains(y.stdout.String(), secret) {
			t.Errorf("got %q; want no secret in it", y.stdout.String())
		}
	}
	mustHaveWritten(t, dir+"/config.toml")
}

// Whoever goes away leaves the terminal as it was, and no file.
func TestInitIsLeftAtAnyQuestion(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"Ctrl-C": "\x03", "Ctrl-D": "\x04", `Ctrl-\`: "\x1c"} {
		for _, atSecret := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, at the secret: %v", name, atSecret), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				y := initAt(t, dir, "http://127.0.0.1:9", "LC_ALL=zh_CN.UTF-8")
				if atSecret {
					y.answer("AppID（以 wx 开头，按 Enter 后显示）：", appID+"\n")
					y.answer("AppSecret（输入时不显示）：", "")
					y.eventually("a terminal that shows nothing", func() bool { return !y.shows() })
					fmt.Fprint(y.keys, key)
				} else {
					y.answer("AppID（以 wx 开头，按 Enter 后显示）：", key)
				}
				y.mustEnd(exitFailure)
				y.eventually("words", func() bool { return strings.HasSuffix(y.stdout.String(), "；没有写任何文件\r\n") })
				if got := y.stdout.String(); !y.shows() || strings.Contains(got, "goroutine") {
					t.Errorf("got %q, and a terminal that shows: %v", got, y.shows())
				}
				mustBeAlone(t, dir+"/config.toml")
				if _, err := os.Stat(dir + "/config.toml"); err == nil {
					t.Error("got a configuration")
				}
			})
		}
	}
}

// Who pastes both lines at the first question does not see the secret either.
func TestInitTakesTwoLinesAtOnce(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
	dir := t.TempDir()
	y := initAt(t, dir, w.URL)
	y.answer("AppID (begins with wx; it is shown after Enter): ", appID+"\n"+appSecret+"\n")
	y.mustEnd(exitOK)
	if got := y.stdout.String(); strings.Contains(got, appSecret) || !strings.Contains(got, "  AppID: "+appID+"\r\n") || !y.shows() {
		t.Errorf("got %q, and a terminal that shows: %v; want the AppID alone", got, y.shows())
	}
	mustHaveWritten(t, dir+"/config.toml")
}

// Nothing stops init where the shell would get a terminal that shows nothing.
func TestInitIsNotStoppedFromTheTerminal(t *testing.T) {
	t.Parallel()
	y := initAt(t, t.TempDir(), "http://127.0.0.1:9")
	y.answer("AppID (begins with wx; it is shown after Enter): ", "")
	status := read(t, fmt.Sprintf("/proc/%d/status", y.cmd.Process.Pid))
	_, ignored, _ := strings.Cut(status, "SigIgn:\t")
	mask, err := strconv.ParseUint(ignored[:16], 16, 64)
	if err != nil || mask>>(syscall.SIGTSTP-1)&1 == 0 {
		t.Errorf("got %x, %v; want SIGTSTP in it", mask, err)
	}
}

// initFrom runs wxproxy init with lines from a pipe.
func initFrom(t *testing.T, want int, dir, lines string, args ...string) *program {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString(lines); err != nil {
		t.Fatal(err)
	}
	w.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, cmd: exec.Command(self, append([]string{"init"}, args...)...)}
	p.cmd.Dir, p.cmd.Stdin = dir, r
	p.cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GOCOVERDIR=" + cmp.Or(os.Getenv("GOCOVERDIR"), t.TempDir())}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	_ = p.cmd.Run()
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		t.Errorf("got exit code %d; want %d: %s", got, want, p.stderr.String())
	}
	if said := p.stdout.String() + p.stderr.String(); strings.Contains(said, appSecret) || strings.Contains(said, otherSecret) || strings.Contains(said, "canary") {
		t.Errorf("got a secret in %s", said)
	}
	return p
}

func TestInitTakesLines(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
	silent := "http://" + sockettest.Serve(t, func(net.Conn) {}) // ends connections and says nothing
	folder := t.TempDir()
	writeFile(t, folder+"/secret", appSecret+"\n")
	writeFile(t, folder+"/wrong", otherSecret+"\n")
	const both = appID + "\n" + appSecret + "\n"
	for name, test := range map[string]struct {
		lines string
		args  []string
		code  int
		want  string // on standard error, or without a mistake in the file
		alike bool   // it is about what WeChat's AppIDs are like
	}{
		"both":                         {both, nil, exitOK, "app_id = \"" + appID + "\"\nsecret = \"" + appSecret + "\"\n", false},
		"lines of Windows, and spaces": {"\ufeff " + appID + "\r\n\t" + appSecret + " \r\n", nil, exitOK, "secret = \"" + appSecret + "\"\n", false},
		"no end of the last line":      {appID + "\n" + appSecret, nil, exitOK, "secret = \"" + appSecret + "\"\n", false},
		"an AppID as a flag":           {appSecret + "\n", []string{"-app-id", appID}, exitOK, "app_id = \"" + appID + "\"\n", false},
		"a file with the secret":       {"", []string{"-app-id", appID, "-secret-file", folder + "/secret"}, exitOK, "secret_file = \"" + folder + "/secret\"\n", false},
		"another file":                 {both, []string{"-config", "my config.toml"}, exitOK, "secret = ", false},
		"nothing":                      {"", nil, exitFailure, "there is no further line of input; nothing was written", false},
		"an AppID alone":               {appID + "\n", nil, exitFailure, "there is no further line of input; nothing was written", false},
		"empty lines":                  {"\n\n", nil, exitFailure, "the AppID is empty", false},
		"an empty secret":              {appID + "\n\n", nil, exitFailure, "the secret is empty", false},
		"the two swapped":              {appSecret + "\n" + appID + "\n", nil, exitFailure, "that looks like an AppSecret; are the two swapped?", false},
		"the AppID twice":              {appID + "\n" + appID + "\n", nil, exitFailure, "that is an AppID", false},
		"an AppID that is too short":   {"wx0123\n", nil, exitFailure, "here wx is followed by 4 characters", true},
		"an AppID with capitals":       {"wx0123456789ABCDEF\n", nil, exitFailure, "among them \"A\"", true},
		"an AppID with a letter O":     {"wxO123456789abcdef\n", nil, exitFailure, "an AppID is wx and then 16 digits or letters from a to f; here wx is followed by 16 characters, among them \"O\"", true},
		"an original ID":               {"gh_0123456789ab\n", nil, exitFailure, "the AppID begins with wx", false},
		"a secret with a space":        {appID + "\n5ec2 e7a1\n", nil, exitFailure, "white space", false},
		"a line without an end":        {strings.Repeat("x", 10_000), nil, exitFailure, "more than 4096 bytes", false},
		"a wrong secret":               {appID + "\n" + otherSecret + "\n", nil, exitFailure, "errcode 40125: ", false},
		"a wrong secret in a file":     {"", []string{"-app-id", appID, "-secret-file", folder + "/wrong"}, exitFailure, "errcode 40125: ", false},
		"an AppID that is not known":   {"wx0000000000000009\n" + appSecret + "\n", nil, exitFailure, "errcode 40013: ", false},
		"no file with the secret":      {"", []string{"-app-id", appID, "-secret-file", folder + "/none"}, exitFailure, "reading the file of the secret: ", false},
		"an upstream that is no URL":   {both, []string{"-upstream", "api.weixin.qq.com"}, exitFailure, "-upstream: has to begin with https:// or http://; write scheme and host only", false},
		"a secret of quotes":           {appID + "\n" + strings.Repeat(`"`, 32) + "\n", nil, exitFailure, "the secret has nothing but quotes in it", false},
		"no network":                   {both, []string{"-upstream", "http://127.0.0.1:9"}, exitFailure, "connection refused", false},
		"no answer":                    {both, []string{"-upstream", silent}, exitFailure, "\n    check what stands between this machine and WeChat\n", false},
		"no network, and unchecked":    {both, []string{"-upstream", "http://127.0.0.1:9", "-unchecked"}, exitOK, "[upstream]\nurl = \"http://127.0.0.1:9\"\n", false},
		"a proxy":                      {both, []string{"-upstream", "http://wechat.invalid", "-proxy", "http://me:canary@127.0.0.1:9"}, exitFailure, "-unchecked writes the file without asking", false},
		"a proxy, and unchecked":       {both, []string{"-upstream", "http://127.0.0.1:9", "-proxy", "http://me:canary@127.0.0.1:9", "-unchecked"}, exitOK, "proxy = \"http://me:canary@127.0.0.1:9\"\n", false},
		"a proxy that is none":         {both, []string{"-proxy", "ftp://127.0.0.1:9"}, exitFailure, "-proxy: begins with a scheme that leads through no proxy", false},
		"no such folder":               {both, []string{"-config", "none/config.toml"}, exitFailure, "nothing can be written into none: no such file or directory", false},
		"a folder":                     {both, []string{"-config", "."}, exitFailure, ". is a directory", false},
		"a folder that is a file":      {both, []string{"-config", "/dev/null/config.toml"}, exitFailure, "not a directory", false},
		"a folder of the system's":     {both, []string{"-config", "/proc/config.toml"}, exitFailure, "nothing can be written into /proc: ", false},
		"WeCom's and WeChat's flags":   {both, []string{"-wecom", "-app-id", appID}, exitMistakes, "-app-id is for WeChat's accounts", false},
		"a secret as a flag":           {both, []string{"-secret", "x"}, exitMistakes, "flag provided but not defined: -secret", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := append([]string{"-upstream", w.URL}, test.args...)
			if test.alike {
				args = test.args // what is no AppID is not sent to WeChat
			}
			p := initFrom(t, test.code, dir, test.lines, args...)
			files, _ := filepath.Glob(dir + "/*")
			if test.code != exitOK {
				if got := p.stderr.String(); !strings.Contains(got, test.want) || len(files) > 0 {
					t.Errorf("got %s and %q; want %q, and no file", got, files, test.want)
				}
				return
			}
			if len(files) != 1 || !strings.Contains(read(t, files[0]), test.want) {
				t.Fatalf("got %q; want one with %q", files, test.want)
			}
			if !strings.Contains(test.lines+strings.Join(test.args, ""), "unchecked") {
				mustHaveWritten(t, files[0])
			}
		})
	}
}

// A file that is there is somebody's configuration.
func TestInitOverwritesNothingUnlessItIsTold(t *testing.T) {
	t.Parallel()
	const both = appID + "\n" + appSecret + "\n"
	dir := t.TempDir()
	writeFile(t, dir+"/config.toml", "# mine\n")
	chmod(t, dir+"/config.toml", 0o644)
	p := initFrom(t, exitFailure, dir, both, "-unchecked")
	if got := p.stderr.String(); got != "wxproxy: config.toml is there already; -force overwrites it, and -config names another file; nothing was written\n" || read(t, dir+"/config.toml") != "# mine\n" {
		t.Errorf("got %q; want that it is there already", got)
	}
	initFrom(t, exitOK, dir, both, "-unchecked", "-force")
	if info, err := os.Stat(dir + "/config.toml"); err != nil || info.Mode() != 0o600 || !strings.Contains(read(t, dir+"/config.toml"), appID) {
		t.Errorf("got %v, %v; want another file, of mode 0600", info, err)
	}
	mustBeAlone(t, dir+"/config.toml")
	chmod(t, dir+"/config.toml", 0o640) // as a package installs it, for the group of the service
	initFrom(t, exitOK, dir, both, "-unchecked", "-force")
	if info, err := os.Stat(dir + "/config.toml"); err != nil || info.Mode() != 0o640 {
		t.Errorf("got %v, %v; want that its group can read it, as before", info, err)
	}

	// One that comes while somebody answers is not overwritten either.
	dir = t.TempDir()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
	y := initAt(t, dir, w.URL)
	y.answer("AppID (begins with wx; it is shown after Enter): ", appID+"\n")
	writeFile(t, dir+"/config.toml", "# mine\n")
	y.answer("AppSecret (it is not shown): ", appSecret+"\n")
	y.mustEnd(exitFailure)
	if got := read(t, dir+"/config.toml"); got != "# mine\n" {
		t.Errorf("got %q; want what came meanwhile", got)
	}
	mustBeAlone(t, dir+"/config.toml")
}

// What is no file of its own is not replaced by one.
func TestInitReplacesRegularFilesOnly(t *testing.T) {
	t.Parallel()
	const both = appID + "\n" + appSecret + "\n"
	dir := t.TempDir()
	writeFile(t, dir+"/target.toml", "# mine\n")
	for link, target := range map[string]string{"link": "target.toml", "dangling": "nowhere.toml", "device": "/dev/null"} {
		if err := os.Symlink(target, dir+"/"+link); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"link":     "link is a symbolic link to target.toml, and not overwritten; name the file itself with -config; nothing was written",
		"dangling": "dangling is a symbolic link, and not overwritten",
		"device":   "device is a symbolic link to /dev/null, and",
		"fifo":     "fifo is not a regular file, and not overwritten; name another one with -config; nothing was written",
	} {
		before, err := os.Lstat(dir + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		p := initFrom(t, exitFailure, dir, both, "-unchecked", "-force", "-config", file)
		after, err := os.Lstat(dir + "/" + file)
		if got := p.stderr.String(); !strings.Contains(got, want) || err != nil || !os.SameFile(before, after) {
			t.Errorf("got %q, and %v; want %q, and what was there", got, after, want)
		}
	}
	if got := read(t, dir+"/target.toml"); got != "# mine\n" {
		t.Errorf("got %q; want what was there", got)
	}
}

func TestInitEndsBySignal(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT} { // the latter by Ctrl-\
		dir := t.TempDir()
		y := initAt(t, dir, "http://127.0.0.1:9")
		y.answer("AppID (begins with wx; it is shown after Enter): ", appID+"\n")
		y.answer("AppSecret (it is not shown): ", "")
		y.eventually("a terminal that shows nothing", func() bool { return !y.shows() })
		y.signal(signal)
		y.mustEnd(exitFailure)
		if !y.shows() {
			t.Error("got a terminal that shows nothing")
		}
	}
}

// A pipe that nobody writes into keeps nobody who wants to end.
func TestInitEndsBySignalBeforeTheSecretHasCome(t *testing.T) {
	t.Parallel()
	pipe := t.TempDir() + "/pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, launch{args: []string{"init", "-config", pipe + ".toml", "-app-id", appID, "-secret-file", pipe}})
	p.eventually("somebody who reads", func() bool {
		writer, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			t.Cleanup(func() { writer.Close() })
		}
		return err == nil
	})
	p.signal(os.Interrupt)
	p.mustEnd(exitFailure)
	if said := p.stderr.String(); !strings.Contains(said, "interrupted; nothing was written") {
		t.Errorf("got %s; want that it was interrupted", said)
	}
}

func TestInitOfWeCom(t *testing.T) {
	t.Parallel()
	w := wecomtest.New(wecomtest.Rules{})
	w.Add(wecomCRM)
	url := serveWeCom(t, w)
	dir := t.TempDir()
	initFrom(t, exitOK, dir, wecomCRM.Secret+"\n", "-corp-id", wecomCorp, "-agent-id", wecomCRM.AgentID, "-upstream", url)
	mustHaveWritten(t, dir+"/config.toml")
	if got := read(t, dir+"/config.toml"); !strings.Contains(got, "kind = \"wecom\"\ncorp_id = \""+wecomCorp+"\"\nagent_id = "+wecomCRM.AgentID+"\n") {
		t.Errorf("got %s; want an application of WeCom's", got)
	}
	p := initFrom(t, exitFailure, t.TempDir(), wecomCorp+"\n"+wecomCRM.Secret+"x\n", "-wecom", "-upstream", url)
	if got := p.stderr.String(); !strings.Contains(got, "errcode 40001: ") || strings.Contains(got, wecomCRM.Secret) {
		t.Errorf("got %q; want what WeCom objects to", got)
	}
}
