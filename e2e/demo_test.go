package e2e

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demos are what each demo has: how it is started, a call, and what its answer has.
var demos = map[string]struct {
	args         []string
	call, answer string
}{
	"WeChat": {nil, userInfo, `"openid":"OPENID"`},
	"WeCom":  {[]string{"-wecom"}, "/@crm/cgi-bin/user/get?userid=zhangsan", `"userid":"zhangsan"`},
}

func TestEveryLineThatTheDemoPrintsWorks(t *testing.T) {
	t.Parallel()
	for name, demo := range demos {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startDemo(t, demo.args...)
			lines := p.curlLines()
			if len(lines) < 4 {
				t.Fatalf("got %d lines of curl in %s; want at least 4", len(lines), p.stdout.String())
			}
			for _, line := range lines {
				mustPaste(t, line)
			}
			if got := mustPaste(t, "curl -s -i "+p.proxy+demo.call); !strings.Contains(got, "Wxproxy-Attempts: 1") {
				t.Errorf("once all is well again: got %s; want one attempt", got)
			}
			p.signal(os.Interrupt)
			p.mustEnd(exitOK)
		})
	}
}

func TestTheDemoShowsASecondAttemptAfterATokenEnded(t *testing.T) {
	t.Parallel()
	for name, demo := range demos {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startDemo(t, demo.args...)
			for _, line := range p.curlLines() {
				answer := mustPaste(t, line)
				if strings.Contains(line, "curl -i") {
					if !strings.Contains(answer, "Wxproxy-Attempts: 2") || !strings.Contains(answer, demo.answer) {
						t.Errorf("got %s; want success at the second attempt", answer)
					}
					return
				}
			}
			t.Errorf("got no line with curl -i in %s", p.stdout.String())
		})
	}
}

// The demo's line shows each step of a push, up to what the user gets.
func TestTheDemoHasThePushesOfEachKind(t *testing.T) {
	t.Parallel()
	for name, demo := range demos {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startDemo(t, demo.args...)
			for _, line := range p.curlLines() {
				if !strings.Contains(line, demoSay) {
					continue
				}
				answer := mustPaste(t, line)
				for _, want := range []string{name + " pushes: ", "<Encrypt>", "<Content><![CDATA[hello]]></Content>", "<MsgSignature>", "the user gets: ", "<Content><![CDATA[you said: hello]]></Content>"} {
					if !strings.Contains(answer, want) {
						t.Errorf("got %s; want %s in it", answer, want)
					}
				}
				other := mustPaste(t, "curl -s -d '你好 <&> ]]>' "+p.demoWeChat()+demoSay)
				if !strings.Contains(other, "you said: 你好 <&> ]]]]><![CDATA[>]]>") {
					t.Errorf("got %s; want the words again", other)
				}
				if a := p.mustAsk("POST", p.demoWeChat()+demoSay, ""); a.code != http.StatusBadRequest {
					t.Errorf("got %d for nothing; want 400", a.code)
				}
				p.stop()
				return
			}
			t.Errorf("got no line with %s in %s", demoSay, p.stdout.String())
		})
	}
}

func TestCallsSucceedUnderTheDemosChaos(t *testing.T) {
	t.Parallel()
	for name, demo := range demos {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startDemo(t, append([]string{"-chaos"}, demo.args...)...)
			calls := strings.Join(p.curlLines()[:2], "\n") // before a token is ended by hand
			for len(p.logged("chaos: the simulated API ended a token")) == 0 {
				mustPaste(t, calls)
			}
			mustPaste(t, calls)
			if got := p.mustAsk("GET", p.admin+"/status", "").body; !regexp.MustCompile(`"rejections": [1-9]`).MatchString(got) {
				t.Errorf("got %s; want rejections", got)
			}
			p.signal(syscall.SIGTERM)
			p.mustEnd(exitOK)
		})
	}
}

// Not parallel: the other tests' demos take the port of the admin listener, too.
func TestTheDemoTakesOtherPortsWhereItsOwnAreBusy(t *testing.T) {
	for _, port := range []string{"8080", "8081", "8082"} {
		if ln, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil { // else somebody has it already
			defer ln.Close()
		}
	}
	p := start(t, launch{args: []string{"demo"}})
	p.awaitServing()
	if strings.HasSuffix(p.proxy, ":8080") || strings.HasSuffix(p.admin, ":8081") || strings.HasSuffix(p.demoWeChat(), ":8082") {
		t.Errorf("got %s, %s and %s; want other ports", p.proxy, p.admin, p.demoWeChat())
	}
	for _, url := range []string{p.proxy, p.admin, p.demoWeChat()} {
		if strings.HasSuffix(url, ":0") || !strings.Contains(p.stdout.String(), url) {
			t.Errorf("got %s; want %s in it", p.stdout.String(), url)
		}
	}
	p.mustSucceed()
	p.signal(os.Interrupt)
	p.mustEnd(exitOK)
}

func TestTheDemoNeedsNoFileAndNoEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir+"/config.toml", "this is no configuration")
	p := start(t, launch{args: []string{"demo", "-listen", "127.0.0.1:0"}, dir: dir, env: []string{
		"WXPROXY_CONFIG=/nowhere.toml", "WXPROXY_LOG_LEVEL=loud", "WXPROXY_LISTEN=nowhere",
	}})
	p.awaitServing()
	if a := p.call("GET", userInfo, ""); a.code != http.StatusOK {
		t.Errorf("got %d %s; want 200", a.code, a.body)
	}
	began := time.Now()
	p.signal(os.Interrupt)
	p.mustEnd(exitOK)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("got an end after %v; want it at once", took)
	}
}

// In Chinese the demo prints the same commands.
func TestTheDemoSpeaksChinese(t *testing.T) {
	t.Parallel()
	for name, demo := range demos {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			english := startDemo(t, demo.args...)
			p := start(t, launch{args: append([]string{"demo", "-listen", "127.0.0.1:0"}, demo.args...), env: []string{"LC_ALL=", "LANG=zh_CN.UTF-8"}})
			p.awaitServing()
			p.awaitReady()
			p.eventually("what the demo says of itself", func() bool { return strings.Contains(p.stdout.String(), "按 Ctrl-C 结束演示") })
			anyURL := regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)
			lines := linesOfCurl(p.stdout.String())
			for i, want := range english.curlLines() {
				if i >= len(lines) || anyURL.ReplaceAllString(lines[i], "") != anyURL.ReplaceAllString(want, "") {
					t.Fatalf("got %q; want %s as in English", lines, want)
				}
			}
			for _, line := range lines {
				mustPaste(t, line)
			}
			p.stop()
			english.stop()
		})
	}
}

// What goes wrong is answered, and said, as with the real ones.
func TestTheDemoFailsAsItIsAsked(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args   []string
		path   string
		answer string // of a call
		status string // what /status says then
	}{
		"WeChat, ip":     {[]string{"-fail", "ip"}, userInfo, "token_unavailable", "40164"},
		"WeChat, secret": {[]string{"-fail", "secret"}, userInfo, "token_unavailable", "40125"},
		"WeCom, ip":      {[]string{"-fail", "ip", "-wecom"}, demos["WeCom"].call, "60020", "60020"},
		"WeCom, secret":  {[]string{"-fail", "secret", "-wecom"}, demos["WeCom"].call, "token_unavailable", "40001"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, launch{args: append([]string{"demo", "-listen", "127.0.0.1:0"}, row.args...)})
			p.awaitServing()
			p.demoPrinted()
			if a := p.call("GET", row.path, ""); !strings.Contains(a.body, row.answer) {
				t.Errorf("got %d %s; want %s", a.code, a.body, row.answer)
			}
			if got := p.mustAsk("GET", p.admin+"/status", "").body; !strings.Contains(got, row.status) || !strings.Contains(got, "remedy") {
				t.Errorf("got %s; want %s and a remedy", got, row.status)
			}
			p.stop()
		})
	}
}

func TestTheDemosStormIsCured(t *testing.T) {
	t.Parallel()
	for name, demo := range demos {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startDemo(t, append([]string{"-fail", "storm"}, demo.args...)...)
			p.eventually("rejections", func() bool {
				return regexp.MustCompile(`"rejections": [1-9]`).MatchString(p.mustAsk("GET", p.admin+"/status", "").body)
			})
			for range 20 {
				if a := p.call("GET", demo.call, ""); a.code != http.StatusOK || !strings.Contains(a.body, demo.answer) {
					t.Errorf("got %d %s; want an answer in the storm", a.code, a.body)
				}
			}
			p.stop()
		})
	}
}

// The simulated side goes away and comes back, and is found again.
func TestTheDemosWeChatGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	p := startDemo(t, "-fail", "down")
	for _, want := range []int{http.StatusBadGateway, http.StatusOK} {
		p.eventually("an answer that is another one", func() bool { return p.call("GET", userInfo, "").code == want })
	}
	p.stop()
}

func TestTheDemoHasAsManyAccountsAsItIsAsked(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args []string
		path string
	}{
		"WeChat": {[]string{"-accounts", "40"}, "/@demo40" + userInfo},
		"WeCom":  {[]string{"-accounts", "40", "-wecom"}, "/@app40/cgi-bin/user/get?userid=zhangsan"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startDemo(t, row.args...)
			if got := strings.Count(p.mustAsk("GET", p.admin+"/status", "").body, `"app_id"`); got != 40 {
				t.Errorf("got %d accounts; want 40", got)
			}
			if a := p.call("GET", row.path, ""); a.code != http.StatusOK {
				t.Errorf("got %d %s of the last one; want an answer", a.code, a.body)
			}
			for _, line := range p.curlLines() {
				mustPaste(t, line)
			}
			p.stop()
		})
	}
}

// What the demo prints for a configuration of one's own is one that works against it, at an
// address that stays, and at the next start as well.
func TestAnOwnConfigurationIsTriedAgainstTheDemo(t *testing.T) {
	t.Parallel()
	for name, demo := range demos {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			var printed string
			for range 2 {
				p := start(t, launch{args: append([]string{"demo", "-wechat", address}, demo.args...)})
				p.awaitServing()
				before := printed
				_, printed, _ = strings.Cut(p.demoPrinted(), "wxproxy -config FILE.\n")
				printed, _, _ = strings.Cut(printed, "Ctrl-C")
				if before != "" && printed != before || !strings.Contains(printed, address) {
					t.Errorf("got %s after %s; want the same lines with %s", printed, before, address)
				}
				file := t.TempDir() + "/own.toml"
				writeFile(t, file, "[proxy]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"+printed)
				own := start(t, launch{args: []string{"-config", file}})
				own.awaitServing()
				own.awaitReady()
				if a := own.call("GET", demo.call, ""); a.code != http.StatusOK || !strings.Contains(a.body, demo.answer) {
					t.Errorf("got %d %s; want an answer", a.code, a.body)
				}
				other := start(t, launch{args: []string{"demo", "-wechat", address}})
				other.mustEnd(exitFailure)
				if got := other.stderr.String(); !strings.Contains(got, address+" is in use") {
					t.Errorf("got %s; want to hear that the address is taken", got)
				}
				own.stop()
				p.stop()
			}
		})
	}
}

// Where somebody says that the demo is to listen, it listens or ends.
func TestTheDemoTakesNoOtherAddressThanItIsTold(t *testing.T) {
	t.Parallel()
	p := startDemo(t)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		taken := strings.Replace(strings.TrimPrefix(p.proxy, "http://"), "127.0.0.1", host, 1)
		other := start(t, launch{args: []string{"demo", "-listen", taken}})
		other.mustEnd(exitFailure)
		if got := other.stderr.String(); !strings.Contains(got, "-listen: "+taken+" is in use; take another one, or leave -listen out") {
			t.Errorf("got %s; want to hear that %s is taken", got, taken)
		}
	}
	p.stop()
}

// startDemo starts a demo on ports of its own and waits until it serves.
func startDemo(t *testing.T, args ...string) *program {
	t.Helper()
	p := start(t, launch{args: append([]string{"demo", "-listen", "127.0.0.1:0"}, args...)})
	p.awaitServing()
	p.awaitReady()
	return p
}

// demoSay is the path at the demo's WeChat where one is a user.
const demoSay = "/say"

// demoPrinted returns what the demo says of itself, which arrives beside the log.
func (p *program) demoPrinted() string {
	p.t.Helper()
	p.eventually("what the demo says of itself", func() bool { return strings.Contains(p.stdout.String(), "Ctrl-C ends the demo") })
	return p.stdout.String()
}

// demoWeChat returns the base URL of the demo's WeChat.
func (p *program) demoWeChat() string {
	printed := p.demoPrinted()
	found := regexp.MustCompile(`(http://\S+)` + demoSay).FindStringSubmatch(printed)
	if found == nil {
		p.t.Fatalf("got no address of WeChat in %s", printed)
	}
	return found[1]
}

// curlLines returns the lines that the demo asks its users to paste.
func (p *program) curlLines() []string {
	return linesOfCurl(p.demoPrinted())
}

func linesOfCurl(printed string) (lines []string) {
	for line := range strings.Lines(printed) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// failed matches an errcode other than 0, which says that WeChat refused.
var failed = regexp.MustCompile(`"errcode": ?"?(-|[1-9])`)

// mustPaste runs lines in a shell, as somebody who pastes them, and fails the
// test unless they succeed and WeChat did what it was asked.
func mustPaste(t *testing.T, lines string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "sh", "-e", "-c", lines).CombinedOutput()
	if err != nil || failed.Match(out) || strings.Contains(string(out), "Wxproxy-Error") {
		t.Errorf("%s\ngot %v and %s; want success", lines, err, out)
	}
	return string(out)
}

// freeAddress returns an address that nobody has at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
