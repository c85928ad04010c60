package e2e

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryMistakeIsReportedInOneRun(t *testing.T) {
	t.Parallel()
	const canary = "c0ffee00c0ffee00c0ffee00c0ffee00"
	file := filepath.Join(t.TempDir(), "bad.toml")
	writeFile(t, file, `
[proxy]
listen       = "0.0.0.0:8080"
idle_timeout = 75
[upstrem]
url = "https://api.weixin.qq.com"
[log]
level = "loud"
[[account]]
name       = "shop"
app_id     = "wx0123456789abcdef"
app_secert = "`+canary+`"
[[account]]
name   = "blog"
app_id = "wx1123456789abcdef"
[[account]]
name   = "blog"
app_id = "wx2123456789abcdef"
secret = "`+canary+`"
`)
	wants := []string{
		"proxy.listen: would let every machine that reaches it use your accounts; add a [[client]]",
		`proxy.idle_timeout: has no unit; write 75 seconds as "75s"`,
		"unknown key `upstrem`, did you mean `upstream`?",
		"log.level: ",
		"account[1]: unknown key `app_secert`, did you mean `secret`?",
		"account[2].secret: missing",
		"account[3].name: is taken by account[2] already",
	}
	for command, code := range map[string]int{"serve": exitMistakes, "check": exitFailure} {
		t.Run(command, func(t *testing.T) {
			p := runs(t, code, launch{args: []string{command, "-config", file}})
			got := p.stderr.String()
			for _, want := range wants {
				if n := strings.Count(got, file+": "+want); n != 1 {
					t.Errorf("got %d lines with %q; want 1", n, want)
				}
			}
			if n := strings.Count(got, file+": "); n != len(wants) {
				t.Errorf("got %d lines about the file; want %d:\n%s", n, len(wants), got)
			}
			if strings.Contains(got, canary) || p.stdout.String() != "" {
				t.Errorf("got stdout %q, stderr %q; want no secret", p.stdout.String(), got)
			}
		})
	}
}

func TestAMistakeOnTheCommandLineEndsTheProgramWithWords(t *testing.T) {
	t.Parallel()
	account := []string{"WXPROXY_APP_ID=" + appID, "WXPROXY_SECRET=" + appSecret}
	for name, test := range map[string]struct {
		args, env []string
		code      int
		want      string
	}{
		"an unknown command":          {args: []string{"frobnicate"}, code: exitMistakes, want: `there is no command "frobnicate"`},
		"help about no command":       {args: []string{"help", "nope"}, code: exitMistakes, want: `there is no command "nope"`},
		"help about a sentence":       {args: []string{"help", "me", "please"}, code: exitMistakes, want: `there is no command "me please"`},
		"an empty command":            {args: []string{""}, code: exitMistakes, want: `there is no command ""`},
		"an unknown flag":             {args: []string{"-verbose"}, env: account, code: exitMistakes, want: "flag provided but not defined: -verbose"},
		"an unknown flag of check":    {args: []string{"check", "-dead"}, env: account, code: exitMistakes, want: "wxproxy check: flag provided but not defined: -dead"},
		"a flag without its value":    {args: []string{"serve", "-config"}, code: exitMistakes, want: "flag needs an argument: -config"},
		"an argument of serve":        {args: []string{"serve", "config.toml"}, code: exitMistakes, want: `unexpected argument "config.toml"`},
		"an argument of demo":         {args: []string{"demo", "chaos"}, code: exitMistakes, want: `unexpected argument "chaos"`},
		"an argument of health":       {args: []string{"health", "http://127.0.0.1"}, code: exitMistakes, want: "unexpected argument"},
		"a word behind version":       {args: []string{"version", "orders"}, code: exitMistakes, want: `unexpected argument "orders"`},
		"an argument of version":      {args: []string{"version", "-v"}, code: exitMistakes, want: "flag provided but not defined: -v"},
		"an address of demo":          {args: []string{"demo", "-listen", "8080"}, code: exitMistakes, want: `-listen: "8080" is no address with a port`},
		"a demo's port that is none":  {args: []string{"demo", "-listen", "127.0.0.1:99999"}, code: exitMistakes, want: "-listen: \"127.0.0.1:99999\" is no address with a port"},
		"a demo on a Unix socket":     {args: []string{"demo", "-listen", "unix:/tmp/demo.sock"}, code: exitMistakes, want: "-listen: the demo listens on no Unix socket"},
		"a demo for other machines":   {args: []string{"demo", "-wechat", ":9000"}, code: exitMistakes, want: "-wechat: the demo is for this machine alone"},
		"an address of its WeChat":    {args: []string{"demo", "-wechat", "9000"}, code: exitMistakes, want: `-wechat: "9000" is no address`},
		"no accounts of demo":         {args: []string{"demo", "-accounts", "0"}, code: exitMistakes, want: `-accounts: "0" is no number from 1 to 1000`},
		"too many accounts of demo":   {args: []string{"demo", "-accounts", "1e9"}, code: exitMistakes, want: `-accounts: "1e9" is no number from 1 to 1000`},
		"an unknown fault of demo":    {args: []string{"demo", "-fail", "dns"}, code: exitMistakes, want: `-fail: unknown "dns"; take one of ip, secret, down, storm`},
		"no file":                     {args: []string{"-config", "nowhere.toml"}, code: exitMistakes, want: "nowhere.toml: cannot be read"},
		"no configuration":            {code: exitMistakes, want: "WXPROXY_APP_ID"},
		"an environment with no id":   {env: account[1:], code: exitMistakes, want: "WXPROXY_APP_ID: missing"},
		"an environment with a typo":  {env: append(account, "WXPROXY_LOG_LEVEL=verbose"), code: exitMistakes, want: "environment: WXPROXY_LOG_LEVEL: "},
		"a public environment":        {env: append(account, "WXPROXY_LISTEN=:8080"), code: exitMistakes, want: "environment: WXPROXY_LISTEN: would let every machine"},
		"a public admin without key":  {env: append(account, "WXPROXY_ADMIN_LISTEN=:8081"), code: exitMistakes, want: "environment: "},
		"a folder that is no folder":  {env: append(account, "WXPROXY_STORE=file:/dev/null/tokens"), code: exitMistakes, want: "environment: token.store: making the token directory: "},
		"an address of another host":  {env: append(account, "WXPROXY_LISTEN=192.0.2.1:8080", "WXPROXY_ADMIN_LISTEN="), code: exitMistakes, want: "WXPROXY_LISTEN"},
		"a socket in no folder":       {env: append(account, "WXPROXY_LISTEN=unix:/nowhere/wxproxy.sock", "WXPROXY_ADMIN_LISTEN="), code: exitFailure, want: "/nowhere/wxproxy.sock"},
		"health without an admin":     {args: []string{"health"}, env: append(account, "WXPROXY_ADMIN_LISTEN="), code: exitFailure, want: "the admin listener is turned off"},
		"health without account":      {args: []string{"health"}, env: []string{"WXPROXY_ADMIN_LISTEN=127.0.0.1:1"}, code: exitFailure, want: "-url"},
		"a check of no configuration": {args: []string{"check"}, code: exitFailure, want: "WXPROXY_APP_ID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := runs(t, test.code, launch{args: test.args, env: test.env})
			if got := p.stderr.String(); !strings.Contains(got, test.want) || strings.Contains(got, appSecret) {
				t.Errorf("got %q; want %q in it", got, test.want)
			}
			if got := p.stdout.String(); got != "" {
				t.Errorf("got %q on stdout; want nothing", got)
			}
		})
	}
}

func TestAnAddressInUseIsAFailureWithWords(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, listen := range map[string][2]string{
		"of the proxy": {taken.Addr().String(), "127.0.0.1:0"},
		"of the admin": {"127.0.0.1:0", taken.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			p := runs(t, exitFailure, launch{env: []string{
				"WXPROXY_APP_ID=" + appID, "WXPROXY_SECRET=" + appSecret,
				"WXPROXY_LISTEN=" + listen[0], "WXPROXY_ADMIN_LISTEN=" + listen[1],
			}})
			got := p.stderr.String()
			if !strings.HasPrefix(got, "wxproxy: ") || !strings.Contains(got, taken.Addr().String()) || !strings.Contains(got, "address already in use") {
				t.Errorf("got %q; want the address and that it is in use", got)
			}
		})
	}
}
