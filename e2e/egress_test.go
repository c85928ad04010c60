package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"wxproxy/internal/egress/egresstest"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/wecomtest"
)

// canaryPassword is the proxy's. It looks different wherever it is escaped or encoded.
const canaryPassword = "canary-pass/5f4d#cc3b"

// A company is a network that only a proxy leads out of, without DNS.
type company struct {
	proxy *egresstest.Proxy
	ca    string // trusts WeChat and the proxy
	names map[string]string

	mu   sync.Mutex // guards seen
	seen map[string]int
}

// startCompany starts one with a WeChat outside, under its own name.
func startCompany(t *testing.T, o egresstest.Options) *company {
	t.Helper()
	c := &company{ca: filepath.Join(t.TempDir(), "ca.pem"), seen: map[string]int{}}
	server, err := wechattest.New(wechattest.App{ID: appID, Secret: appSecret}).StartTLS(func(s *http.Server) {
		inner := s.Handler
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.mu.Lock()
			c.seen[r.URL.Query().Get("n")]++
			c.mu.Unlock()
			if r.Header.Get("Proxy-Authorization") != "" {
				t.Error("WeChat was shown the proxy's password")
			}
			inner.ServeHTTP(w, r)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	certificate, ca, err := wechattest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	if o.Certificate != nil {
		o.Certificate = &certificate
	}
	writeFile(t, c.ca, string(append(ca, server.CA...)))
	c.names = map[string]string{"api.weixin.qq.com:443": strings.TrimPrefix(server.URL, "https://")}
	o.Names = c.names
	c.proxy = egresstest.Start(t, o)
	return c
}

// url returns the proxy's, as it has to be written.
func (c *company) url() string {
	return strings.ReplaceAll(c.proxy.URL(), canaryPassword, url.QueryEscape(canaryPassword))
}

// toml is the configuration of one account, with more lines for [upstream].
func (c *company) toml(more string) string {
	return fmt.Sprintf("[upstream]\nfallback_urls = []\nca_file = %q\n%s\n", c.ca, more) + fourLines
}

// mustHide fails the test if somebody was told the proxy's password.
func mustHidePassword(t *testing.T, said ...string) {
	t.Helper()
	for _, text := range said {
		for _, spelling := range []string{canaryPassword, url.QueryEscape(canaryPassword), "canary-pass", "5f4d"} {
			if strings.Contains(text, spelling) {
				t.Errorf("got the password in %s", text)
				break
			}
		}
	}
}

func TestEverythingGoesOutThroughTheProxy(t *testing.T) {
	t.Parallel()
	rows := map[string]egresstest.Options{
		"http":  {User: "corp", Password: canaryPassword},
		"https": {User: "corp", Password: canaryPassword, Certificate: new(tls.Certificate)},
		"socks": {User: "corp", Password: canaryPassword, SOCKS: true},
	}
	for name, o := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCompany(t, o)
			file := filepath.Join(t.TempDir(), "proxy")
			writeFile(t, file, c.url()+"\n")
			toml := c.toml("proxy_file = \"" + file + "\"")
			p := startingAsBuilt(t, "", toml, "WXPROXY_LOG_LEVEL=debug", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=*")
			p.awaitReady()
			p.mustSucceed()
			if a := p.call("POST", send, `{"touser":"OPENID","msgtype":"text","text":{"content":"hi"}}`); a.code != 200 || !strings.Contains(a.body, `"errcode":0`) {
				t.Errorf("got %d %s; want WeChat's success", a.code, a.body)
			}
			upload := p.call("POST", "/cgi-bin/media/upload?type=image", strings.Repeat("x", 1<<20), "Content-Type: multipart/form-data; boundary=b")
			if upload.header.Get("Wxproxy-Attempts") == "" {
				t.Errorf("got %d %s; want WeChat's answer", upload.code, upload.body)
			}
			live := checksLive(t, exitOK, "", toml)
			if want := "through the proxy " + strings.SplitN(c.proxy.URL(), "://", 2)[0] + "://" + c.proxy.Address + " (upstream.proxy_file)"; !strings.Contains(live.stdout.String(), want) {
				t.Errorf("got %s; want %q in it", live.stdout.String(), want)
			}
			status, metrics := p.mustAsk("GET", p.admin+"/status", ""), p.mustAsk("GET", p.admin+"/metrics", "")
			if want := `"proxy":"` + c.proxy.Address + `"`; !strings.Contains(strings.ReplaceAll(status.body, `": "`, `":"`), want) {
				t.Errorf("got %s; want %s in it", status.body, want)
			}
			for i, target := range c.proxy.Asked() {
				if shown := c.proxy.Shown()[i]; target != "api.weixin.qq.com:443" || shown != "corp:"+canaryPassword {
					t.Errorf("the proxy was asked for %s, and shown %q", target, shown)
				}
			}
			mustHidePassword(t, p.stdout.String(), p.stderr.String(), status.body, metrics.body, live.stdout.String(), live.stderr.String())
		})
	}
}

// The environment says the way out where the configuration does not, and says none too.
func TestEnvironmentLeadsOut(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	proxy := egresstest.Start(t, egresstest.Options{Names: map[string]string{"wechat.invalid:80": strings.TrimPrefix(w.URL, "http://")}})
	const upstream = "http://wechat.invalid"
	for name, row := range map[string]struct {
		env []string
		out bool
	}{
		"in capitals":          {[]string{"HTTP_PROXY=" + proxy.URL()}, true},
		"in small letters":     {[]string{"http_proxy=" + proxy.Address}, true},
		"of the other scheme":  {[]string{"HTTPS_PROXY=" + proxy.URL()}, false},
		"nowhere":              {[]string{"HTTP_PROXY=" + proxy.URL(), "NO_PROXY=*"}, false},
		"not there":            {[]string{"HTTP_PROXY=" + proxy.URL(), "no_proxy=.invalid"}, false},
		"elsewhere":            {[]string{"HTTP_PROXY=" + proxy.URL(), "NO_PROXY=corp.example,127.0.0.1"}, true},
		"behind a web server":  {[]string{"HTTP_PROXY=" + proxy.URL(), "REQUEST_METHOD=GET"}, false},
		"there is none at all": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := exitFailure
			if row.out {
				want = exitOK
			}
			checksLive(t, want, upstream, fourLines, row.env...)
		})
	}
	p := serving(t, upstream, fourLines, "HTTP_PROXY="+proxy.URL())
	p.awaitReady()
	p.mustSucceed()
	check := runs(t, exitFailure, launch{args: []string{"check"}, env: []string{"HTTPS_PROXY=ftp://u:" + canaryPassword + "@h:1", "WXPROXY_APP_ID=" + appID, "WXPROXY_SECRET=" + appSecret}})
	if got := check.stderr.String(); !strings.Contains(got, "environment: HTTPS_PROXY: ") {
		t.Errorf("got %s; want what is wrong with HTTPS_PROXY", got)
	}
	mustHidePassword(t, check.stderr.String())
}

// What is wrong with the proxy is said to callers, in the log once, in /status and by
// check -live, with what to do; and it heals by itself.
func TestFaultOfTheProxyIsSaidInWords(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change     func(*egresstest.Options)
		words, say string
	}{
		"a wrong password": {func(o *egresstest.Options) { o.Password = "another" }, "does not accept the user or the password (407)", "check user and password in upstream.proxy"},
		"forbidden": {func(o *egresstest.Options) {
			o.Answer = func(string) string { return "HTTP/1.1 403 Forbidden\r\n\r\n" }
		}, "does not allow connections to api.weixin.qq.com:443 (403)", "ask those who run the proxy to allow CONNECT"},
		"a log-in page": {func(o *egresstest.Options) {
			o.Answer = func(string) string { return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>log in</html>" }
		}, "answers with something of its own", "a log-in page"},
		"cut": {func(o *egresstest.Options) { o.Answer = func(string) string { return "HTTP/1.1 200 Connec" } }, "ended the connection before there was a tunnel", "whether it allows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCompany(t, egresstest.Options{User: "corp", Password: canaryPassword})
			toml := c.toml("proxy = \"" + c.url() + "\"")
			p := serving(t, "", toml)
			p.awaitReady()
			c.proxy.Change(row.change)
			c.proxy.CutAll()
			a := p.call("GET", userInfo, "")
			p.eventually("an answer that there is no way out", func() bool {
				a = p.call("GET", userInfo, "")
				return a.code == http.StatusBadGateway
			})
			a.mustBe(t, 502, "upstream_unreachable")
			for _, want := range []string{"the proxy " + c.proxy.Address, row.words, row.say, "nothing was sent"} {
				if !strings.Contains(a.body, want) {
					t.Errorf("got %s; want %q in it", a.body, want)
				}
			}
			var status struct {
				Upstream []struct{ State, Reason, Proxy string }
			}
			if err := json.Unmarshal([]byte(p.mustAsk("GET", p.admin+"/status", "").body), &status); err != nil || len(status.Upstream) != 1 || status.Upstream[0].State != "down" || !strings.Contains(status.Upstream[0].Reason, row.words) {
				t.Errorf("got %+v, %v; want the host down for the proxy's fault", status, err)
			}
			lines := p.logged("upstream host is down")
			if len(lines) != 1 || lines[0]["proxy"] != c.proxy.Address || !strings.Contains(fmt.Sprint(lines[0]["remedy"]), row.say) {
				t.Errorf("got %v; want one line with the remedy", lines)
			}
			live := checksLive(t, exitFailure, "", toml)
			if got := live.stdout.String(); !strings.Contains(got, row.words) || !strings.Contains(got, row.say) || !strings.Contains(got, "代理") {
				t.Errorf("got %s; want %q and %q in it, in both languages", got, row.words, row.say)
			}
			c.proxy.Change(func(o *egresstest.Options) { o.Answer, o.Password = nil, canaryPassword })
			p.eventually("a way out again", func() bool { return p.call("GET", userInfo, "").code == http.StatusOK })
			mustHidePassword(t, a.body, p.stdout.String(), p.stderr.String(), live.stdout.String(), live.stderr.String())
		})
	}
}

// A reload takes another proxy, without a request lost.
func TestAnotherProxyCountsAtAReload(t *testing.T) {
	t.Parallel()
	c := startCompany(t, egresstest.Options{})
	other := egresstest.Start(t, egresstest.Options{SOCKS: true, User: "corp", Password: canaryPassword, Names: c.names})
	file := filepath.Join(t.TempDir(), "proxy")
	writeFile(t, file, c.url())
	p := serving(t, "", c.toml("proxy_file = \""+file+"\""))
	p.awaitReady()
	p.mustSucceed()
	writeFile(t, file, strings.ReplaceAll(other.URL(), canaryPassword, url.QueryEscape(canaryPassword)))
	if code, said, _ := p.reload(); code != exitOK || !strings.Contains(said, "upstream.proxy") || strings.Contains(said, "next start") {
		t.Errorf("got %d, %s; want upstream.proxy changed", code, said)
	}
	before := len(c.proxy.Asked())
	p.mustSucceed()
	if len(other.Asked()) == 0 || len(c.proxy.Asked()) != before {
		t.Errorf("got %q asked of the new one, %q of the old one", other.Asked(), c.proxy.Asked()[before:])
	}
	mustHidePassword(t, p.stdout.String(), p.stderr.String())
}

// A proxy that cuts tunnels, idle or under way, whenever it likes: each message is sent once
// at most, and once if its caller was told so.
func TestNothingIsSentTwiceThroughAProxyThatCuts(t *testing.T) {
	t.Parallel()
	c := startCompany(t, egresstest.Options{})
	p := serving(t, "", c.toml("proxy = \""+c.url()+"\""))
	p.awaitReady()
	const callers, calls = 4, 60
	var running sync.WaitGroup
	codes := make([]map[string]int, callers)
	for i := range callers {
		codes[i] = map[string]int{}
		running.Go(func() {
			for n := range calls {
				id := fmt.Sprintf("%d-%d", i, n)
				a, err := p.ask("POST", p.proxy+send+"?n="+id, `{"touser":"OPENID","msgtype":"text","text":{"content":"hi"}}`)
				if err == nil {
					codes[i][id] = a.code
				}
				if n%5 == i {
					c.proxy.CutAll()
				}
			}
		})
	}
	running.Wait()
	well := 0
	for _, of := range codes {
		for id, code := range of {
			c.mu.Lock()
			n := c.seen[id]
			c.mu.Unlock()
			if n > 1 || code == http.StatusOK && n != 1 {
				t.Errorf("message %s was sent %d times, and answered %d", id, n, code)
			}
			if code == http.StatusOK {
				well++
			}
		}
	}
	if well < callers*calls/2 {
		t.Errorf("got %d of %d answers; want most", well, callers*calls)
	}
}

// [upstream.wecom] takes the same way, or its own.
func TestWeComTakesTheSameWayOutUnlessItHasItsOwn(t *testing.T) {
	t.Parallel()
	w := wecomtest.New(wecomtest.Rules{})
	w.Add(wecomCRM)
	address := serveWeCom(t, w)
	const name = "http://wecom.invalid:8080"
	proxy := egresstest.Start(t, egresstest.Options{Names: map[string]string{"wecom.invalid:8080": strings.TrimPrefix(address, "http://")}})
	lost := egresstest.Start(t, egresstest.Options{})
	for _, row := range []struct{ url, wechat, wecom string }{
		{name, proxy.URL(), ""},
		{name, lost.URL(), "proxy = \"" + proxy.URL() + "\"\n"},
		{address, lost.URL(), "proxy = \"direct\"\n"},
	} {
		p := serving(t, "http://wechat.invalid", "[upstream]\nproxy = \""+row.wechat+"\"\n[upstream.wecom]\nurl = \""+row.url+"\"\n"+row.wecom+crmLines)
		p.awaitReady()
		if a := p.call("GET", "/cgi-bin/user/get?userid=zhangsan", ""); a.header.Get("Wxproxy-Attempts") == "" {
			t.Errorf("%v: got %d %s; want WeCom's answer", row, a.code, a.body)
		}
	}
	if got := lost.Asked(); len(got) > 0 {
		t.Errorf("the other proxy was asked for %q", got)
	}
}

// A proxy that companies have.
func TestTinyproxyLeadsOut(t *testing.T) {
	t.Parallel()
	c := startCompany(t, egresstest.Options{})
	dir := t.TempDir()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	_, hidden, _ := net.SplitHostPort(c.names["api.weixin.qq.com:443"])
	writeFile(t, dir+"/tinyproxy.conf", fmt.Sprintf("Port %s\nListen 127.0.0.1\nTimeout 60\nBasicAuth corp c0rp-passw0rd\nConnectPort %s\nLogFile \"%s/log\"\n", port, hidden, dir))
	tiny := exec.Command("tinyproxy", "-d", "-c", dir+"/tinyproxy.conf")
	var said bytes.Buffer
	tiny.Stdout, tiny.Stderr = &said, &said
	if err := tiny.Start(); err != nil {
		t.Fatalf("starting tinyproxy, of Debian's tinyproxy-bin: %v", err)
	}
	t.Cleanup(func() {
		tiny.Process.Kill()
		tiny.Wait()
	})
	toml := func(user string) string {
		return c.toml("proxy = \"http://" + user + "127.0.0.1:" + port + "\"")
	}
	upstream := "https://localhost:" + hidden // the name that its certificate has, and tinyproxy can look up
	p := serving(t, upstream, toml("corp:c0rp-passw0rd@"))
	p.awaitReady()
	p.mustSucceed()
	for user, want := range map[string]string{
		"":                       "wants a user and a password (407)",
		"corp:another-passw0rd@": "does not accept the user or the password (401)",
	} {
		if got := checksLive(t, exitFailure, upstream, toml(user)).stdout.String(); !strings.Contains(got, want) {
			t.Errorf("got %s; want %q in it", got, want)
		}
	}
	if got := checksLive(t, exitFailure, "", toml("corp:c0rp-passw0rd@")).stdout.String(); !strings.Contains(got, "does not allow connections to api.weixin.qq.com:443 (403)") {
		t.Errorf("got %s; want that the port is closed", got)
	}
	if log, err := os.ReadFile(dir + "/log"); err != nil {
		t.Logf("%v; it said %s %s", err, said.String(), log)
	}
}
