package proxy

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/upstream"
)

// issued is what the token endpoints answer.
type issued struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	Errcode     int    `json:"errcode"`
	Errmsg      string `json:"errmsg"`
}

func ask(t testing.TB, p *Proxy, raw string) issued {
	t.Helper()
	ctx := handle(t, p, raw)
	var got issued
	if err := json.Unmarshal(ctx.Response.Body(), &got); err != nil {
		t.Fatalf("%v in %s", err, ctx.Response.Body())
	}
	return got
}

// threeAccounts is a proxy with the accounts shop, club and game.
func threeAccounts(u Upstream, clients ...Client) *Proxy {
	c := config(u, account("shop", "wxshop"), account("club", "wxclub"), account("game", "wxgame"))
	c.Default, c.Clients, c.TokenEndpoint = "shop", clients, TokenVirtual
	return New(c)
}

func TestSDKsGetATokenInEveryWayTheyAsk(t *testing.T) {
	for name, raw := range map[string]string{
		"GET":                      rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxclub&secret=club-secret"),
		"another order":            rawtest.Get("/cgi-bin/token?secret=x&appid=wxclub&grant_type=client_credential"),
		"a form":                   post("/cgi-bin/token", "grant_type=client_credential&appid=wxclub&secret=x"),
		"JSON":                     post("/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"wxclub","secret":"x","force_refresh":true}`),
		"JSON with space":          post("/cgi-bin/stable_token", "\n {\"grant_type\":\"client_credential\",\"appid\":\"wxclub\",\"secret\":\"x\"}\n"),
		"POST with a query":        post("/cgi-bin/token?grant_type=client_credential&appid=wxclub&secret=x", ""),
		"behind an account's name": rawtest.Get("/@club/cgi-bin/token?grant_type=client_credential&appid=wxclub&secret=x"),
	} {
		t.Run(name, func(t *testing.T) {
			u := &recorder{answers: []string{rawtest.OKBody}}
			p := threeAccounts(u)
			got := ask(t, p, raw)
			if !strings.HasPrefix(got.AccessToken, "wxp_") || len(got.AccessToken) > 256 || got.ExpiresIn != 7200 || got.Errcode != 0 {
				t.Fatalf("got %+v; want a virtual token for 7200 s", got)
			}
			ctx := handle(t, p, rawtest.Get("/p?access_token="+got.AccessToken+"&a=b"))
			if body := string(ctx.Response.Body()); body != rawtest.OKBody || u.got[0].target != "/p?a=b&access_token=club-token" {
				t.Errorf("got %s, and WeChat %q; want the token of club", body, u.got[0].target)
			}
		})
	}
}

func TestWhoAsksWronglyIsToldAsWeChatWould(t *testing.T) {
	const grant = "/cgi-bin/token?grant_type=client_credential"
	limited := keyed("limited", "limited-key")
	limited.Accounts, limited.Allow, limited.Deny = []string{"shop"}, []string{"/cgi-bin/message/*"}, []string{"/cgi-bin/stable_token"}
	clients := []Client{keyed("orders", "orders-key"), limited}
	for _, row := range []struct {
		name, raw string
		clients   []Client
		errcode   int
	}{
		{"an unknown appid", rawtest.Get(grant + "&appid=wxother&secret=x"), nil, 40013},
		{"an account's name for its appid", rawtest.Get(grant + "&appid=shop&secret=x"), nil, 40013},
		{"no appid", rawtest.Get(grant + "&secret=x"), nil, 41002},
		{"no grant_type", rawtest.Get("/cgi-bin/token?appid=wxshop&secret=x"), nil, 40002},
		{"another grant_type", rawtest.Get("/cgi-bin/token?grant_type=x&appid=wxshop&secret=x"), nil, 40002},
		{"GET where WeChat wants POST", rawtest.Get("/cgi-bin/stable_token?grant_type=client_credential&appid=wxshop"), nil, 43002},
		{"DELETE", "DELETE " + grant + "&appid=wxshop HTTP/1.1\r\nHost: x\r\n\r\n", nil, 43002},
		{"broken JSON", post("/cgi-bin/stable_token", `{"appid":`), nil, 47001},
		{"a long body", post("/cgi-bin/stable_token", "{"+strings.Repeat(" ", body.MemorySize)), nil, -41300},
		{"a client's key", rawtest.Get(grant + "&appid=wxclub&secret=orders-key"), clients, 0},
		{"a client's key in the header", rawtest.Get(grant+"&appid=wxclub", "Authorization: Bearer orders-key"), clients, 0},
		{"a client's key in the header, and no secret", rawtest.Get(grant+"&appid=wxclub&secret=", "Authorization: Bearer orders-key"), clients, 0},
		{"a client's key in both places", rawtest.Get(grant+"&appid=wxclub&secret=orders-key", "Authorization: Bearer orders-key"), clients, 0},
		{"a client's key in the header, and a wrong secret", rawtest.Get(grant+"&appid=wxclub&secret=x", "Authorization: Bearer orders-key"), clients, 40125},
		{"a client's key in the header, and another's", rawtest.Get(grant+"&appid=wxshop&secret=limited-key", "Authorization: Bearer orders-key"), clients, 40125},
		{"a wrong key", rawtest.Get(grant + "&appid=wxclub&secret=x"), clients, 40125},
		{"no key", rawtest.Get(grant + "&appid=wxclub"), clients, 41004},
		{"the AppSecret for a key", rawtest.Get(grant + "&appid=wxclub&secret=club-secret"), clients, 40125},
		{"a client that may do little", rawtest.Get(grant + "&appid=wxshop&secret=limited-key"), clients, 0},
		{"another's account", rawtest.Get(grant + "&appid=wxclub&secret=limited-key"), clients, -40300},
		{"a path that is denied", post("/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"wxshop","secret":"limited-key"}`), clients, -40301},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := new(recorder)
			got := ask(t, threeAccounts(u, row.clients...), row.raw)
			if got.Errcode != row.errcode || (got.AccessToken != "") != (row.errcode == 0) || len(u.got) > 0 {
				t.Errorf("got %+v; want errcode %d", got, row.errcode)
			}
			if strings.Contains(got.Errmsg, "-key") || strings.Contains(got.Errmsg, "-secret") {
				t.Errorf("got %q; want no secret in it", got.Errmsg)
			}
		})
	}
}

func TestAVirtualTokenIsGoodForItsClientAccountAndTimeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		orders, games := keyed("orders", "orders-key"), keyed("games", "games-key")
		orders.Allow = []string{"/p", "/sns/*"}
		games.Accounts = []string{"game"}
		u := &recorder{answers: []string{rawtest.OKBody}}
		p := threeAccounts(u, orders, games)
		tokenOf := func(p *Proxy, appID, key string) string {
			return ask(t, p, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid="+appID+"&secret="+key)).AccessToken
		}
		good := tokenOf(p, "wxclub", "orders-key")
		withoutClients := tokenOf(threeAccounts(u), "wxclub", "club-secret")
		rotated := keyed("orders", "another-key")
		renamed := keyed("sales", "orders-key")
		fewer := orders
		fewer.Accounts = []string{"shop"}
		last := good[len(good)-1:]
		changed := map[string]string{"A": "Q", "Q": "A"}[last]
		if changed == "" {
			changed = "A"
		}
		for _, row := range []struct {
			name, token, path string
			proxy             *Proxy
			errcode           int
		}{
			{"good", good, "/p", p, 0},
			{"at another replica", good, "/p", threeAccounts(u, games, orders), 0},
			{"percent-encoded", strings.Replace(good, "_", "%5F", 1), "/p", p, 0},
			{"of a path that the client may not call", good, "/q", p, -40301},
			{"whose client has another key now", good, "/p", threeAccounts(u, rotated, games), 40001},
			{"whose client is gone", good, "/p", threeAccounts(u, games), 40001},
			{"whose client has another name now", good, "/p", threeAccounts(u, renamed), 40001},
			{"whose client may not use the account now", good, "/p", threeAccounts(u, fewer), -40300},
			{"of a time without clients", withoutClients, "/p", p, 40001},
			{"of a time with clients", good, "/p", threeAccounts(u), 40001},
			{"whose account is gone", good, "/p", New(withAccounts(u, []Client{orders}, account("shop", "wxshop"))), 40001},
			{"cut short", good[:len(good)-1], "/p", p, 40001},
			{"made longer", good + "A", "/p", p, 40001},
			{"changed at its end", good[:len(good)-1] + changed, "/p", p, 40001},
			{"changed in the middle", good[:20] + swapped(good[20:21]) + good[21:], "/p", p, 40001},
			{"the prefix alone", "wxp_", "/p", p, 40001},
			{"with a line break", "wxp_%0a" + good[4:], "/p", p, 40001},
			{"padded", good + "==", "/p", p, 40001},
			{"where the AppSecret goes", good, "/sns/jscode2session", p, 0},
			{"where the AppSecret goes, of a path that the client may not call", good, "/cgi-bin/clear_quota/v2", p, -40301},
			{"where the AppSecret goes, cut short", good[:len(good)-1], "/sns/jscode2session", p, 40001},
			{"in the place of a user's own", good, "/sns/userinfo", p, 40001},
			{"cut short, in the place of a user's own", good[:len(good)-1], "/sns/userinfo", p, 40001},
			{"where no API takes it", good, "/cgi-bin/component/x", p, -40301},
		} {
			got := ask(t, row.proxy, rawtest.Get(row.path+"?access_token="+row.token))
			if got.Errcode != row.errcode {
				t.Errorf("%s: got %+v; want errcode %d", row.name, got, row.errcode)
			}
		}
		for _, sent := range u.got {
			if strings.Contains(sent.target, virtual.Prefix) {
				t.Errorf("WeChat got %q; want no virtual token", sent.target)
			}
		}
		if last := u.got[len(u.got)-1].target; last != "/sns/jscode2session?appid=wxclub&secret=club-secret" {
			t.Errorf("WeChat got %q; want the AppID and AppSecret of the token's account", last)
		}
		if got := ask(t, p, rawtest.Get("/p?access_token="+good, "Authorization: Bearer games-key")); got.Errcode != 40001 {
			t.Errorf("shown by another client: got %+v; want 40001", got)
		}
		if got := ask(t, p, rawtest.Get("/p?access_token="+good, "Authorization: Bearer orders-key")); got.Errcode != 0 {
			t.Errorf("shown with its client's key: got %+v; want success", got)
		}
		time.Sleep(virtual.Life + time.Minute - time.Second)
		if got := ask(t, p, rawtest.Get("/p?access_token="+good)); got.Errcode != 0 {
			t.Errorf("in its last second: got %+v; want success", got)
		}
		time.Sleep(time.Second)
		if got := ask(t, p, rawtest.Get("/p?access_token="+good)); got.Errcode != 42001 || !strings.Contains(got.Errmsg, "access_token expired") {
			t.Errorf("after its end: got %+v; want 42001", got)
		}
	})
}

// A virtual token is never what such a path takes, and never WeChat's to see.
func TestWhereTheCallersOwnTokenGoesAVirtualOneIsRefused(t *testing.T) {
	u := &recorder{answers: []string{rawtest.OKBody}}
	c := withAccounts(u, nil, account("shop", "wxshop"))
	c.Accounts[0].Kind.Routes = []accountkind.Route{{Pattern: "/none", Credential: accountkind.CredentialNone}}
	p := New(c)
	token := ask(t, p, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop")).AccessToken
	for _, target := range []string{
		"/sns/userinfo?access_token=" + token, "/sns/auth?openid=o&ACCESS%5FTOKEN=" + token, "/none?access_token=" + token,
		"/sns/userinfo?access_token=theirs&access_token=" + token, "/none?access_token=%77xp_x",
	} {
		if got := ask(t, p, rawtest.Get(target)); got.Errcode != 40001 || len(u.got) != 0 {
			t.Errorf("%.30s: got %+v and %d requests at WeChat's; want 40001 and none", target, got, len(u.got))
		}
	}
}

func swapped(letter string) string {
	if letter == "A" {
		return "B"
	}
	return "A"
}

func withAccounts(u Upstream, clients []Client, accounts ...Account) Config {
	c := config(u, accounts...)
	c.Clients, c.TokenEndpoint = clients, TokenVirtual
	return c
}

// An SDK that does not fetch again before the end must get through all of it.
func TestVirtualTokensOutliveANewAppSecret(t *testing.T) {
	for name, clients := range map[string][]Client{"without clients": nil, "of a client": {keyed("orders", "orders-key")}} {
		t.Run(name, func(t *testing.T) {
			secret, failing := "first", error(nil)
			build := func() *Proxy {
				a := account("shop", "wxshop")
				a.Secret = func() (string, error) { return secret, failing }
				return New(withAccounts(&recorder{answers: []string{rawtest.OKBody}}, clients, a))
			}
			here := build()
			token := ask(t, here, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=orders-key")).AccessToken
			secret = "second"
			for name, p := range map[string]*Proxy{"here": here, "at another replica": build()} {
				if got := ask(t, p, rawtest.Get("/p?access_token="+token)); got.Errcode != 0 {
					t.Errorf("%s, after a new AppSecret: got %+v; want success", name, got)
				}
			}
			failing = errors.New("no such file")
			if got := ask(t, build(), rawtest.Get("/p?access_token="+token)); got.Errcode != 0 {
				t.Errorf("with an AppSecret that cannot be read: got %+v; want success", got)
			}
		})
	}
}

// A client has two keys while one is changed. What must end at once does so when
// the old one is taken away.
func TestAClientMayHaveTheKeyBefore(t *testing.T) {
	start := func(key, old string) *Proxy {
		c := keyed("orders", key)
		if old != "" {
			c.OldSHA256 = keyed("orders", old).KeySHA256
		}
		return threeAccounts(&recorder{answers: []string{rawtest.OKBody}}, c)
	}
	tokenOf := func(p *Proxy, key string) string {
		return ask(t, p, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxclub&secret="+key)).AccessToken
	}
	before, during, after := start("first", ""), start("second", "first"), start("second", "")
	first, withOld, withNew := tokenOf(before, "first"), tokenOf(during, "first"), tokenOf(during, "second")
	for _, row := range []struct {
		name, raw string
		proxy     *Proxy
		errcode   int
	}{
		{"the new key", rawtest.Get("/p", "Authorization: Bearer second"), during, 0},
		{"the key before", rawtest.Get("/p", "Authorization: Bearer first"), during, 0},
		{"the key before in the place of the AppSecret", rawtest.Get("/sns/jscode2session?appid=wxclub&secret=first"), during, 0},
		{"a token from before", rawtest.Get("/p?access_token=" + first), during, 0},
		{"a token from before and the new key", rawtest.Get("/p?access_token="+first, "Authorization: Bearer second"), during, 0},
		{"a token for the key before", rawtest.Get("/p?access_token=" + withOld), during, 0},
		{"a token for the new key", rawtest.Get("/p?access_token=" + withNew), during, 0},
		{"the key before, taken away", rawtest.Get("/p", "Authorization: Bearer first"), after, -40100},
		{"a token from before, its key taken away", rawtest.Get("/p?access_token=" + first), after, 40001},
		{"a token for the key before, its key taken away", rawtest.Get("/p?access_token=" + withOld), after, 40001},
		{"a token for the key before, at a replica that knows no other yet", rawtest.Get("/p?access_token=" + withOld), before, 0},
		{"a token for the new key, alone", rawtest.Get("/p?access_token=" + withNew), after, 0},
		{"a token of the new key before there was one", rawtest.Get("/p?access_token=" + withNew), before, 40001},
	} {
		for range 2 { // the last token is remembered
			if got := ask(t, row.proxy, row.raw); got.Errcode != row.errcode {
				t.Errorf("%s: got %+v; want errcode %d", row.name, got, row.errcode)
			}
		}
	}
	if !during.isSecret([]byte("first")) || !during.isSecret([]byte("second")) {
		t.Error("got a key of the client that the log may show")
	}
}

// What was proven before a reload is proven anew: nothing goes round a key that
// was taken away.
func TestARememberedTokenEndsWithItsKey(t *testing.T) {
	c := withAccounts(&recorder{answers: []string{rawtest.OKBody}}, nil, account("shop", "wxshop"))
	client := keyed("orders", "second")
	client.OldSHA256 = keyed("orders", "first").KeySHA256
	c.Clients = []Client{client}
	wechat := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	c.Accounts[0].Kind.Upstream = hostsAt(t, nil, wechat.URL)
	s := serve(t, c, defaultLimits)
	token := virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Now().Add(time.Hour), new(virtual.NewKey("", client.OldSHA256[:])))
	kept := s.dial(t)
	for range 2 {
		if a := kept.Call(rawtest.Get("/p?access_token=" + token)); a.Body != rawtest.OKBody {
			t.Fatalf("got %s; want success", a.Body)
		}
	}
	client.OldSHA256 = [sha256.Size]byte{}
	c.Clients = []Client{client}
	s.proxy.Reload(c)
	if a := kept.Call(rawtest.Get("/p?access_token=" + token)); !strings.Contains(a.Body, "40001") {
		t.Errorf("got %s; want 40001", a.Body)
	}
}

// A token that lives too long is refused: somebody who has read a key_sha256 could have
// made it, or a wrong clock.
func TestAVirtualTokenThatLivesTooLongIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		orders := keyed("orders", "orders-key")
		p := threeAccounts(&recorder{answers: []string{rawtest.OKBody}}, orders)
		for _, row := range []struct {
			left    time.Duration
			errcode int
		}{
			{virtual.Life, 0}, {virtual.Life + 30*time.Second, 0}, {virtual.Life + 3*time.Minute, 40001}, {24 * time.Hour, 40001},
			{100 * 365 * 24 * time.Hour, 40001}, {1 << 62, 40001}, {-30 * time.Second, 0}, {-2 * time.Minute, 42001},
		} {
			token := virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Now().Add(row.left), new(virtual.NewKey("", orders.KeySHA256[:])))
			for range 2 {
				if got := ask(t, p, rawtest.Get("/p?access_token="+token)); got.Errcode != row.errcode {
					t.Errorf("%s left: got %+v; want errcode %d", row.left, got, row.errcode)
				}
			}
		}
		for _, end := range []int64{-1 << 63, -1, 0, 1<<63 - 1} { // as the eight bytes have it
			token := virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Unix(end, 0), new(virtual.NewKey("", orders.KeySHA256[:])))
			if got := ask(t, p, rawtest.Get("/p?access_token="+token)); got.Errcode != 40001 && got.Errcode != 42001 {
				t.Errorf("with the end %d: got %+v; want 40001 or 42001", end, got)
			}
		}
	})
}

// Two deployments with the same account and the same client are two.
func TestAVirtualTokenIsGoodInItsDeploymentAlone(t *testing.T) {
	for name, clients := range map[string][]Client{"without clients": nil, "of a client": {keyed("orders", "orders-key")}} {
		start := func(deployment string) *Proxy {
			c := withAccounts(&recorder{answers: []string{rawtest.OKBody}}, clients, account("shop", "wxshop"))
			c.Deployment = deployment
			return New(c)
		}
		token := ask(t, start("east"), rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=orders-key")).AccessToken
		for deployment, errcode := range map[string]int{"east": 0, "west": 40001, "wxproxy": 40001} {
			if got := ask(t, start(deployment), rawtest.Get("/p?access_token="+token)); got.Errcode != errcode {
				t.Errorf("%s, at %s: got %+v; want errcode %d", name, deployment, got, errcode)
			}
		}
	}
}

// The build before had no deployments: a client's tokens outlive the upgrade.
func TestAVirtualTokenOfTheBuildBeforeIsGood(t *testing.T) {
	orders := keyed("orders", "orders-key")
	c := withAccounts(&recorder{answers: []string{rawtest.OKBody}}, []Client{orders}, account("shop", "wxshop"))
	c.Deployment = "wxproxy" // the default of token.key_prefix
	before := virtual.Key(sha256.Sum256(append([]byte("wxproxy virtual token 1\n"), orders.KeySHA256[:]...)))
	token := virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Now().Add(time.Hour), &before)
	if got := ask(t, New(c), rawtest.Get("/p?access_token="+token)); got.Errcode != 0 {
		t.Errorf("got %+v; want success", got)
	}
}

func TestAVirtualTokenOfTheBuildBeforeIsGoodWithoutClientsToo(t *testing.T) {
	shop := account("shop", "wxshop")
	shop.Secret = func() (string, error) { return "the AppSecret", nil }
	before := virtual.Key(sha256.Sum256([]byte("wxproxy virtual token 1\nthe AppSecret")))
	text := "/p?access_token=" + virtual.New(virtual.IDOf("wxshop"), virtual.ID{}, time.Now().Add(time.Hour), &before)

	c := withAccounts(&recorder{answers: []string{rawtest.OKBody}}, nil, shop)
	c.Deployment = "of another name"
	if got := ask(t, New(c), rawtest.Get(text)); got.Errcode != 0 {
		t.Errorf("without clients: got %+v; want success", got)
	}
	c = withAccounts(&recorder{answers: []string{rawtest.OKBody}}, []Client{keyed("orders", "orders-key")}, shop)
	if got := ask(t, New(c), rawtest.Get(text)); got.Errcode != 40001 {
		t.Errorf("with clients: got %+v; want 40001, since it names none", got)
	}
}

func TestTheRealTokenIsLentWithItsTrueLife(t *testing.T) {
	a := account("shop", "wxshop")
	a.Lend = func(time.Duration) (string, time.Duration, error) { return "REAL", 345*time.Second + 999, nil }
	c := withAccounts(new(recorder), nil, a)
	c.TokenEndpoint = TokenReal
	got := ask(t, New(c), rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=x"))
	if got.AccessToken != "REAL" || got.ExpiresIn != 345 {
		t.Errorf("got %+v; want the real token for 345 s", got)
	}
}

// Unlike a virtual token, a real one would be good for every path.
func TestTheRealTokenIsOnlyLentToWhoMayAskForIt(t *testing.T) {
	const grant = "/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=key"
	for _, row := range []struct {
		name        string
		allow, deny []string
		errcode     int
	}{
		{"held to a rate, where the path is named", []string{"/cgi-bin/token", "rate"}, nil, 0},
		{"held to a rate", []string{"/cgi-bin/*", "rate"}, nil, -40301},
		{"held to a rate alone", []string{"rate"}, nil, -40301},
		{"held to max_in_flight", []string{"in_flight"}, nil, -40301},
		{"denied something else", nil, []string{"/cgi-bin/message/mass/*"}, -40301},
		{"denied something else, where the path is named", []string{"/CGI-bin/token/", "/cgi-bin/message/*"}, []string{"/cgi-bin/message/mass/*"}, 0},
		{"denied something else, where a pattern matches", []string{"/cgi-bin/tok*"}, []string{"/cgi-bin/message/mass/*"}, -40301},
		{"a pattern that matches", []string{"/cgi-bin/tok*"}, nil, 0},
		{"all is allowed", nil, nil, 0},
		{"the path is allowed", []string{"/cgi-bin/Token"}, nil, 0},
		{"others are allowed", []string{"/cgi-bin/message/*"}, nil, -40301},
		{"the other token endpoint is allowed", []string{"/cgi-bin/stable_token"}, nil, -40301},
		{"the path is denied", nil, []string{"/cgi-bin/token"}, -40301},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := account("shop", "wxshop")
			a.Lend = func(time.Duration) (string, time.Duration, error) { return "REAL", time.Hour, nil }
			client := keyed("orders", "key")
			client.Deny = row.deny
			for _, word := range row.allow {
				switch word {
				case "rate":
					client.Interval = time.Millisecond
				case "in_flight":
					client.MaxInFlight = 5
				default:
					client.Allow = append(client.Allow, word)
				}
			}
			c := withAccounts(new(recorder), []Client{client}, a)
			c.TokenEndpoint = TokenReal
			if got := ask(t, New(c), rawtest.Get(grant)); got.Errcode != row.errcode || (got.AccessToken == "REAL") != (row.errcode == 0) {
				t.Errorf("got %+v; want errcode %d", got, row.errcode)
			}
		})
	}
}

func BenchmarkVirtualToken(b *testing.B) {
	body := []byte(rawtest.OKBody)
	p := threeAccounts(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		resp.Header.SetContentType("application/json; encoding=utf-8")
		resp.SetBody(body)
		return nil
	}), keyed("orders", "orders-key"))
	token := ask(b, p, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxclub&secret=orders-key")).AccessToken
	ctx := bareCtx(b, rawtest.Get(fmt.Sprintf("/cgi-bin/user/info?access_token=%s&openid=o", token)))
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		ctx.Response.Header.SetNoDefaultContentType(true)
		p.Handle(ctx)
	}
}

// A request whose virtual token and whose name are for two accounts is refused.
func TestAVirtualTokenAndAnotherAccountsNameDisagree(t *testing.T) {
	orders := keyed("orders", "orders-key")
	for _, clients := range [][]Client{nil, {orders}} {
		p := threeAccounts(&recorder{answers: []string{rawtest.OKBody}}, clients...)
		token := ask(t, p, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxclub&secret=orders-key")).AccessToken
		forged := token[:len(token)-6] + "AAAAAA"
		for _, row := range []struct {
			name, raw string
			errcode   int
		}{
			{"the same by prefix", rawtest.Get("/@club/p?access_token=" + token), 0},
			{"the same by prefix and appid", rawtest.Get("/@wxclub/p?access_token=" + token), 0},
			{"the same by header", rawtest.Get("/p?access_token="+token, "Wxproxy-Account: club"), 0},
			{"the same by query", rawtest.Get("/p?from_appid=wxclub&access_token=" + token), 0},
			{"the same by appid", rawtest.Get("/sns/jscode2session?appid=wxclub&access_token=" + token), 0},
			{"another by prefix", rawtest.Get("/@shop/p?access_token=" + token), -40000},
			{"another by prefix and appid", rawtest.Get("/@wxshop/p?access_token=" + token), -40000},
			{"another by header", rawtest.Get("/p?access_token="+token, "Wxproxy-Account: wxshop"), -40000},
			{"another by query", rawtest.Get("/p?access_token=" + token + "&from_appid=wxshop"), -40000},
			{"another by appid", rawtest.Get("/sns/jscode2session?appid=wxshop&access_token=" + token), -40000},
			{"one that there is not", rawtest.Get("/@nobody/p?access_token=" + token), -40000},
			{"another beside a forged one", rawtest.Get("/@shop/p?access_token=" + forged), 40001},
		} {
			if got := ask(t, p, row.raw); got.Errcode != row.errcode || row.errcode == -40000 && !strings.Contains(got.Errmsg, "club") {
				t.Errorf("%s, %d clients: got %+v; want errcode %d", row.name, len(clients), got, row.errcode)
			}
		}
	}
}

// A caller that sends WeChat's AppSecret in the place of its key gets an explanation, on
// every path.
func TestAnAppSecretInThePlaceOfTheKeyIsExplained(t *testing.T) {
	p := threeAccounts(new(recorder), keyed("orders", "orders-key"))
	for _, raw := range []string{
		rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=shop-secret"), rawtest.Get("/sns/jscode2session?appid=wxshop&secret=shop-secret"),
		rawtest.Get("/cgi-bin/clear_quota/v2?appid=wxshop&appsecret=shop-secret"), post("/cgi-bin/clear_quota/v2", `{"appid":"wxshop","appsecret":"shop-secret"}`),
	} {
		if got := ask(t, p, raw); !strings.Contains(got.Errmsg, "secret must be this program's client key") || strings.Contains(got.Errmsg, "shop-secret") {
			t.Errorf("%.60q: got %+v; want the word that helps", raw, got)
		}
	}
}
