package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
)

const (
	session    = "/sns/jscode2session"
	clearQuota = "/cgi-bin/clear_quota/v2"
)

// with is a request with a header line more.
func with(raw string, fields ...string) string {
	return strings.Replace(raw, "Host: proxy\r\n", "Host: proxy\r\n"+strings.Join(fields, "\r\n")+"\r\n", 1)
}

// A request that names two accounts, one of them by an appid, is refused, and so is one
// with an appid that no account has.
func TestWhatNamesAnAccountAgreesWithTheAppID(t *testing.T) {
	orders := keyed("orders", "orders-key")
	for _, clients := range [][]Client{nil, {orders}} {
		virtual := ask(t, twoApps(new(recorder), clients...), rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid="+clubID+"&secret=orders-key")).AccessToken
		for _, row := range []struct{ name, raw, account, slug string }{
			{"the prefix", rawtest.Get("/@shop" + session + "?appid=" + clubID), "", "bad_request"},
			{"the prefix by appid", rawtest.Get("/%40" + shopID + session + "?appid=" + clubID), "", "bad_request"},
			{"the header", with(rawtest.Get(session+"?appid="+clubID), "Wxproxy-Account: shop"), "", "bad_request"},
			{"from_appid", rawtest.Get(session + "?appid=" + clubID + "&from_appid=" + shopID), "", "bad_request"},
			{"a virtual token", rawtest.Get(session + "?appid=" + shopID + "&access_token=" + virtual), "", "bad_request"},
			{"the header behind a prefix that agrees", with(rawtest.Get("/@club"+session+"?appid="+clubID), "Wxproxy-Account: shop"), "", "bad_request"},
			{"the header behind a token and a prefix that agree", with(rawtest.Get("/@club/p?access_token="+virtual), "Wxproxy-Account: shop"), "", "bad_request"},
			{"the body beside the query", post(clearQuota+"?appid="+clubID, `{"appid":"`+shopID+`"}`), "", "bad_request"},
			{"a form beside the query", post(clearQuota+"?appid="+clubID, "appid="+shopID), "", "bad_request"},
			{"the body beside the prefix", post("/@shop"+clearQuota, "appid="+clubID), "", "bad_request"},
			{"the body beside a virtual token", post(clearQuota+"?access_token="+virtual, "appid="+shopID), "", "bad_request"},
			{"the query itself", rawtest.Get(session + "?appid=" + clubID + "&appid=" + shopID), "", "bad_request"},
			{"the query itself, spelled otherwise", rawtest.Get(session + "?appid=" + clubID + "&App%49d=" + shopID), "", "bad_request"},
			{"JSON itself", post(clearQuota, `{"appid":"`+clubID+`","AppID":"`+shopID+`"}`), "", "bad_request"},
			{"a form itself", post(clearQuota, "appid="+clubID+"&appid="+shopID), "", "bad_request"},
			{"a word beside an appid", rawtest.Get(session + "?appid=APPID&appid=" + clubID), "", "bad_request"},

			{"one that nobody has beside the prefix", rawtest.Get("/@shop" + session + "?appid=" + foreignID), "", "unknown_account"},
			{"one that nobody has beside the header", with(rawtest.Get(session+"?appid="+foreignID), "Wxproxy-Account: shop"), "", "unknown_account"},
			{"one that nobody has beside from_appid", rawtest.Get(session + "?from_appid=" + shopID + "&appid=" + foreignID), "", "unknown_account"},
			{"one that nobody has beside a virtual token", rawtest.Get(session + "?access_token=" + virtual + "&appid=" + foreignID), "", "unknown_account"},
			{"one that nobody has in the body beside the prefix", post("/@shop"+clearQuota, "appid="+foreignID), "", "unknown_account"},
			{"behind a blank", rawtest.Get(session + "?appid=+" + clubID), "", "unknown_account"},
			{"before a blank", rawtest.Get(session + "?appid=" + clubID + "%20"), "", "unknown_account"},
			{"before a blank in a form", post(clearQuota, "appid="+clubID+"+"), "", "unknown_account"},
			{"before a line feed in JSON", post(clearQuota, `{"appid":"`+clubID+`\n"}`), "", "unknown_account"},
			{"in capital letters", rawtest.Get(session + "?appid=" + strings.ToUpper(clubID)), "", "unknown_account"},
			{"a digit short", rawtest.Get(session + "?appid=" + clubID[:17]), "", "unknown_account"},
			{"a digit more", rawtest.Get(session + "?appid=" + clubID + "0"), "", "unknown_account"},
			{"without its wx", rawtest.Get(session + "?appid=" + clubID[2:]), "", "unknown_account"},
			{"that cannot be decoded", rawtest.Get(session + "?appid=%zz"), "", "unknown_account"},
			{"a variable that nobody has set", rawtest.Get(session + "?appid=%7BAPPID%7D"), "", "unknown_account"},
			{"a number", post(clearQuota, `{"appid":7}`), "", "unknown_account"},
			{"a list", post(clearQuota, `{"appid":["`+clubID+`"]}`), "", "unknown_account"},

			{"behind an empty one", rawtest.Get(session + "?appid=&appid=" + clubID), "club", ""},
			{"behind an empty one in the query", post(clearQuota+"?appid=", "appid="+clubID), "club", ""},
			{"twice", post(clearQuota+"?appid="+clubID, `{"appid":"`+clubID+`"}`), "club", ""},
			{"everywhere", with(post("/@club"+clearQuota+"?from_appid="+clubID+"&appid="+clubID+"&access_token="+virtual, "appid="+clubID), "Wxproxy-Account: "+clubID), "club", ""},
			{"a word beside a prefix", rawtest.Get("/@club" + session + "?appid=touristappid"), "club", ""},
			{"none", rawtest.Get(session + "?appid="), "shop", ""},
		} {
			u := &recorder{answers: []string{rawtest.OKBody}}
			raw := row.raw
			if clients != nil && !strings.Contains(raw, virtual) {
				raw = with(raw, "Authorization: Bearer orders-key")
			}
			ctx := handle(t, twoApps(u, clients...), raw)
			if got, account := slugOf(ctx), string(ctx.Response.Header.Peek("Wxproxy-Account")); got != row.slug || row.slug == "" && account != row.account || (len(u.got) > 0) != (row.slug == "") {
				t.Errorf("%s, %d clients: got %q (%s) for %q; want %q for %q", row.name, len(clients), got, ctx.Response.Body(), account, row.slug, row.account)
			}
		}
	}
}

// The token endpoint refuses in WeChat's words, which SDKs read.
func TestWhatNamesAnAccountAgreesWithWhatATokenIsAskedFor(t *testing.T) {
	const grant = "/cgi-bin/token?grant_type=client_credential&secret=orders-key"
	orders := keyed("orders", "orders-key")
	json := func(appID string) string {
		return `{"grant_type":"client_credential","appid":"` + appID + `","secret":"orders-key"}`
	}
	for _, clients := range [][]Client{nil, {orders}} {
		for _, row := range []struct {
			name, raw string
			errcode   int
		}{
			{"the prefix", rawtest.Get("/@shop" + grant + "&appid=" + clubID), 40013},
			{"the prefix before a body", post("/@shop/cgi-bin/stable_token", json(clubID)), 40013},
			{"a prefix that nobody has", rawtest.Get("/@nobody" + grant + "&appid=" + clubID), 40013},
			{"the header", with(rawtest.Get(grant+"&appid="+clubID), "Wxproxy-Account: shop"), 40013},
			{"from_appid", rawtest.Get(grant + "&appid=" + clubID + "&from_appid=" + shopID), 40013},
			{"the query beside the body", post("/cgi-bin/stable_token?appid="+clubID, json(shopID)), 40013},
			{"the query itself", rawtest.Get(grant + "&appid=" + clubID + "&appid=" + shopID), 40013},
			{"the body itself", post("/cgi-bin/stable_token", strings.Replace(json(clubID), "{", `{"appid":"`+shopID+`",`, 1)), 40013},
			{"a form itself", post("/cgi-bin/token", "grant_type=client_credential&secret=orders-key&appid="+clubID+"&appid="+shopID), 40013},
			{"a blank", rawtest.Get(grant + "&appid=" + clubID + "%20"), 40013},
			{"two grants", rawtest.Get(grant + "&grant_type=x&appid=" + clubID), 40002},

			{"the same prefix", rawtest.Get("/@club" + grant + "&appid=" + clubID), 0},
			{"the same prefix, encoded", rawtest.Get("/%40c%6Cub" + grant + "&appid=" + clubID), 0},
			{"the same header", with(rawtest.Get(grant+"&appid="+clubID), "Wxproxy-Account: "+clubID), 0},
			{"the same twice", post("/cgi-bin/stable_token?appid="+clubID, json(clubID)), 0},
			{"behind an empty one", rawtest.Get(grant + "&appid=&appid=" + clubID), 0},
			{"a byte order mark", post("/cgi-bin/stable_token", "\ufeff"+json(clubID)), 0},
			{"a byte order mark before a form", post("/cgi-bin/token", "\ufeffgrant_type=client_credential&secret=orders-key&appid="+clubID), 0},
			{"a list", post("/cgi-bin/stable_token", "["+json(clubID)+"]"), 47001},
			{"multipart", post("/cgi-bin/stable_token", multipartOf("appid", clubID, "secret", "orders-key")), 47001},
			{"packed", with(post("/cgi-bin/stable_token", json(clubID)), "Content-Encoding: gzip"), 47001},
		} {
			if got := ask(t, twoApps(new(recorder), clients...), row.raw); got.Errcode != row.errcode || (got.AccessToken != "") != (row.errcode == 0) {
				t.Errorf("%s, %d clients: got %+v; want errcode %d", row.name, len(clients), got, row.errcode)
			}
		}
	}
	games := keyed("games", "games-key")
	for _, raw := range []string{
		rawtest.Get(grant + "&secret=games-key&appid=" + clubID), post("/cgi-bin/stable_token?secret=games-key", json(clubID)), rawtest.Get(grant + "&secret=x&appid=" + clubID),
	} {
		if got := ask(t, twoApps(new(recorder), orders, games), raw); got.Errcode != 40125 {
			t.Errorf("two keys: got %+v for %.60q; want 40125", got, raw)
		}
	}
}

func multipartOf(pairs ...string) (body string) {
	for i := 0; i < len(pairs); i += 2 {
		body += fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", pairs[i], pairs[i+1])
	}
	return body + "--b--\r\n"
}

// Programs without parameters send PHP's empty list or Go's nil.
func TestABodyThatSaysNothingIsRefusedNowhere(t *testing.T) {
	for _, body := range []string{"[]", "[ \n]", " null ", `""`, "\ufeff[]", "{}", ""} {
		u := &recorder{answers: []string{rawtest.OKBody}}
		p := New(withAccounts(u, []Client{keyed("orders", "orders-key")}, account("club", clubID)))
		raw := with(post(clearQuota+"?appid="+clubID+"&appsecret=orders-key", body), "Content-Type: application/json")
		if got := ask(t, p, raw); got.Errcode != 0 || len(u.got) != 1 {
			t.Errorf("%q: got %+v; want it sent", body, got)
		}
		token := with(post("/cgi-bin/token?grant_type=client_credential&appid="+clubID+"&secret=orders-key", body), "Content-Type: application/json")
		if got := ask(t, p, token); got.AccessToken == "" {
			t.Errorf("%q: got %+v; want a token", body, got)
		}
	}
}

// What cannot be read here could be read at WeChat's: another account's quota would be
// cleared, and a key be seen.
func TestABodyThatCannotBeReadIsRefusedWhereTheSecretGoes(t *testing.T) {
	orders := keyed("orders", "orders-key")
	object := `{"appid":"` + clubID + `","appsecret":"orders-key"}`
	utf16Of := func(text string) string {
		var wide strings.Builder
		for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
			wide.Write([]byte{byte(unit), byte(unit >> 8)})
		}
		return wide.String()
	}
	for _, clients := range [][]Client{nil, {orders}} {
		for name, raw := range map[string]string{
			"multipart":             with(post(clearQuota, multipartOf("appid", clubID, "appsecret", "orders-key")), "Content-Type: multipart/form-data; boundary=b"),
			"packed":                with(post(clearQuota, object), "Content-Encoding: gzip"),
			"packed in truth":       with(post(clearQuota, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KQJ"), "Content-Encoding: gzip"),
			"packed without a word": post(clearQuota, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KQJ"),
			"packed another way":    with(post(clearQuota, "x\x9c\xabV*K"), "Content-Encoding: deflate"),
			"XML":                   post(clearQuota, "<xml><appid>"+clubID+"</appid><appsecret>orders-key</appsecret></xml>"),
			"XML with attributes":   post(clearQuota, `<app id="x" appid="`+clubID+`" appsecret="orders-key"/>`),
			"UTF-16":                post(clearQuota, utf16Of(object)),
			"UTF-16 without a mark": post(clearQuota, utf16Of(object)[2:]),
			"a form in UTF-16":      post(clearQuota, utf16Of("appid="+clubID)),
			"not UTF-8":             post(clearQuota, "a=\xff&appid="+clubID),
			"a list":                post(clearQuota, "["+object+"]"),
			"a string":              post(clearQuota, `"`+strings.ReplaceAll(object, `"`, `\"`)+`"`),
			"a list of lists":       post(clearQuota, "[[]]"),
			"two objects":           post(clearQuota, object+object),
			"an object inside":      post(clearQuota, `{"data":`+object+`}`),
			"an object in a list":   post(clearQuota, `{"data":[`+object+`]}`),
			"inside a string":       post(clearQuota, `{"appid":"`+clubID+`","data":"{\"secret\":\"orders-key\"}"}`),
			"lines":                 post(clearQuota, "appid="+clubID+"\nappsecret=orders-key"),
			"lines of another kind": post(clearQuota, "appid: "+clubID+"\nappsecret: orders-key"),
			"a form inside":         post(clearQuota, "data[appid]="+clubID+"&data[appsecret]=orders-key"),
			"a form inside, escape": post(clearQuota, "data%5Bappid%5D="+clubID),
			"a list of a form":      post(clearQuota, "appid[]="+clubID),
			"a blank before a name": post(clearQuota, "+appid="+clubID),
			"a NUL behind a name":   post(clearQuota, "appid%00="+clubID),
			"the key alone":         post(clearQuota, "orders-key"),
			"on another path":       post(session, multipartOf("appid", clubID, "secret", "orders-key")),
		} {
			u := &recorder{answers: []string{rawtest.OKBody}}
			if clients != nil {
				raw = with(raw, "Authorization: Bearer orders-key")
			} else if name == "inside a string" {
				continue // which is no key there
			}
			if ctx := handle(t, twoApps(u, clients...), raw); slugOf(ctx) != "bad_request" || len(u.got) > 0 || strings.Contains(string(ctx.Response.Body()), "orders-key") {
				t.Errorf("%s, %d clients: got %s and %+v at WeChat's; want bad_request", name, len(clients), ctx.Response.Body(), u.got)
			}
		}
	}
}

// WeChat never gets a key, whatever the name of the member that holds it.
func TestNoKeyReachesWeChatInABody(t *testing.T) {
	clients := []Client{keyed("orders", "orders-key"), keyed("games", "games-key")}
	for _, body := range []string{
		`{"other":"orders-key"}`, `{"other":"games-key"}`, `{"a":{"b":["games-key"]}}`, `{"a":{"b":1,"b":"games-key"}}`, `{"games-key":1}`, `{"a":"Bearer games-key"}`,
		`{"a":"\u0067ames-key"}`, `{"a":"key=orders-key;"}`, `{"secret\u0000":"games-key"}`, "other=games-key", "other=g%61mes-key", "games-key=1", "a=orders-key.", "a=%22orders-key%22",
		`{"a":{"secret":"games-key"},"appid":"` + clubID + `"}`, `{"a":"` + virtual.Prefix + `x"}`, `{"a":"the-AppSecret"}`,
	} {
		u := &recorder{answers: []string{rawtest.OKBody}}
		c := withAccounts(u, clients, account("shop", shopID), account("club", clubID))
		c.Default, c.IsSecret = "shop", func(word []byte) bool { return string(word) == "the-AppSecret" }
		ctx := handle(t, New(c), with(post(clearQuota, body), "Authorization: Bearer orders-key"))
		if slugOf(ctx) != "bad_request" || len(u.got) > 0 {
			t.Errorf("%s: got %s and %+v at WeChat's; want bad_request", body, ctx.Response.Body(), u.got)
		}
		if ctx := handle(t, New(c), post(clearQuota, body)); slugOf(ctx) != "unauthenticated" {
			t.Errorf("%s, from a stranger: got %s; want unauthenticated, whatever it holds", body, ctx.Response.Body())
		}
	}
}

// A request with two keys is refused.
func TestWhoShowsTwoKeysIsNobody(t *testing.T) {
	clients := []Client{keyed("orders", "orders-key"), keyed("games", "games-key")}
	const byOrders = "Authorization: Bearer orders-key"
	for _, row := range []struct{ name, raw, slug string }{
		{"in the query", rawtest.Get(session + "?secret=orders-key&secret=games-key"), "unauthenticated"},
		{"under two names", rawtest.Get(clearQuota + "?appsecret=orders-key&secret=games-key"), "unauthenticated"},
		{"in the query and the body", post(clearQuota+"?appsecret=orders-key", "appsecret=games-key"), "unauthenticated"},
		{"in the body", post(clearQuota, `{"secret":"orders-key","secret":"games-key"}`), "unauthenticated"},
		{"in the header and the query", with(rawtest.Get(session+"?secret=games-key"), byOrders), "unauthenticated"},
		{"in the header and the body", with(post(clearQuota, "appsecret=games-key"), byOrders), "unauthenticated"},
		{"in two headers", with(rawtest.Get("/p"), byOrders, "authorization: Bearer games-key"), "bad_request"},
		{"in an empty header and another", with(rawtest.Get("/p"), "Authorization: ", byOrders), ""},
		{"the same everywhere", with(post(clearQuota+"?secret=orders-key&appsecret=orders-key", "appsecret=orders-key"), byOrders, byOrders), ""},
		{"an AppSecret beside the header", with(rawtest.Get(session+"?secret=AppSecret"), byOrders), ""},
	} {
		u := &recorder{answers: []string{rawtest.OKBody}}
		ctx := handle(t, twoApps(u, clients...), row.raw)
		if got := slugOf(ctx); got != row.slug || (len(u.got) > 0) != (row.slug == "") {
			t.Errorf("%s: got %q (%s); want %q", row.name, got, ctx.Response.Body(), row.slug)
		}
	}
}

func TestOfTwoVirtualTokensNeitherWins(t *testing.T) {
	for _, clients := range [][]Client{nil, {keyed("orders", "orders-key"), keyed("games", "games-key")}} {
		u := &recorder{answers: []string{rawtest.OKBody}}
		p := twoApps(u, clients...)
		tokenOf := func(appID, key string) string {
			return ask(t, p, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid="+appID+"&secret="+key)).AccessToken
		}
		shop, club, ofGames := tokenOf(shopID, "orders-key"), tokenOf(clubID, "orders-key"), tokenOf(shopID, "games-key")
		id, key := virtual.ID{}, virtual.NewKey("", []byte(shopID))
		if clients != nil {
			hash := clients[0].KeySHA256
			id, key = virtual.IDOf("orders"), virtual.NewKey("", hash[:])
		}
		older := virtual.New(virtual.IDOf(shopID), id, time.Now().Add(time.Hour), &key)
		forged := club[:len(club)-6] + "AAAAAA"
		twoClients := map[bool]int{true: -40000, false: 0}[clients != nil]
		for _, row := range []struct {
			name, query string
			errcode     int
		}{
			{"of two accounts", "access_token=" + shop + "&access_token=" + club, -40000},
			{"of two accounts, the other way round", "a=b&access_token=" + club + "&c&Access%5Ftoken=" + shop, -40000},
			{"of two accounts, encoded", "access_token=" + shop + "&access_token=" + strings.Replace(club, "w", "%77", 1), -40000},
			{"of two accounts, the third", "access_token=" + shop + "&access_token=" + older + "&access_token=" + club, -40000},
			{"of two clients", "access_token=" + shop + "&access_token=" + ofGames, twoClients},
			{"one that is forged behind it", "access_token=" + shop + "&access_token=" + forged, 40001},
			{"one that is none behind it", "access_token=" + shop + "&access_token=wxp_", 40001},
			{"the same twice", "access_token=" + shop + "&access_token=" + shop, 0},
			{"two of one account", "access_token=" + shop + "&access_token=" + older, 0},
			{"another token behind it", "access_token=" + shop + "&access_token=theirs", 0},
		} {
			u.got = nil
			got := ask(t, p, rawtest.Get("/p?"+row.query))
			if got.Errcode != row.errcode || (len(u.got) > 0) != (row.errcode == 0) {
				t.Errorf("%s, %d clients: got %+v and %d requests at WeChat's; want errcode %d", row.name, len(clients), got, len(u.got), row.errcode)
			}
		}
	}
}
