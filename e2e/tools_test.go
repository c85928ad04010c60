package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"wxproxy/internal/wechattest"
)

func TestCheckSaysWhatAConfigurationMeans(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir+"/config.toml", fourLines)
	p := runs(t, exitOK, launch{args: []string{"check"}, dir: dir})
	got := p.stdout.String()
	for _, want := range []string{"http://127.0.0.1:8080", "http://127.0.0.1:8081", "https://api.weixin.qq.com", "https://hk.api.weixin.qq.com",
		"in memory", "shop is " + appID + ", stable tokens", "40001, 40014, 42001"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s; want %q in it", got, want)
		}
	}
	if strings.Contains(got+p.stderr.String(), appSecret) {
		t.Errorf("got the secret in %s%s", got, p.stderr.String())
	}
}

// check reports the mistakes for which serve refuses a configuration.
func TestCheckReportsWhatKeepsServeFromStarting(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.leaf("server")
	a.leaf("other")
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	writeFile(t, plain, "no PEM")
	tls := func(cert, key, ca string) string {
		return "[proxy]\ntls_cert = \"" + cert + "\"\ntls_key = \"" + key + "\"\ntls_client_ca = \"" + ca + "\"\n"
	}
	cert, key := a.path("server.pem"), a.path("server.key")
	open, others := filepath.Join(dir, "open"), filepath.Join(dir, "others")
	for path, mode := range map[string]os.FileMode{open: 0o777, others: 0o700} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		chmod(t, path, mode)
	}
	wantOfOthers, codeOfOthers := "token.store: the token directory "+others+" belongs to another user", exitOK
	if os.Chown(others, 54321, -1) != nil { // which only root may
		chmod(t, others, 0o702)
		wantOfOthers, codeOfOthers = "token.store: the token directory "+others+" can be written by every user", exitFailure
	}
	for name, test := range map[string]struct {
		toml, want string
		code       int // of check
	}{
		"a store for all":    {"[token]\nstore = \"file:" + open + "\"\n", "token.store: the token directory " + open + " can be written by every user (", exitFailure},
		"a store of others":  {"[token]\nstore = \"file:" + others + "\"\n", wantOfOthers, codeOfOthers},
		"no certificate":     {tls(plain+".no", key, ""), "proxy.tls_cert: cannot be read", exitFailure},
		"no PEM":             {tls("/etc/passwd", key, ""), "proxy.tls_cert: has no certificate", exitFailure},
		"another key":        {tls(cert, a.path("other.key"), ""), "proxy.tls_key: does not go with tls_cert", exitFailure},
		"no authority":       {tls(cert, key, plain), "proxy.tls_client_ca: has no certificate", exitFailure},
		"a store in /proc":   {"[token]\nstore = \"file:/proc/nope\"\n", "token.store: making the token directory", exitOK},
		"a store below":      {"[token]\nstore = \"file:/proc/nope/a/b\"\n", "token.store: making the token directory", exitOK},
		"a store in a file":  {"[token]\nstore = \"file:" + plain + "/tokens\"\n", "token.store: making the token directory", exitFailure},
		"a store that is it": {"[token]\nstore = \"file:" + plain + "\"\n", "token.store: ", exitFailure},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "config.toml")
			writeFile(t, file, test.toml+fourLines)
			p := runs(t, test.code, launch{args: []string{"check", "-config", file}})
			if got := p.stderr.String(); !strings.Contains(got, file+": "+test.want) {
				t.Errorf("got %q; want %q", got, test.want)
			}
			s := runs(t, exitMistakes, launch{args: []string{"serve", "-config", file}, env: []string{"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN="}})
			if got := s.stderr.String(); !strings.Contains(got, test.want) {
				t.Errorf("serve: got %q; want %q", got, test.want)
			}
		})
	}
}

func TestCheckMakesNoFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, store := range []string{"tokens", "a/b/tokens", "."} {
		runs(t, exitOK, launch{args: []string{"check"}, env: []string{
			"WXPROXY_APP_ID=" + appID, "WXPROXY_SECRET=" + appSecret, "WXPROXY_STORE=file:" + filepath.Join(dir, store),
		}})
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v; want nothing left", left, err)
	}
}

func TestTheShippedConfigurationPassesCheck(t *testing.T) {
	t.Parallel()
	p := runs(t, exitOK, launch{args: []string{"check"}, dir: ".", env: []string{"WXPROXY_SHOP_SECRET=" + appSecret}})
	if !strings.Contains(p.stdout.String(), "shop is wx0123456789abcdef") {
		t.Errorf("got %s; want the account", p.stdout.String())
	}
}

func TestCheckWarnsOfAFileThatEveryoneCanRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir+"/config.toml", fourLines)
	chmod(t, dir+"/config.toml", 0o644)
	p := runs(t, exitOK, launch{args: []string{"check"}, dir: dir})
	if got := p.stderr.String(); !strings.HasPrefix(got, "warning: config.toml: ") || !strings.Contains(got, "chmod") {
		t.Errorf("got %q; want a warning that says how to change it", got)
	}
}

func TestCheckLiveSaysWhatWeChatObjectsTo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app   wechattest.App
		fault wechattest.Fault
		away  bool
		code  int
		wants []string
	}{
		"nothing": {
			app: wechattest.App{Secret: appSecret}, code: exitOK,
			wants: []string{"shop: good; WeChat issued a token for "},
		},
		"a wrong secret": {
			app: wechattest.App{Secret: "another"}, code: exitFailure,
			wants: []string{"shop: errcode 40125: ", "check secret", "AppSecret"},
		},
		"an address that is not allowed": {
			app: wechattest.App{Secret: appSecret, AllowIPs: []string{"203.0.113.7"}}, code: exitFailure,
			wants: []string{"shop: errcode 40164: ", "put 127.0.0.1 on the IP allow-list", "「IP 白名单」（设置与开发 → 基本配置 → IP 白名单）中加入 127.0.0.1"},
		},
		"no answer at all": {
			app: wechattest.App{Secret: appSecret}, away: true, code: exitFailure,
			wants: []string{"shop: asking WeChat for a token: ", "refused", "check upstream.url"},
		},
		"an answer without a token": {
			app: wechattest.App{Secret: appSecret}, code: exitFailure,
			fault: wechattest.Fault{Path: "/cgi-bin/stable_token", Body: []byte("<html>" + appSecret)},
			wants: []string{"not the JSON"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.app.ID = appID
			w := startWeChat(t, test.app)
			if test.fault.Path != "" {
				w.Inject(test.fault)
			}
			if test.away {
				w.Close()
			}
			dir := t.TempDir()
			writeFile(t, dir+"/config.toml", fourLines)
			p := runs(t, test.code, launch{args: []string{"check", "-live"}, dir: dir, env: []string{"WXPROXY_UPSTREAM_URL=" + w.URL}})
			got := p.stdout.String()
			for _, want := range test.wants {
				if !strings.Contains(got, want) {
					t.Errorf("got %s; want %q in it", got, want)
				}
			}
			if test.code != exitOK && !strings.Contains(p.stderr.String(), "wxproxy: no token for 1 of 1 accounts") {
				t.Errorf("got %q; want the number of accounts without a token", p.stderr.String())
			}
			if all := got + p.stderr.String(); strings.Contains(all, appSecret) || strings.Contains(all, wechattest.TokenPrefix) {
				t.Errorf("got a secret in %s", all)
			}
		})
	}
}

func TestHealthTellsWhetherTheProxyIsReady(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	unready := serving(t, "http://"+refusing(t), fourLines)
	socket := filepath.Join(t.TempDir(), "a.sock")
	behind := serving(t, w.URL, fourLines, "WXPROXY_ADMIN_LISTEN=unix:"+socket)
	behind.mustSucceed() // so it has its token
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	account := []string{"WXPROXY_APP_ID=" + appID, "WXPROXY_SECRET=" + appSecret}

	for name, test := range map[string]struct {
		args, env []string
		code      int
		want      string
	}{
		"ready":                       {args: []string{"-url", p.admin + "/readyz"}, want: "ready\n"},
		"ready, by the configuration": {env: append(account, "WXPROXY_ADMIN_LISTEN="+strings.TrimPrefix(p.admin, "http://")), want: "ready\n"},
		"ready, behind a socket":      {args: []string{"-url", "unix:" + socket}, want: "ready\n"},
		"ready, behind a socket URL":  {args: []string{"-url", "unix://" + socket}, want: "ready\n"},
		"nobody behind the socket":    {args: []string{"-url", "unix:/nowhere/a.sock"}, code: exitFailure, want: "no such file"},
		"not ready":                   {args: []string{"-url", unready.admin + "/readyz"}, code: exitFailure, want: "wxproxy: not ready: HTTP status 503\n"},
		"not ready, by the variable":  {env: append(account, "WXPROXY_ADMIN_LISTEN="+strings.TrimPrefix(unready.admin, "http://")), code: exitFailure, want: "wxproxy: not ready: HTTP status 503\n"},
		"nobody there":                {args: []string{"-url", "http://" + refusing(t) + "/readyz"}, code: exitFailure, want: "connection refused"},
		"somebody else":               {args: []string{"-url", other.URL}, code: exitFailure, want: "HTTP status 404"},
		"a URL that is none":          {args: []string{"-url", "://x"}, code: exitFailure, want: "asking for readiness"},
		"a URL without http":          {args: []string{"-url", strings.TrimPrefix(p.admin, "http://")}, code: exitFailure, want: "as http://127.0.0.1:8081"},
		"the callers' listener":       {args: []string{"-url", p.proxy}, code: exitFailure, want: "the callers' listener answers there"},
		"what callers' listener says": {args: []string{"-url", p.proxy + "/wxproxy/readyz"}, want: "ready\n"},
		"an account that is none":     {args: []string{"-url", p.admin + "/readyz?account=games"}, code: exitFailure, want: "HTTP status 404: there is no account of this name"},
	} {
		t.Run(name, func(t *testing.T) {
			h := runs(t, test.code, launch{args: append([]string{"health"}, test.args...), env: test.env})
			if got := h.stdout.String() + h.stderr.String(); !strings.Contains(got, test.want) {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
	unready.stop()
	behind.stop()
	p.stop()
}

func TestKeyPrintsAPairThatWorks(t *testing.T) {
	t.Parallel()
	pair := regexp.MustCompile(`^key        = "([A-Za-z0-9_-]{43})"\nkey_sha256 = "([0-9a-f]{64})"\n$`)
	first, second := runs(t, exitOK, launch{args: []string{"key"}}), runs(t, exitOK, launch{args: []string{"key"}})
	got := pair.FindStringSubmatch(first.stdout.String())
	if got == nil {
		t.Fatalf("got %q; want a key and its hash", first.stdout.String())
	}
	if sum := sha256.Sum256([]byte(got[1])); hex.EncodeToString(sum[:]) != got[2] {
		t.Errorf("got the key %s with the hash %s; want %x", got[1], got[2], sum)
	}
	if first.stdout.String() == second.stdout.String() {
		t.Error("got the same key twice")
	}

	w := startWeChat(t)
	p := serving(t, w.URL, fourLines+"[[client]]\nname = \"orders\"\nkey_sha256 = \""+got[2]+"\"\n")
	p.mustSucceed("Authorization: Bearer " + got[1])
	p.call("GET", userInfo, "", "Authorization: Bearer "+got[2]).mustBe(t, http.StatusUnauthorized, "unauthenticated")
	p.stop()
}

func TestVersionAndHelpAreOnStandardOutput(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"version":     {[]string{"version"}, `^wxproxy \S+, go1\.\S+.*, commit \S+\n$`},
		"help":        {[]string{"help"}, `(?s)usage: wxproxy.*serve.*demo.*check.*health.*key.*version.*WXPROXY_APP_ID`},
		"-h":          {[]string{"-h"}, `(?s)usage: wxproxy \[COMMAND\].*  key `},
		"demo --help": {[]string{"demo", "--help"}, `(?s)usage: wxproxy demo.*-wecom.*-chaos.*-listen`},
		"help check":  {[]string{"help", "check"}, `(?s)usage: wxproxy check.*-config.*-live`},
		"help help":   {[]string{"help", "help"}, `usage: wxproxy \[COMMAND\]`},
		"help -h":     {[]string{"help", "-h"}, `usage: wxproxy \[COMMAND\]`},
	} {
		t.Run(name, func(t *testing.T) {
			p := runs(t, exitOK, launch{args: test.args})
			if got := p.stdout.String(); !regexp.MustCompile(test.want).MatchString(got) || p.stderr.String() != "" {
				t.Errorf("got %q and on stderr %q; want %s", got, p.stderr.String(), test.want)
			}
		})
	}
}

// The reader of the log may end before the proxy does, as in wxproxy | head.
func TestTheEndOfWhoReadsTheLogEndsNothing(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	dir := t.TempDir()
	writeFile(t, dir+"/config.toml", "[log]\nlevel = \"debug\"\naccess = true\n"+fourLines)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	listen := filepath.Join(dir, "s")
	p := start(t, launch{dir: dir, stderr: write, env: []string{"WXPROXY_LISTEN=unix:" + listen, "WXPROXY_ADMIN_LISTEN=", "WXPROXY_UPSTREAM_URL=" + w.URL}})
	write.Close()
	if _, err := read.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	read.Close()
	for range 3 {
		var conn net.Conn
		p.eventually("a connection", func() bool {
			conn, err = net.Dial("unix", listen)
			return err == nil
		})
		io.WriteString(conn, "GET /cgi-bin/user/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("got %q, %v; want an answer", answer, err)
		}
		conn.Close()
	}
	p.signal(syscall.SIGTERM)
	p.mustEnd(exitOK)
}
