package proxy

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"wxproxy/proxy/internal/rawtest"
)

const (
	clubID    = "wxc1c1c1c1c1c1c1c1"
	shopID    = "wx51515151515151ab"
	foreignID = "wx0123456789abcdef"
)

// twoApps is a proxy for the accounts shop, the default, and club, whose appids
// look as WeChat's do.
func twoApps(u Upstream, clients ...Client) *Proxy {
	c := withAccounts(u, clients, account("shop", shopID), account("club", clubID))
	c.Default = "shop"
	return New(c)
}

func TestWhatABodyShowsInThePlaceOfTheSecretIsTheKeyAndPicksTheAccount(t *testing.T) {
	orders, games := keyed("orders", "orders-key"), keyed("games", "games-key")
	games.Accounts = []string{"shop"}
	clients := []Client{orders, games}
	const path, byOrders = "/cgi-bin/clear_quota/v2", "Authorization: Bearer orders-key"
	good := post(path, `{"appid":"`+clubID+`","secret":"orders-key"}`)
	withKey := func(raw string) string {
		return strings.Replace(raw, "Host: proxy\r\n", "Host: proxy\r\n"+byOrders+"\r\n", 1)
	}
	virtual := ask(t, twoApps(new(recorder), clients...), rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid="+clubID+"&secret=orders-key")).AccessToken
	for _, row := range []struct {
		name, raw, account, slug string
		clients                  []Client
	}{
		{"JSON", good, "club", "", clients},
		{"JSON, in WeChat's word", post(path, `{"appid":"`+clubID+`","appsecret":"orders-key"}`), "club", "", clients},
		{"JSON, spelled otherwise", post(path, "\ufeff\r\n {\"a\":{\"appid\":\"x\"},\"AppID\" : \""+clubID+"\" , \"\\u0061ppsecret\":\"orders\\u002dkey\"}\n"), "club", "", clients},
		{"a form", post(path, "appid="+clubID+"&appsecret=orders%2Dkey"), "club", "", clients},
		{"a form, spelled otherwise", post(path, "a=b&App%49d="+clubID+"&SECRET=orders-key&"), "club", "", clients},
		{"a form on another path", post("/sns/jscode2session", "appid="+clubID+"&secret=orders-key&js_code=c&grant_type=authorization_code"), "club", "", clients},
		{"where WeChat wants no AppSecret", post("/sns/oauth2/refresh_token", "appid="+clubID+"&secret=orders-key&refresh_token=r"), "club", "", clients},
		{"the appid in the query", post(path+"?appid="+clubID, `{"appsecret":"orders-key"}`), "club", "", clients},
		{"the key in the query", post(path+"?appsecret=orders-key", `{"appid":"`+clubID+`"}`), "club", "", clients},
		{"the key in the header", withKey(post(path, `{"appid":"`+clubID+`","secret":"whatever"}`)), "club", "", clients},
		{"a virtual token", post(path+"?access_token="+virtual, `{"appid":"`+clubID+`","secret":"orders-key"}`), "club", "", clients},
		{"a virtual token of another account", post(path+"?access_token="+virtual, `{"appid":"`+shopID+`","secret":"orders-key"}`), "club", "bad_request", clients},
		{"another account's prefix", post("/@shop"+path, `{"appid":"`+clubID+`","secret":"orders-key"}`), "", "bad_request", clients},
		{"the same account's prefix", post("/@club"+path, `{"appid":"`+clubID+`","secret":"orders-key"}`), "club", "", clients},
		{"no appid", post(path, `{"secret":"orders-key"}`), "shop", "", clients},
		{"an appid that nobody has", post(path, `{"appid":"`+foreignID+`","secret":"orders-key"}`), "", "unknown_account", clients},
		{"another client's account", post(path, `{"appid":"`+clubID+`","secret":"games-key"}`), "", "forbidden_account", clients},
		{"a wrong key", post(path, `{"appid":"`+clubID+`","secret":"x"}`), "", "unauthenticated", clients},
		{"a wrong key in the query", post(path+"?secret=x", `{"appid":"`+clubID+`","secret":"orders-key"}`), "", "unauthenticated", clients},
		{"no key", post(path, `{"appid":"`+clubID+`"}`), "", "unauthenticated", clients},
		{"a key inside", post(path, `{"a":{"secret":"orders-key"}}`), "", "unauthenticated", clients},
		{"an empty body", post(path, ""), "", "unauthenticated", clients},
		{"broken JSON", post(path, `{"secret":"orders-key",`), "", "bad_request", clients},
		{"a key behind a ';'", withKey(post(path, "a=b;secret=orders-key")), "", "bad_request", clients},
		{"a path that takes a token", post("/cgi-bin/clear_quota", `{"appid":"`+clubID+`","secret":"orders-key"}`), "", "unauthenticated", clients},

		{"JSON, without clients", post(path, `{"appid":"`+clubID+`","appsecret":"any-key"}`), "club", "", nil},
		{"a form, without clients", post(path, "appid="+clubID+"&appsecret=any-key"), "club", "", nil},
		{"an appid that nobody has, without clients", post(path, "appid="+foreignID+"&appsecret=any-key"), "", "unknown_account", nil},
		{"no appid, without clients", post(path, `{"other":"any-thing"}`), "shop", "", nil},
		{"what is no appid, without clients", post(path, `{"appid":"touristappid"}`), "shop", "", nil},
		{"an appid that nobody has in the query, without clients", rawtest.Get("/sns/jscode2session?appid=" + foreignID + "&js_code=c"), "", "unknown_account", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := &recorder{answers: []string{rawtest.OKBody}}
			ctx := handle(t, twoApps(u, row.clients...), row.raw)
			if got := slugOf(ctx); got != row.slug || string(ctx.Response.Header.Peek("Wxproxy-Account")) != row.account {
				t.Fatalf("got %q (%s) for %q; want %q for %q", got, ctx.Response.Body(), ctx.Response.Header.Peek("Wxproxy-Account"), row.slug, row.account)
			}
			if row.slug != "" {
				return
			}
			mustBeTheAccounts(t, row.account, u.got[0])
		})
	}
}

// mustBeTheAccounts fails unless what WeChat got has the account's credential
// wherever it has one, and nothing of the caller's.
func mustBeTheAccounts(t *testing.T, account string, got sent) {
	t.Helper()
	all := got.target + got.body + got.fields
	for _, foreign := range []string{"-key", "002dkey", "whatever", "2Dkey", map[string]string{"shop": clubID, "club": shopID}[account]} {
		if strings.Contains(all, foreign) {
			t.Errorf("WeChat got %q %q; want nothing of %q in it", got.target, got.body, foreign)
		}
	}
	members := map[string]any{}
	if form, err := url.ParseQuery(got.body); strings.Contains(got.body, "=") && err == nil {
		for name := range form {
			members[name] = form.Get(name)
		}
	} else if got.body != "" && json.Unmarshal([]byte(strings.TrimSpace(got.body)), &members) != nil {
		t.Fatalf("WeChat got the body %q; want JSON or a form", got.body)
	}
	wantsSecret := !strings.Contains(got.target, "refresh_token")
	for name, value := range members {
		switch {
		case name == "appid" && value != map[string]string{"shop": shopID, "club": clubID}[account],
			strings.HasSuffix(name, "secret") && (value == account+"-secret") != wantsSecret:
			t.Errorf("WeChat got the body %q; want the credential of %s", got.body, account)
		}
	}
	if strings.Contains(got.target, account+"-secret") != wantsSecret {
		t.Errorf("WeChat got %q; want the credential of %s", got.target, account)
	}
}

func TestTheRestOfABodyWithASecretStaysAsItIs(t *testing.T) {
	u := &recorder{answers: []string{rawtest.OKBody}}
	for _, row := range []struct{ body, want string }{
		{` {"a" : [1, {"secret":"x"}], "secret":"k" ,"b":1e3,"appid":"` + clubID + `"} `, `{"a" : [1, {"secret":"x"}], "secret":"club-secret" ,"b":1e3,"appid":"` + clubID + `"}`},
		{`{"secret":7,"secret":["k"],"appid":"` + clubID + `"}`, `{"secret":"club-secret","secret":"club-secret","appid":"` + clubID + `"}`},
		{"a=%20+&secret=k&&appid=" + clubID, "a=%20+&secret=club-secret&&appid=" + clubID},
	} {
		u.got = nil
		handle(t, twoApps(u), post("/@club/cgi-bin/clear_quota/v2", row.body))
		if len(u.got) != 1 || u.got[0].body != row.want {
			t.Errorf("%s: WeChat got %+v; want %s", row.body, u.got, row.want)
		}
		if want := "Content-Length: "; !strings.Contains(u.got[0].fields, want) {
			t.Errorf("%s: WeChat got the fields %q; want a length", row.body, u.got[0].fields)
		}
	}
}
