package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
)

// checksLive runs wxproxy check -live and returns it when it has ended with this
// exit code and without having shown a secret.
func checksLive(t *testing.T, want int, upstream, toml string, env ...string) *program {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir+"/config.toml", toml)
	p := runs(t, want, launch{args: []string{"check", "-live"}, dir: dir, env: append(env, "WXPROXY_UPSTREAM_URL="+upstream)})
	for _, secret := range []string{appSecret, otherSecret, wechattest.TokenPrefix} {
		if strings.Contains(p.stdout.String()+p.stderr.String(), secret) {
			t.Errorf("got a secret in %s%s", p.stdout.String(), p.stderr.String())
		}
	}
	return p
}

const otherSecret = "07ce50c3e707ce50c3e707ce50c3e701"

// accountWith is a configured one.
func accountWith(name, appID, secret, api string) string {
	return fmt.Sprintf("[[account]]\nname = %q\napp_id = %q\nsecret = %q\ntoken_api = %q\n", name, appID, secret, api)
}

func TestCheckLiveSaysOfEachAccountWhatItLacks(t *testing.T) {
	t.Parallel()
	const good, wrong, elsewhere, unknown, classic = appID, "wx0000000000000001", "wx0000000000000002", "wx0000000000000003", "wx0000000000000004"
	w := startWeChat(t, wechattest.App{ID: good, Secret: appSecret}, wechattest.App{ID: wrong, Secret: appSecret}, wechattest.App{ID: classic, Secret: appSecret},
		wechattest.App{ID: elsewhere, Secret: appSecret, AllowIPs: []string{"203.0.113.7"}})
	toml := accountWith("shop", good, appSecret, "stable") + accountWith("typo", wrong, otherSecret, "stable") +
		accountWith("away", elsewhere, appSecret, "classic") + accountWith("alien", unknown, appSecret, "classic") + accountWith("old", classic, appSecret, "classic")
	p := checksLive(t, exitFailure, w.URL, toml)
	for _, want := range []string{
		"  shop: good; WeChat issued a token for ",
		"  typo: errcode 40125: ", "check secret: ",
		"  away: errcode 40164: ", "put 127.0.0.1 on the IP allow-list",
		"  alien: errcode 40013: ", "check app_id: ",
		"  old: good; WeChat accepts the AppSecret",
	} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("got %s; want %q in it", p.stdout.String(), want)
		}
	}
	if got := p.stderr.String(); got != "wxproxy: no token for 3 of 5 accounts\n" {
		t.Errorf("got %q; want how many accounts have none", got)
	}
}

func TestCheckLiveSaysWhatHelpsWhereTheSecretIsRight(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		errcode int
		wants   []string
	}{
		"a frozen AppSecret":       {40243, []string{"shop: errcode 40243: ", "unfreeze the AppSecret", "请在微信后台解冻"}},
		"another allow-list":       {61004, []string{"shop: errcode 61004: ", "on the IP allow-list", "「IP 白名单」"}},
		"an administrator to ask":  {89503, []string{"shop: errcode 89503: ", "administrator must confirm"}},
		"a quota that is used up":  {45009, []string{"shop: errcode 45009: ", "are used up", "北京时间零点"}},
		"a frozen account":         {50007, []string{"shop: errcode 50007: ", "frozen this account"}},
		"an errcode without words": {12345, []string{"shop: errcode 12345: ", "look up the errcode"}},
	} {
		for _, api := range []string{"stable", "classic"} {
			t.Run(name+", "+api, func(t *testing.T) {
				t.Parallel()
				w := startWeChat(t)
				w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Errcode: test.errcode})
				p := checksLive(t, exitFailure, w.URL, accountWith("shop", appID, appSecret, api))
				for _, want := range test.wants {
					if !strings.Contains(p.stdout.String(), want) {
						t.Errorf("got %s; want %q in it", p.stdout.String(), want)
					}
				}
			})
		}
	}
}

func TestCheckLiveAgainstNobodyOrAMistakeEndsWithOne(t *testing.T) {
	t.Parallel()
	p := checksLive(t, exitFailure, "http://"+refusing(t), fourLines+accountWith("blog", "wx0000000000000001", appSecret, "classic"))
	if got := p.stdout.String(); strings.Count(got, "refused") != 2 || strings.Count(got, "check upstream.url") != 2 {
		t.Errorf("got %s; want a word about each account", got)
	}
	p = checksLive(t, exitFailure, "http://"+refusing(t), strings.Replace(fourLines, "app_id", "appid", 1))
	if got := p.stderr.String(); !strings.Contains(got, "did you mean `app_id`") || strings.Contains(p.stdout.String(), "asking") {
		t.Errorf("got %q; want the mistake, and WeChat not to be asked", got)
	}
	secret := t.TempDir() + "/secret"
	writeFile(t, secret, appSecret)
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	checksLive(t, exitFailure, "http://"+refusing(t), "[[account]]\nname = \"shop\"\napp_id = \""+appID+"\"\nsecret_file = \""+secret+"\"\n")
}

// A classic token dies by the next one that anybody fetches.
func TestCheckLiveDisturbsNoProxyThatRuns(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t)
			toml := accountWith("shop", appID, appSecret, api)
			p := serving(t, w.URL, toml)
			p.awaitReady()
			before := w.Tokens(appID)
			for range 3 {
				checksLive(t, exitOK, w.URL, toml)
				if a := p.mustSucceed(); a.header.Get("Wxproxy-Attempts") != "1" {
					t.Errorf("got %s attempts; want 1", a.header.Get("Wxproxy-Attempts"))
				}
			}
			if after := w.Tokens(appID); after[0] != before[0] {
				t.Error("got another token; want the one that the proxy has")
			}
			if f := w.Fetches(appID); f.Forced != 0 || api == "classic" && f.Classic != 1 {
				t.Errorf("got %+v; want the proxy's own fetch and questions that change nothing", f)
			}
			if a := p.mustAsk("GET", p.admin+"/readyz", ""); a.code != http.StatusOK {
				t.Errorf("got %d; want 200", a.code)
			}
			p.stop()
		})
	}
}

func TestCheckLiveSaysWhereWeChatPushesTo(t *testing.T) {
	t.Parallel()
	const other, closed = "wx0000000000000001", "wx0000000000000002"
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret}, wechattest.App{ID: other, Secret: appSecret}, wechattest.App{ID: closed, Secret: appSecret})
	host := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write([]byte(r.URL.Query().Get("echostr")))
	}))
	defer host.Close()
	if err := w.SetCallback(t.Context(), wechattest.Callback{AppID: appID, URL: host.URL + "/push/shop", Token: "pushed-with"}); err != nil {
		t.Fatal(err)
	}
	const pushed = "push_token = \"pushed-with\"\n"
	shop, unset := accountWith("shop", appID, appSecret, "stable")+pushed, accountWith("unset", other, appSecret, "stable")+pushed
	p := checksLive(t, exitOK, w.URL, shop+accountWith("quiet", other, appSecret, "stable"))
	const found = "  shop, pushes: WeChat finds the host of the URL that its console has at 127.0.0.1 (UNICOM); it has to end with /push/shop\n    ping 127.0.0.1: 0% lost, 23.079ms"
	if got := p.stdout.String(); !strings.Contains(got, found) || strings.Contains(got, "quiet, pushes") {
		t.Errorf("got %s; want %q of the one account that has pushes", got, found)
	}
	if got := p.stderr.String(); !strings.Contains(got, "push.listen: is not set") {
		t.Errorf("got %s; want what is missing for pushes", got)
	}
	p = checksLive(t, exitFailure, w.URL, shop+unset)
	for _, want := range []string{found, "  unset: good; ", "  unset, pushes: errcode 40201: ", "save the URL of the account's pushes in WeChat's console", "请在微信后台「消息推送」中填写"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("got %s; want %q in it", p.stdout.String(), want)
		}
	}
	if got := p.stderr.String(); !strings.HasSuffix(got, "wxproxy: WeChat has nowhere to push to for 1 of 2 accounts\n") {
		t.Errorf("got %q; want for how many accounts WeChat has nowhere to push to", got)
	}
	permit := w.Inject(wechattest.Fault{Path: "/cgi-bin/callback/check", Errcode: 48001})
	p = checksLive(t, exitOK, w.URL, shop)
	permit()
	if got := p.stdout.String(); !strings.Contains(got, "shop, pushes: errcode 48001: ") || !strings.Contains(got, "nothing more can be said") {
		t.Errorf("got %s; want that WeChat does not say it", got)
	}
	w.Inject(wechattest.Fault{Path: "/cgi-bin/callback/check", Body: []byte(`{"dns":[],"ping":[]}`)})
	p = checksLive(t, exitFailure, w.URL, shop)
	if got := p.stdout.String(); !strings.Contains(got, "WeChat finds no address for the host") {
		t.Errorf("got %s; want that there is no address", got)
	}
}
