package proxy

import (
	"strings"
	"testing"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
)

func TestNoSecretOfTheProxysReachesWeChatInAQuery(t *testing.T) {
	const key, other = "orders-key-orders-key-orders-key", "games-key-games-key-games-key"
	const auth, app = "Authorization: Bearer " + key, "/cgi-bin/user/info"
	rows := []struct {
		target string
		status int
	}{
		{app + "?secret=" + key, 400},
		{app + "?a=1&SECRET=" + key + "&b=2", 400},
		{app + "?appsecret=" + appSecret, 400},
		{app + "?%73ecret=" + key, 400},
		{app + "?secret=%6f" + key[1:], 400},
		{app + "?a=1;secret=" + key, 400},
		{app + "?client_key=" + other, 400},
		{app + "?Authorization=Bearer%20" + key, 400},
		{app + "?authorization=Bearer+" + key, 400},
		{app + "?component_access_token=" + tokenNow, 400},
		{app + "?token=" + virtual.Prefix + "x", 400},
		{"/sns/userinfo?access_token=" + key, 400},
		{"/sns/jscode2session?js_code=1&key=" + appSecret, 400},
		{"/none/x?secret=" + key, 400},

		{app + "?access_token=" + key, 200}, // which is removed
		{"/sns/jscode2session?secret=" + key, 200},
		{"/sns/jscode2session?secret=" + key + "&appsecret=" + appSecret, 200},
		{app + "?secret=theirs&key=1&token=&ticket_token=%zz", 200},
		{"/sns/userinfo?access_token=theirs", 200},
		{app + "?openid=" + key, 200}, // nothing says that this could be one
	}
	for _, row := range rows {
		r := &recorder{answers: []string{rawtest.OKBody}}
		c := quoting(r)
		c.Clients = []Client{keyed("orders", key), keyed("games", other)}
		c.Accounts[0].Kind.Routes = []accountkind.Route{{Pattern: "/none/*", Credential: accountkind.CredentialNone}}
		c.IsSecret = func(word []byte) bool { return string(word) == appSecret || string(word) == tokenNow }
		ctx := handle(t, New(c), rawtest.Get(row.target, auth))
		if got := ctx.Response.StatusCode(); got != row.status || got == 400 && len(r.got) > 0 {
			t.Errorf("%s: got %d %s and %d requests at WeChat; want %d", row.target, got, ctx.Response.Body(), len(r.got), row.status)
		}
		if body := string(ctx.Response.Body()); strings.Contains(body, key) || strings.Contains(body, appSecret) {
			t.Errorf("%s: got %s", row.target, body)
		}
		stranger := handle(t, New(c), rawtest.Get(row.target)).Response.StatusCode()
		if guess := handle(t, New(c), rawtest.Get(strings.ReplaceAll(row.target, key, "guess"))).Response.StatusCode(); stranger == 400 && guess != 400 {
			t.Errorf("%s: a stranger gets %d, and %d for a guess", row.target, stranger, guess)
		}
	}
}
