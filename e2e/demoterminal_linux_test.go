package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// On a terminal the demo shows the requests that its WeChat gets, and not elsewhere.
func TestTheDemoShowsRequestsOnATerminal(t *testing.T) {
	t.Parallel()
	plain := startDemo(t)
	plain.mustSucceed()
	if got := plain.stdout.String(); strings.Contains(got, "/cgi-bin/stable_token  ->") {
		t.Errorf("got %s without a terminal; want no requests", got)
	}
	plain.stop()

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, launch{executable: "/usr/bin/script", args: []string{"-qefc", self + " demo -listen 127.0.0.1:0", "/dev/null"}})
	shown := func(want string) {
		t.Helper()
		p.eventually(want, func() bool { return strings.Contains(p.stdout.String(), want) })
	}
	shown("POST /cgi-bin/stable_token  -> a token is issued")
	shown("Ctrl-C ends the demo")
	mustPaste(t, strings.Join(linesOfCurl(strings.ReplaceAll(p.stdout.String(), "\r", "")), "\n"))
	shown("GET /cgi-bin/user/info  + access_token=*** (token no. 1)  -> refused: 40001")
	shown("GET /cgi-bin/user/info  + access_token=*** (token no. 2)  -> ok: cured, wxproxy sent it once more")
	if got := p.stdout.String(); regexp.MustCompile(`access_token=[^*]`).MatchString(got) {
		t.Errorf("got %s; want no token in it", got)
	}
}
