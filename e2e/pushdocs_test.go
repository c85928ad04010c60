package e2e

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// What docs/pushes.md has people write works together: the configuration, nginx before
// it, the program behind it, the curl that does what WeChat's URL check does.
func TestThePageOnPushesIsTrue(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"docs/pushes.md", "docs/pushes.zh-CN.md"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			parts := map[string]string{}
			for _, b := range readBlocks(t, page) {
				if parts[b.info] == "" || strings.Contains(b.text, "echostr") {
					parts[b.info] = b.text
				}
			}
			program := startSample(t, parts["go"])
			w := startWeChat(t)
			p := serving(t, w.URL, pushConfiguration(t, parts["toml config"], program), "WXPROXY_PUSH_LISTEN=127.0.0.1:0")
			site := startNginx(t, parts["nginx"], strings.TrimPrefix(p.push, "http://"))
			callback := wechattest.Callback{
				AppID: appID, URL: "https://push.example.com/push/shop", Token: pushToken, AESKey: pushAESKey, Mode: wechattest.Safe, Transport: site.client.Transport,
			}
			if err := callback.Check(t.Context()); err != nil {
				t.Error(err)
			}
			d := callback.Push(t.Context(), callback.Text("oABC", "hello"))
			if d.Fault != "" || len(d.Tries) != 1 || !regexp.MustCompile(`<Content>.+hello</Content>`).Match(d.Reply) {
				t.Errorf("got %s, %q after %d tries; want the program's reply", d.Reply, d.Fault, len(d.Tries))
			}
			if d := callback.Push(t.Context(), callback.Event("oABC", "subscribe")); d.Fault != "" || len(d.Tries) != 1 || len(d.Reply) > 0 {
				t.Errorf("got %s, %q after %d tries; want success at once", d.Reply, d.Fault, len(d.Tries))
			}
			site.mustAnswer("/push/shop", http.StatusForbidden)
			site.mustAnswer("/push/nobody", http.StatusNotFound)
			site.mustAnswer("/", http.StatusNotFound)
			if got := site.run(parts["sh"]); got != "hello" {
				t.Errorf("got %q of\n%s\nwant hello", got, parts["sh"])
			}
			if log := site.log(); strings.Count(log, "/push/shop 200 ") < 4 || strings.Contains(log, "?") || strings.Contains(log, "oABC") {
				t.Errorf("got %s; want a line for each, without the query", log)
			}
			p.stop()
		})
	}
}

// pushConfiguration returns the page's configuration with files of secrets that there
// are, before the receiver.
func pushConfiguration(t *testing.T, toml, receiver string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"shop-secret": appSecret, "shop-push-token": pushToken + "\n", "shop-push-aes-key": pushAESKey + "\n"} {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return strings.NewReplacer("/etc/wxproxy/", dir+"/", "file:/var/lib/wxproxy", "file:"+dir+"/state", "127.0.0.1:9000", receiver).Replace(toml)
}

// startSample builds and starts the program that the page shows, and returns where it
// listens.
func startSample(t *testing.T, code string) string {
	t.Helper()
	dir, address := t.TempDir(), refusing(t)
	writeFile(t, dir+"/main.go", strings.Replace(code, "127.0.0.1:9000", address, 1))
	for _, args := range [][]string{{"vet", dir + "/main.go"}, {"build", "-o", dir + "/receiver", dir + "/main.go"}} {
		if err := execute(exec.Command("go", args...)); err != nil {
			t.Fatal(err)
		}
	}
	inBackground(t, exec.Command(dir+"/receiver"), "tcp", address)
	return address
}

// inBackground runs a command until the test ends, and waits until it listens.
func inBackground(t *testing.T, c *exec.Cmd, network, address string) {
	t.Helper()
	var output transcript
	c.Stdout, c.Stderr = &output, &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-ended
	})
	deadline := time.Now().Add(patience)
	for {
		if connection, err := net.Dial(network, address); err == nil {
			connection.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%v: %v: %s", c.Args, err, output.String())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v: got nothing at %s: %s", c.Args, address, output.String())
		}
	}
}

// A site is nginx as the page has it, at a socket in place of port 443.
type site struct {
	t      *testing.T
	folder string
	ca     *authority
	client *http.Client // to which every name is the site's
}

func (s *site) socket() string { return s.folder + "/nginx.sock" }

// startNginx starts nginx with the page's lines before the push listener.
func startNginx(t *testing.T, lines, push string) *site {
	t.Helper()
	s := &site{t: t, folder: t.TempDir(), ca: newAuthority(t)}
	s.ca.issue("push", &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "push"}, DNSNames: []string{"push.example.com"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	lines = strings.NewReplacer("listen 443 ", "listen unix:"+s.socket()+" ", "/etc/nginx/push.crt", s.ca.path("push.pem"),
		"/etc/nginx/push.key", s.ca.path("push.key"), "/var/log/nginx/", s.folder+"/", "127.0.0.1:8083", push).Replace(lines)
	own := "daemon off;\nmaster_process off;\npid " + s.folder + "/pid;\nevents {}\nhttp {\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		own += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, s.folder, kind)
	}
	writeFile(t, s.folder+"/nginx.conf", own+lines+"}\n")
	inBackground(t, exec.Command("nginx", "-p", s.folder, "-e", "stderr", "-c", s.folder+"/nginx.conf"), "unix", s.socket())
	s.client = s.ca.client("")
	transport := s.client.Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.socket())
	}
	t.Cleanup(transport.CloseIdleConnections)
	return s
}

// mustAnswer fails the test unless the site answers a GET of path with a status.
func (s *site) mustAnswer(path string, status int) {
	s.t.Helper()
	response, err := s.client.Get("https://push.example.com" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != status {
		s.t.Errorf("%s: got %d; want %d", path, response.StatusCode, status)
	}
}

// run returns what the page's lines for a shell print, with the Token in its place.
func (s *site) run(lines string) string {
	s.t.Helper()
	lines = strings.NewReplacer("TOKEN=...", "TOKEN="+pushToken, `curl "`,
		fmt.Sprintf("curl -sS --cacert %s --unix-socket %s \"", s.ca.path("ca.pem"), s.socket())).Replace(lines)
	out, err := exec.CommandContext(s.t.Context(), "sh", "-e", "-c", lines).CombinedOutput()
	if err != nil {
		s.t.Errorf("%s\ngot %v: %s", lines, err, out)
	}
	return string(out)
}

// log returns what nginx has logged of requests.
func (s *site) log() string { return read(s.t, s.folder+"/push.log") }
