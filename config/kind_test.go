package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
)

// secretOf returns a secret as long as WeCom's are.
func secretOf(name string) string { return (canary + "-" + name + strings.Repeat("x", 43))[:43] }

// application returns an [[account]] of WeCom's.
func application(name, corpID, more string) string {
	return "[[account]]\nname = \"" + name + "\"\nkind = \"wecom\"\ncorp_id = \"" + corpID + "\"\nsecret = \"" + secretOf(name) + "\"\n" + more + "\n"
}

const shop = "[[account]]\nname = \"shop\"\napp_id = \"wx0123456789abcdef\"\nsecret = \"" + canary + "\"\n"

func TestApplicationsOfOneCorpAreAccounts(t *testing.T) {
	cfg := mustLoad(t, application("crm", "ww1", "agent_id = 1000002")+application("oa", "ww1", `agent_id = "1000003"`)+application("book", "ww1", "")+shop)
	for i, want := range []Account{
		{Name: "crm", Kind: WeCom, CorpID: "ww1", AgentID: "1000002"},
		{Name: "oa", Kind: WeCom, CorpID: "ww1", AgentID: "1000003", AgentIsText: true},
		{Name: "book", Kind: WeCom, CorpID: "ww1"},
		{Name: "shop", AppID: "wx0123456789abcdef", TokenAPI: "stable", Default: true},
	} {
		got := cfg.Accounts[i]
		want.Secret, want.Source = got.Secret, got.Source
		if textOf(got, plain) != textOf(want, plain) {
			t.Errorf("got %+v; want %+v", got, want)
		}
	}
	if text := cfg.Describe(); !strings.Contains(text, "crm is application 1000002 of the corp ww1 at WeCom, secret from the configuration") ||
		!strings.Contains(text, "book is an application of the corp ww1 at WeCom") || !strings.Contains(text, "upstream.wecom  https://qyapi.weixin.qq.com\n") ||
		!strings.Contains(text, "on errcode 40001, 40014, 42001 and on WeCom's errcode 40014, 42001\n") {
		t.Errorf("got %s", text)
	}
}

// What is stored of one account must not be taken for another's.
func TestNoTwoAccountsHaveTheSameKey(t *testing.T) {
	seen := map[string]Account{}
	for _, a := range []Account{
		{Name: "a", AppID: "ww1"}, {Name: "a", AppID: "ww1-7"}, {Name: "a", AppID: "ww1_7"},
		{Name: "a", Kind: WeCom, CorpID: "ww1", AgentID: "7"}, {Name: "b", Kind: WeCom, CorpID: "ww1", AgentID: "8"}, {Name: "a", Kind: WeCom, CorpID: "ww2", AgentID: "7"},
		{Name: "a", Kind: WeCom, CorpID: "ww1"}, {Name: "7", Kind: WeCom, CorpID: "ww1"}, {Name: "a", Kind: WeCom, CorpID: "ww1", AgentID: "name"},
		{Name: "name", Kind: WeCom, CorpID: "ww1"},
	} {
		if other, taken := seen[a.Key()]; taken {
			t.Errorf("%+v and %+v have the key %s", a, other, a.Key())
		}
		seen[a.Key()] = a
	}
	renamed := Account{Name: "new", Kind: WeCom, CorpID: "ww1", AgentID: "7"}
	if before := (Account{Name: "old", Kind: WeCom, CorpID: "ww1", AgentID: "7"}); !renamed.KeepsAs(before) {
		t.Error("an application that only got another name does not keep its token")
	}
	if before := (Account{Name: "new", Kind: WeCom, CorpID: "ww1", AgentID: "8"}); renamed.KeepsAs(before) {
		t.Error("another application of the corp keeps the token")
	}
}

func TestEachKindHasADefault(t *testing.T) {
	for name, row := range map[string]struct{ file, want string }{
		"the only one":                  {application("crm", "ww1", ""), "crm"},
		"WeChat's only one":             {application("crm", "ww1", "") + shop, "shop"},
		"WeChat's before WeCom's":       {application("crm", "ww1", "default = true") + strings.Replace(shop, "name", "default = true\nname", 1) + strings.ReplaceAll(shop, "shop", "club"), ""},
		"several of WeCom":              {application("crm", "ww1", "") + application("oa", "ww1", ""), "none"},
		"the one of several of WeCom's": {application("crm", "ww1", "") + application("oa", "ww1", "default = true"), "oa"},
	} {
		t.Run(name, func(t *testing.T) {
			row.file = strings.Replace(row.file, "name = \"club\"\napp_id = \"wx0123456789abcdef\"", "name = \"club\"\napp_id = \"wx0123456789abcdee\"", 1)
			got, found := mustLoad(t, row.file).DefaultAccount()
			if row.want == "" {
				row.want = "shop"
			}
			if found != (row.want != "none") || found && got.Name != row.want {
				t.Errorf("got %v, %s; want %s", found, got.Name, row.want)
			}
		})
	}
}

func TestTheWayToWeComIsAsToWeChatUnlessItSaysOtherwise(t *testing.T) {
	cfg := mustLoad(t, "[upstream]\nurl = \"https://wechat.example\"\ntimeout = \"9s\"\nidle_timeout = \"2s\"\nip_family = \"ipv4\"\n"+
		"[upstream.wecom]\nurl = \"http://127.0.0.1:8443\"\nidle_timeout = \"7s\"\nmax_connections = 3\n"+application("crm", "ww1", ""))
	got := cfg.UpstreamOf(WeCom)
	want := Upstream{URL: "http://127.0.0.1:8443", FallbackURLs: []string{}, ConnectTimeout: 3 * time.Second, Timeout: 9 * time.Second, IdleTimeout: 7 * time.Second, MaxConnections: 3, IPFamily: "ipv4"}
	if textOf(got, plain) != textOf(want, plain) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	if got := cfg.UpstreamOf(WeChat); got.URL != "https://wechat.example" || got.IdleTimeout != 2*time.Second || got.MaxConnections != 512 {
		t.Errorf("WeChat's: got %+v", got)
	}
	if len(cfg.Warnings()) != 0 {
		t.Errorf("got the warnings %q; want none for loopback", cfg.Warnings())
	}
	cfg = mustLoad(t, "[upstream.wecom]\nurl = \"https://wecom.internal\"\n"+shop)
	if len(cfg.Warnings()) != 1 || !strings.Contains(cfg.Warnings()[0], "upstream.wecom: has no effect") {
		t.Errorf("got the warnings %q; want one of no effect", cfg.Warnings())
	}
	cfg = mustLoad(t, "[upstream.wecom]\nurl = \"http://wecom.internal:8080\"\n"+application("crm", "ww1", ""))
	if len(cfg.Warnings()) != 1 || !strings.Contains(cfg.Warnings()[0], "upstream.wecom.url: http:// sends the applications' secrets and tokens in the clear") {
		t.Errorf("got the warnings %q; want one of http", cfg.Warnings())
	}
}

// Configurations without WeCom have the hash that they had before there was any.
func TestTheHashIsThatOfBeforeWeCom(t *testing.T) {
	plainFile := mustLoad(t, shop)
	if got, want := plainFile.Hash(plainFile), mustLoad(t, "[upstream.wecom]\nurl = \"https://qyapi.weixin.qq.com\"\n"+strings.Replace(shop, "app_id", "kind = \"wechat\"\napp_id", 1)); got != want.Hash(want) {
		t.Errorf("got %s; want what the defaults have, %s", got, want.Hash(want))
	}
	before, after := mustLoad(t, application("crm", "ww1", "agent_id = 1")), mustLoad(t, "[upstream.wecom]\nurl = \"https://w.example\"\n"+application("crm", "ww1", "agent_id = 2"))
	if before.Hash(before) == after.Hash(after) {
		t.Error("another agent_id has the same hash")
	}
	if got := before.ChangesTo(after); len(got.Changed) != 2 || got.Changed[0] != "upstream.wecom.url" || got.Changed[1] != "account crm (agent_id)" {
		t.Errorf("got the changes %+v", got)
	}
}

func TestForwardsAndClientsOfApplications(t *testing.T) {
	cfg := mustLoad(t, "[push]\nlisten = \"127.0.0.1:8082\"\n"+application("crm", "ww1", "push_token = \""+canary+"\"\npush_aes_key = \""+aesKey("A")+"\"")+
		"[[forward]]\naccount = \"ww1\"\nurl = \"http://127.0.0.1:9000/\"\n[[client]]\nname = \"orders\"\nkey = \"key-"+canary+"\"\naccounts = [\"crm\"]\n")
	if len(cfg.Warnings()) != 0 {
		t.Errorf("got the warnings %q; want none", cfg.Warnings())
	}
	_, err := Load(write(t, "config.toml", application("crm", "ww1", "")+application("oa", "ww1", "")+application("hr", "ww1", "")+"[[forward]]\naccount = \"ww1\"\nurl = \"http://127.0.0.1:9000/\"\n"), lookup())
	if err == nil || !strings.Contains(err.Error(), "forward[1].account: ") {
		t.Errorf("got %v; want a forward for the corp id of several refused", err)
	}
}

// A setting of [upstream] that is new holds for WeCom, too.
func TestTheWayToWeComLeavesNothingOut(t *testing.T) {
	c := Default()
	way := reflect.ValueOf(&c.Upstream).Elem()
	for i := range way.NumField() {
		switch f := way.Field(i); f.Interface().(type) {
		case string:
			f.SetString("x")
		case secret.Secret:
			f.Set(reflect.ValueOf(secret.New("x")))
		case int, time.Duration:
			f.SetInt(7)
		case bool:
			f.SetBool(true)
		}
	}
	got := reflect.ValueOf(c.UpstreamOf(WeCom))
	for i := range got.NumField() {
		if name := got.Type().Field(i).Name; got.Field(i).IsZero() {
			t.Errorf("%s is lost", name)
		}
	}
}

// Mistakes of somebody in a hurry that may be none have a warning.
func TestDoubtsAboutSecretsOfWeCom(t *testing.T) {
	for name, row := range map[string]struct{ toml, want string }{
		"another length":        {strings.Replace(application("crm", "ww1", ""), secretOf("crm"), canary, 1), "account[1].secret: is not as long as WeCom's secrets"},
		"WeChat's":              {strings.Replace(application("crm", "ww1", ""), secretOf("crm"), "5f4dcc3b5aa765d65f4dcc3b5aa765d6", 1), "account[1].secret: looks like an AppSecret of WeChat's"},
		"an example's":          {strings.Replace(application("crm", "ww1", ""), secretOf("crm"), "secret", 1), "account[1].secret: is a word that stands in examples; WeCom's console"},
		"another application's": {application("crm", "ww1", "") + strings.Replace(application("oa", "ww1", ""), secretOf("oa"), secretOf("crm"), 1), "account[2].secret: is that of account[1], which is of the same corp"},
		"of another corp":       {application("crm", "ww1", "") + strings.Replace(application("oa", "ww2", ""), secretOf("oa"), secretOf("crm"), 1), ""},
		"none":                  {application("crm", "ww1", "agent_id = 1000002") + application("oa", "ww1", ""), ""},
	} {
		warnings := mustLoad(t, row.toml).Warnings()
		if len(warnings) != min(len(row.want), 1) || row.want != "" && !strings.Contains(warnings[0], row.want) {
			t.Errorf("%s: got %q; want %q", name, warnings, row.want)
		}
		for _, warning := range warnings {
			if strings.Contains(warning, canary) {
				t.Errorf("%s: the warning has the secret", name)
			}
		}
	}
}
