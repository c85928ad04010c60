package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
)

// The third-party platform of these tests, and an account that authorizes it.
const (
	componentID, componentSecret = "wxaaaaaaaaaaaaaaaa", "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"
	merchantID                   = "wx1111111111111111"
)

// platformSDKs returns the programs that manage a platform's tokens with an SDK of others'.
func platformSDKs(t *testing.T) []sdk {
	t.Helper()
	inGo := sdks(t)[0].command[0]
	script, err := filepath.Abs(filepath.Join("testdata", "sdk", "npm", "platform.js"))
	if err != nil {
		t.Fatal(err)
	}
	return []sdk{
		{"silenceper", []string{inGo, "platform", "silenceper"}},
		{"PowerWeChat", []string{inGo, "platform", "powerwechat"}},
		{"easywechat", []string{"node", script}},
	}
}

// managePlatform has the SDK do what a program does that manages a platform's tokens, with
// the platform at base.
func (s sdk) managePlatform(t *testing.T, base, secret, ticket, code string) {
	t.Helper()
	s.managePlatformIn(t, t.TempDir(), base, secret, ticket, code)
}

// managePlatformIn does so in a directory that may have caches of earlier runs, one of which
// has shown the code if there is none. It reports whether all calls succeeded.
func (s sdk) managePlatformIn(t *testing.T, dir, base, secret, ticket, code string, env ...string) bool {
	t.Helper()
	c := exec.Command(s.command[0], append(s.command[1:len(s.command):len(s.command)], base, componentID, secret, ticket, merchantID, code)...)
	c.Dir = dir
	c.Env = append(append(os.Environ(), "TMPDIR="+c.Dir), env...)
	out, err := c.CombinedOutput()
	calls := strings.Count(string(out), ": ok\n")
	if err != nil || calls < 9 {
		t.Errorf("%s: %v, %d calls succeeded:\n%s", s.name, err, calls, out)
		return false
	}
	return true
}

// The programs work with WeChat itself, so that what they say of the proxy means something.
func TestSDKsManageAPlatformAtWeChat(t *testing.T) {
	t.Parallel()
	for _, s := range platformSDKs(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := wechattest.New()
			saas := platformtest.Add(w, platformtest.Settings{AppID: componentID, Secret: componentSecret})
			saas.NewTicket()
			code := saas.Grant(merchantID).Code
			s.managePlatform(t, serveWeChat(t, w).URL, componentSecret, saas.Ticket(), code)
		})
	}
}
