package proxy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/upstream"
)

// slugOf returns the slug of the proxy's own error, or "" for WeChat's answer.
func slugOf(ctx *fasthttp.RequestCtx) string {
	return string(ctx.Response.Header.Peek("Wxproxy-Error"))
}

func TestAccountIsChosenByWhatTheRequestNames(t *testing.T) {
	u := &recorder{answers: []string{rawtest.OKBody}}
	c := config(u, account("shop", "wxshop"), account("club", "wxclub"), account("game", "wxgame"))
	c.Default = "game"
	p := New(c)
	rows := []struct{ name, request, want string }{
		{"nothing: the default", rawtest.Get("/p"), "game"},
		{"the path, by name", rawtest.Get("/@shop/p"), "shop"},
		{"the path, by app_id", rawtest.Get("/@wxshop/p"), "shop"},
		{"the header, by name", rawtest.Get("/p", "Wxproxy-Account: club"), "club"},
		{"the header, by app_id, in other letters", rawtest.Get("/p", "wxproxy-ACCOUNT: wxclub"), "club"},
		{"an empty header", rawtest.Get("/p", "Wxproxy-Account: "), "game"},
		{"the query", rawtest.Get("/p?from_appid=wxclub"), "club"},
		{"the query, encoded", rawtest.Get("/p?a&From%5Fappid=wx%63lub"), "club"},
		{"the path before the header", rawtest.Get("/@shop/p", "Wxproxy-Account: club"), "shop"},
		{"the header before the query", rawtest.Get("/p?from_appid=wxclub", "Wxproxy-Account: shop"), "shop"},
		{"the path in absolute form", rawtest.Get("http://api.weixin.qq.com/@club/p"), "club"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			ctx := handle(t, p, row.request)
			if got := string(ctx.Response.Header.Peek("Wxproxy-Account")); got != row.want {
				t.Fatalf("got %q (%s); want %q", got, ctx.Response.Body(), row.want)
			}
			if got, want := u.got[len(u.got)-1].target, "access_token="+row.want+"-token"; !strings.HasSuffix(got, want) {
				t.Errorf("got the target %q; want %q at its end", got, want)
			}
			if got := u.got[len(u.got)-1]; strings.Contains(got.target, "appid") || strings.Contains(got.fields, "xproxy") {
				t.Errorf("what names the account was forwarded: %q %q", got.target, got.fields)
			}
		})
	}
}

func TestAccountThatIsNotThereIsRefused(t *testing.T) {
	several := config(&recorder{answers: []string{rawtest.OKBody}}, account("shop", "wxshop"), account("club", "wxclub"))
	one := config(&recorder{answers: []string{rawtest.OKBody}})
	rows := []struct {
		name    string
		config  Config
		request string
		want    string
	}{
		{"several, none the default, none named", several, rawtest.Get("/p"), "unknown_account"},
		{"an unknown name in the path", one, rawtest.Get("/@nobody/p"), "unknown_account"},
		{"an empty name in the path", one, rawtest.Get("/@/p"), "unknown_account"},
		{"a name in other letters", one, rawtest.Get("/@SHOP/p"), "unknown_account"},
		{"an unknown name in the header", one, rawtest.Get("/p", "Wxproxy-Account: nobody"), "unknown_account"},
		{"an unknown app_id in the query", one, rawtest.Get("/p?from_appid=wxnobody"), "unknown_account"},
		{"an empty app_id in the query", one, rawtest.Get("/p?from_appid"), ""}, // as an empty header: none is named
		{"an empty app_id in the query, encoded", one, rawtest.Get("/p?%66rom_appid=&a"), ""},
		{"an app_id with a blank", one, rawtest.Get("/p?from_appid=wxshop%20"), "unknown_account"},
		{"two app_ids in the query", several, rawtest.Get("/p?from_appid=wxshop&from_appid=wxclub"), "bad_request"},
		{"the same app_id twice", several, rawtest.Get("/p?from_appid=wxshop&from_appid=&from_appid=wxshop"), ""},
		{"two headers", several, rawtest.Get("/p", "Wxproxy-Account: shop", "wxproxy-account: club"), "bad_request"},
		{"an empty header and another", several, rawtest.Get("/p", "Wxproxy-Account: ", "Wxproxy-Account: club"), ""},
		{"a name in the path, needlessly encoded", several, rawtest.Get("/@s%68op/p"), ""},
		{"an app_id in the path, encoded as a whole", several, rawtest.Get("/%40%77%78%73%68%6f%70/p"), ""},
		{"a name in the path, encoded twice", several, rawtest.Get("/@s%2568op/p"), "unknown_account"},
		{"a name in the path with an encoded slash", several, rawtest.Get("/@shop%2Fp"), "unknown_account"},
		{"a name in the path with an encoded @", several, rawtest.Get("/@%40shop/p"), "unknown_account"},
		{"a name in the path with an encoded NUL", several, rawtest.Get("/@shop%00/p"), "unknown_account"},
		{"a name in the path with half an escape", several, rawtest.Get("/@shop%6/p"), "unknown_account"},
		{"an app_id that cannot be decoded", one, rawtest.Get("/p?from_appid=%zz"), "unknown_account"},
		{"the only one, by default", one, rawtest.Get("/p"), ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := slugOf(handle(t, New(row.config), row.request)); got != row.want {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

func TestClientMayDoWhatItsRightsSay(t *testing.T) {
	c := config(&recorder{answers: []string{rawtest.OKBody}}, account("shop", "wxshop"), account("club", "wxclub"))
	shopOnly, both, gone := keyed("orders", "orders-key"), keyed("all", "all-key"), keyed("old", "old-key")
	shopOnly.Accounts = []string{"shop"}
	shopOnly.Allow = []string{"/cgi-bin/Message/*", "/wxa/exact"}
	shopOnly.Deny = []string{"/cgi-bin/message/mass/*"}
	both.Accounts = []string{"shop", "club"}
	both.Deny = []string{"/cgi-bin/user/get"}
	gone.Accounts = []string{"deleted"}
	c.Clients = []Client{shopOnly, both, gone}
	p := New(c)
	const orders, all, old = "Authorization: Bearer orders-key", "Authorization: Bearer all-key", "Authorization: Bearer old-key"
	rows := []struct{ name, request, want string }{
		{"no key", rawtest.Get("/p"), "unauthenticated"},
		{"another key", rawtest.Get("/p", "Authorization: Bearer other-key"), "unauthenticated"},
		{"an empty key", rawtest.Get("/p", "Authorization: Bearer"), "unauthenticated"},
		{"another scheme", rawtest.Get("/p", "Authorization: Basic orders-key"), "unauthenticated"},
		{"the key in the query", rawtest.Get("/p?access_token=orders-key"), "unauthenticated"},
		{"the hash for the key", rawtest.Get("/p", "Authorization: Bearer "+string(shopOnly.KeySHA256[:4])), "unauthenticated"},

		{"its only account, unnamed", rawtest.Get("/cgi-bin/message/send", orders), ""},
		{"its only account, named", rawtest.Get("/@shop/cgi-bin/message/send", orders), ""},
		{"another scheme's letters", rawtest.Get("/cgi-bin/message/send", "authorization: BEARER  orders-key"), ""},
		{"another account", rawtest.Get("/@club/cgi-bin/message/send", orders), "forbidden_account"},
		{"another account by header", rawtest.Get("/cgi-bin/message/send", orders, "Wxproxy-Account: wxclub"), "forbidden_account"},
		{"an account that nobody has", rawtest.Get("/@nobody/cgi-bin/message/send", orders), "unknown_account"},
		{"its only account is gone", rawtest.Get("/p", old), "unknown_account"},

		{"an allowed path", rawtest.Get("/wxa/exact", orders), ""},
		{"an allowed path, encoded", rawtest.Get("/wxa/%65xact", orders), ""},
		{"behind an allowed path", rawtest.Get("/wxa/exact/more", orders), "forbidden_path"},
		{"a path that is not allowed", rawtest.Get("/cgi-bin/user/get", orders), "forbidden_path"},
		{"a denied path below an allowed one", rawtest.Get("/cgi-bin/message/mass/send", orders), "forbidden_path"},
		{"a denied path in other letters", rawtest.Get("/cgi-bin/message/MASS/send", orders), "forbidden_path"},
		{"a denied path, encoded", rawtest.Get("/cgi-bin/message/%6dass/send", orders), "forbidden_path"},

		{"several accounts, none named", rawtest.Get("/p", all), "unknown_account"},
		{"several accounts, one named", rawtest.Get("/@club/p", all), ""},
		{"a denied path where all are allowed", rawtest.Get("/@club/cgi-bin/user/get", all), "forbidden_path"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			ctx := handle(t, p, row.request)
			if got := slugOf(ctx); got != row.want {
				t.Errorf("got %q (%s); want %q", got, ctx.Response.Body(), row.want)
			}
			if strings.Contains(ctx.Response.String(), "-key") {
				t.Errorf("the answer quotes a key: %s", ctx.Response.Body())
			}
		})
	}
}

func TestWhatSDKsSendWhereTheSecretGoesIsTheKeyAndPicksTheAccount(t *testing.T) {
	clients := []Client{keyed("orders", "orders-key"), {Name: "games", KeySHA256: keyed("games", "games-key").KeySHA256, Accounts: []string{"game"}}}
	rows := []struct {
		name, request string
		clients       []Client
		account, slug string
	}{
		{"key and app_id", rawtest.Get("/sns/jscode2session?appid=wxclub&secret=orders-key&js_code=1"), clients, "club", ""},
		{"the other name of the secret", rawtest.Get("/cgi-bin/clear_quota/v2?appid=wxclub&appsecret=orders-key"), clients, "club", ""},
		{"a wrong key", rawtest.Get("/sns/jscode2session?appid=wxclub&secret=x&js_code=1"), clients, "", "unauthenticated"},
		{"no key", rawtest.Get("/sns/jscode2session?appid=wxclub&js_code=1"), clients, "", "unauthenticated"},
		{"a key where WeChat wants no AppSecret", rawtest.Get("/sns/oauth2/refresh_token?appid=wxclub&secret=orders-key"), clients, "club", ""},
		{"a key in the usual place", rawtest.Get("/cgi-bin/clear_quota/v2?appid=wxclub&secret=orders-key"), clients, "club", ""},
		{"a wrong key in the place that counts", rawtest.Get("/cgi-bin/clear_quota/v2?appid=wxclub&secret=orders-key&appsecret=x"), clients, "", "unauthenticated"},
		{"a key in two places", rawtest.Get("/sns/jscode2session?appid=wxclub&secret=orders-key&appsecret=orders-key"), clients, "club", ""},
		{"a key on a path that takes a token", rawtest.Get("/p?appid=wxclub&secret=orders-key"), clients, "", "unauthenticated"},
		{"another client's account", rawtest.Get("/sns/jscode2session?appid=wxclub&secret=games-key&js_code=1"), clients, "", "forbidden_account"},
		{"an app_id that no account has", rawtest.Get("/sns/jscode2session?appid=touristappid&secret=orders-key&js_code=1"), clients, "", "unknown_account"},
		{"an app_id that no account has, for a client of one account", rawtest.Get("/sns/jscode2session?appid=touristappid&secret=games-key"), clients, "", "unknown_account"},
		{"an app_id that no account has, with a key in the header", rawtest.Get("/sns/jscode2session?appid=touristappid", "Authorization: Bearer orders-key"), clients, "", "unknown_account"},
		{"an empty app_id", rawtest.Get("/sns/jscode2session?appid=&secret=orders-key&js_code=1"), clients, "game", ""},
		{"no app_id", rawtest.Get("/sns/jscode2session?secret=orders-key&js_code=1"), clients, "game", ""},
		{"the path before an app_id that no account has", rawtest.Get("/@shop/sns/jscode2session?appid=touristappid&secret=orders-key"), clients, "shop", ""},
		{"an app_id without clients", rawtest.Get("/sns/jscode2session?appid=wxclub&secret=any&js_code=1"), nil, "club", ""},
		{"an app_id that no account has, without clients", rawtest.Get("/sns/jscode2session?appid=touristappid&js_code=1"), nil, "game", ""},
		{"the path beside another app_id", rawtest.Get("/@shop/sns/jscode2session?appid=wxclub&js_code=1"), nil, "", "bad_request"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			u := &recorder{answers: []string{rawtest.OKBody}}
			c := config(u, account("shop", "wxshop"), account("club", "wxclub"), account("game", "wxgame"))
			c.Default, c.Clients = "game", row.clients
			ctx := handle(t, New(c), row.request)
			if got := slugOf(ctx); got != row.slug {
				t.Fatalf("got %q (%s); want %q", got, ctx.Response.Body(), row.slug)
			}
			if got := string(ctx.Response.Header.Peek("Wxproxy-Account")); got != row.account {
				t.Errorf("got the account %q; want %q", got, row.account)
			}
			for _, sent := range u.got {
				if strings.Contains(sent.target, "-key") || !strings.Contains(sent.target, "appid=wx"+row.account) {
					t.Errorf("WeChat got %q; want the account's appid and no key", sent.target)
				}
			}
		})
	}
}

func TestKeyOfTheClientDoesNotReachWeChat(t *testing.T) {
	u := &recorder{answers: []string{rawtest.OKBody}}
	c := config(u)
	c.Clients = []Client{keyed("orders", "orders-key")}
	handle(t, New(c), rawtest.Get("/p", "Authorization: Bearer orders-key", "X: y"))
	if want := "X: y\r\n"; len(u.got) != 1 || u.got[0].fields != want {
		t.Errorf("got %+v; want one request with the fields %q", u.got, want)
	}
}

func TestWhoMayUseAnAccountLearnsWhichOneFailed(t *testing.T) {
	failing := upstreamFunc(func(*upstream.Message, *fasthttp.Response) error { return upstream.ErrTimeout })
	limited := keyed("orders", "orders-key")
	limited.Accounts = []string{"shop"}
	p := threeAccounts(failing, limited)
	forged := virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Now().Add(time.Hour), new(virtual.Key))
	for _, row := range []struct{ name, raw, want string }{
		{"time-out", rawtest.Get("/p", "Authorization: Bearer orders-key"), "shop"},
		{"an API that the proxy has no credential for", rawtest.Get("/cgi-bin/component/x", "Authorization: Bearer orders-key"), "shop"},
		{"without a key", rawtest.Get("/@shop/p"), ""},
		{"another's account", rawtest.Get("/@club/p", "Authorization: Bearer orders-key"), ""},
		{"a forged token", rawtest.Get("/p?access_token=" + forged), ""},
		{"a wrong secret for a token", rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=x"), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx := handle(t, p, row.raw)
			if got := string(ctx.Response.Header.Peek("Wxproxy-Account")); got != row.want {
				t.Errorf("got the account %q (%s); want %q", got, ctx.Response.Body(), row.want)
			}
		})
	}
}

func TestErrorsHaveTheShapeOfWeChats(t *testing.T) {
	ctx := handle(t, New(config(nil)), rawtest.Get("/a//b"))
	var body map[string]any
	if err := json.Unmarshal(ctx.Response.Body(), &body); err != nil {
		t.Fatal(err)
	}
	if len(body) != 2 || body["errcode"] != -40000.0 || body["errmsg"] != "wxproxy: bad_request: the path holds '//', '\\' or an encoded slash" {
		t.Errorf("got %v", body)
	}
	if got, want := string(ctx.Response.Header.ContentType()), "application/json; charset=utf-8"; got != want {
		t.Errorf("got the type %q; want %q", got, want)
	}
}

// The configuration refuses the hash of the empty key. If the proxy got it all the same,
// no caller could get in by it.
func TestNoKeyIsNobodysEvenWithTheHashOfNothing(t *testing.T) {
	u := &recorder{answers: []string{rawtest.OKBody}}
	c := config(u, account("shop", "wxshop"))
	c.Clients, c.TokenEndpoint = []Client{keyed("nothing", "")}, TokenReal
	p := New(c)
	for _, request := range []string{
		rawtest.Get("/p"),
		rawtest.Get("/p", "Authorization: Bearer"),
		rawtest.Get("/p", "Authorization: Bearer "),
		rawtest.Get("/p", "Authorization: bearer \t "),
		rawtest.Get("/sns/jscode2session?secret=&js_code=1"),
		rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret="),
		rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=%20"),
	} {
		if body := string(handle(t, p, request).Response.Body()); len(u.got) > 0 || strings.Contains(body, "shop-token") {
			t.Errorf("%q: got %s; want nothing", request, body)
		}
	}
}
