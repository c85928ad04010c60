package e2e

import (
	"strings"
	"syscall"
	"testing"
)

// An auditor asks who got a token, who reloaded, who tried, and from where.
func TestTheLogSaysWhoDidWhat(t *testing.T) {
	t.Parallel()
	const operator, orders = "the-key-of-an-operator", "the-key-of-the-program-orders"
	toml := "[proxy]\ntoken_endpoint = \"real\"\ntrusted_proxies = [\"127.0.0.1\"]\n[admin]\nkey = \"" + operator + "\"\n" +
		account("shop", appID) + "[[client]]\nname = \"orders\"\nkey = \"" + orders + "\"\n"
	p := serving(t, startWeChat(t).URL, toml)
	p.awaitReady()
	key, from := "Authorization: Bearer "+operator, "X-Forwarded-For: 198.51.100.9, 192.0.2.7"
	p.mustAsk("GET", p.admin+"/accounts/shop/token", "", key, from)
	p.mustAsk("POST", p.admin+"/accounts/shop/refresh", "", key)
	p.mustAsk("POST", p.admin+"/reload", "", key)
	p.mustAsk("GET", p.admin+"/accounts/shop/token", "", "Authorization: Bearer canary-guess", from)
	token := "/cgi-bin/token?grant_type=client_credential&appid=" + appID + "&secret="
	p.call("GET", token+orders, "", from)
	p.call("GET", token+"canary-guess", "", from)
	p.call("GET", userInfo, "", "Authorization: Bearer canary-guess")
	p.signal(syscall.SIGHUP)
	type line struct{ action, key, client, account, address, outcome, listener string }
	wants := []line{
		{"real_token", "admin.key", "", "shop", "192.0.2.7", "done", "admin"},
		{"refresh", "admin.key", "", "shop", "127.0.0.1", "done", "admin"},
		{"reload", "admin.key", "", "", "127.0.0.1", "done", "admin"},
		{"wrong_key", "", "", "", "192.0.2.7", "refused", "admin"},
		{"real_token", "", "orders", "shop", "192.0.2.7", "done", "proxy"},
		{"wrong_key", "", "", "shop", "192.0.2.7", "refused", "proxy"},
		{"wrong_key", "", "", "", "127.0.0.1", "refused", "proxy"},
		{"reload", "", "", "", "signal", "done", ""},
	}
	p.eventually("all lines", func() bool { return len(p.logged("audit")) >= len(wants) })
	got := map[line]bool{}
	for _, l := range p.logged("audit") {
		text := func(name string) string { return l[name].(string) }
		got[line{text("action"), text("key"), text("client"), text("account"), text("address"), text("outcome"), text("listener")}] = true
	}
	for _, want := range wants {
		if !got[want] {
			t.Errorf("got no %+v", want)
		}
	}
	if len(got) != len(wants) {
		t.Errorf("got %d lines %v; want %d", len(got), got, len(wants))
	}
	p.rewrite("[log]\naudit = false\n" + toml)
	p.mustAsk("POST", p.admin+"/reload", "", key)
	p.eventually("the line of that reload", func() bool { return len(p.logged("audit")) > len(wants) })
	before := len(p.logged("audit"))
	p.mustAsk("GET", p.admin+"/accounts/shop/token", "", key)
	p.stop()
	if now := len(p.logged("audit")); now > before {
		t.Errorf("got %d lines more without audit", now-before)
	}
	for _, secret := range []string{operator, orders, "canary-guess", appSecret} {
		if strings.Contains(p.stderr.String(), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
}
