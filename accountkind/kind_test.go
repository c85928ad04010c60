package accountkind

import (
	"slices"
	"strings"
	"testing"
)

// credentialOf returns the class that a table gives a path: an exact pattern first, then
// the longest that matches.
func credentialOf(k *Kind, path string) Credential {
	found, length := CredentialApp, 0
	for _, row := range k.Routes {
		switch {
		case row.Pattern == path:
			return row.Credential
		case strings.HasSuffix(row.Pattern, "*") && Matches(row.Pattern, path) && len(row.Pattern) > length:
			found, length = row.Credential, len(row.Pattern)
		}
	}
	return found
}

// A request for a token has a secret in it, and its answer a token: none goes to the side
// of another kind.
func TestKindsDenyTheTokenPathsOfEachOther(t *testing.T) {
	for _, row := range []struct{ kind, other *Kind }{{&WeChat, &WeCom}, {&WeCom, &WeChat}} {
		for _, path := range row.other.TokenPaths {
			if got := credentialOf(row.kind, path); got != CredentialDeny || slices.Contains(row.kind.TokenPaths, path) {
				t.Errorf("%s of %s's accounts: got %q; want it denied", path, row.kind.Name, got)
			}
		}
	}
}

func TestClassesOfWeComsPaths(t *testing.T) {
	for path, want := range map[string]Credential{
		"/cgi-bin/message/send":                          CredentialApp,
		"/cgi-bin/user/get":                              CredentialApp,
		"/cgi-bin/media/upload":                          CredentialApp,
		"/cgi-bin/auth/getuserinfo":                      CredentialApp,
		"/cgi-bin/miniprogram/jscode2session":            CredentialApp,
		"/cgi-bin/corpgroup/corp/list_app_share_info":    CredentialApp,
		"/cgi-bin/idconvert/open_kfid_to_new":            CredentialApp,
		"/cgi-bin/get_api_domain_ip":                     CredentialApp,
		"/cgi-bin/get_jsapi_ticket":                      CredentialTicket,
		"/cgi-bin/ticket/get":                            CredentialTicket,
		"/cgi-bin/webhook/send":                          CredentialNone,
		"/cgi-bin/webhook/upload_media":                  CredentialNone,
		"/cgi-bin/service/get_corp_token":                CredentialDeny,
		"/cgi-bin/service/v2/get_permanent_code":         CredentialDeny,
		"/cgi-bin/license/create_new_order":              CredentialDeny,
		"/cgi-bin/advanced_api/x":                        CredentialDeny,
		"/cgi-bin/paytool/x":                             CredentialDeny,
		"/cgi-bin/openhw/get_model_token":                CredentialDeny,
		"/cgi-bin/hardware/get_device_feature":           CredentialDeny,
		"/cgi-bin/corpgroup/corp/gettoken":               CredentialDeny,
		"/cgi-bin/idconvert/upgrade_chatid_for_new_corp": CredentialDeny,
		"/cgi-bin/token":                                 CredentialDeny,
		"/cgi-bin/stable_token":                          CredentialDeny,
		"/cgi-bin/ticket/getticket":                      CredentialDeny,
		"/cgi-bin/component/api_component_token":         CredentialDeny,
		"/sns/jscode2session":                            CredentialDeny,
		"/sns/userinfo":                                  CredentialDeny,
	} {
		if got := credentialOf(&WeCom, path); got != want {
			t.Errorf("%s: got %q; want %q", path, got, want)
		}
	}
}

func TestTicketsOfAKind(t *testing.T) {
	if got, want := WeCom.AllTickets(), []string{"agent_config", "wx_card", "jsapi"}; !slices.Equal(got, want) {
		t.Errorf("WeCom's: got %v; want %v", got, want)
	}
	if got, want := WeChat.AllTickets(), []string{"jsapi", "wx_card"}; !slices.Equal(got, want) {
		t.Errorf("WeChat's: got %v; want %v", got, want)
	}
	if slices.Contains(WeCom.TokenErrcodes, 40001) {
		t.Error("got 40001 among WeCom's rejections of tokens; there it is a wrong secret")
	}
}
