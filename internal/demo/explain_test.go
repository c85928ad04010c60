package demo

import (
	"strings"
	"testing"

	"wxproxy/config"
)

// Without a token nothing is as good as before: of what there is to try, the calls are left, and
// where to look.
func TestWithoutATokenTheCallsAndWhereToLookAreLeft(t *testing.T) {
	for _, text := range []string{wechatText, wechatTextChinese, wecomText, wecomTextChinese} {
		got := withoutToken(text)
		for _, absent := range []string{"Wxproxy-Attempts", "/say", "stable_token"} {
			if strings.Contains(got, absent) {
				t.Errorf("got %s; want no %s", got, absent)
			}
		}
		if !strings.Contains(got, "wxproxy demo") || !strings.Contains(got, "curl '%[1]s/") || !strings.Contains(got, "curl %[2]s/status") || !strings.HasSuffix(got, "%[2]s/\n\n") {
			t.Errorf("got %s; want the calls, and where to look", got)
		}
	}
}

func TestAWrongAddressIsThatOfTheFlag(t *testing.T) {
	_, err := config.Load("", lookup(map[string]string{"WXPROXY_LISTEN": "1", "WXPROXY_APP_ID": wechatAppID, "WXPROXY_SECRET": "5ec2e7a1b90d4f3c8a6b1d2e3f405162"}))
	if err == nil || !strings.HasPrefix(ofFlag(err).Error(), "wxproxy demo: -listen: is not an address") {
		t.Errorf("got %v", ofFlag(err))
	}
}
