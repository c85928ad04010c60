package proxy

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

// localPages are paths, one of each kind, that are answered to callers without a key.
var localPages = []string{
	"/cgi-bin/user/info?openid=o", "/sns/jscode2session?js_code=c", "/sns/userinfo?access_token=theirs", "/cgi-bin/ticket/getticket?type=jsapi",
	"/cgi-bin/token?grant_type=client_credential&appid=wxshop", "/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F",
	"/wxproxy/healthz", "/wxproxy/readyz", "/@shop/cgi-bin/user/info",
}

// browsed serves the account shop on ln, by names.
func browsed(t *testing.T, ln net.Listener, names []string, clients ...Client) *service {
	t.Helper()
	a := shop()
	a.Ticket = func(string, time.Duration) (string, error) { return "ticket", nil }
	a.LendTicket = func(string, time.Duration) (string, time.Duration, error) { return "ticket", time.Hour, nil }
	c := withAccounts(hostsAt(t, nil, rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody))).URL), clients, a)
	c.HostNames = names
	return serveOn(t, ln, c, defaultLimits)
}

func listenAt(t *testing.T, network, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func TestWithoutClientsAPageOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, fields string
		ok           bool
	}{
		{"a program", "", true},
		{"a page of its own", "Origin: http://127.0.0.1:8080\r\nSec-Fetch-Site: same-origin\r\n", true},
		{"an address that somebody typed", "Sec-Fetch-Site: none\r\n", true},
		{"in other letters", "SEC-FETCH-SITE: Same-Origin\r\norigin: HTTP://127.0.0.1:8080\r\n", true},
		{"another site", "Sec-Fetch-Site: cross-site\r\n", false},
		{"another site, in other letters", "sec-fetch-site:CROSS-SITE\r\n", false},
		{"another host of the site", "Sec-Fetch-Site: same-site\r\n", false},
		{"what no browser says yet", "Sec-Fetch-Site: elsewhere\r\n", false},
		{"a foreign origin", "Origin: https://evil.example\r\n", false},
		{"another port", "Origin: http://127.0.0.1:3000\r\n", false},
		{"another name of this machine", "Origin: http://localhost:8080\r\n", false},
		{"no origin that it tells", "Origin: null\r\n", false},
		{"an empty origin", "Origin: \r\n", false},
		{"an extension", "Origin: chrome-extension://127.0.0.1:8080\r\n", false},
		{"a name that begins alike", "Origin: http://127.0.0.1:8080.evil.example\r\n", false},
	} {
		keyed := browsed(t, listenAt(t, "tcp", "127.0.0.1:0"), nil, keyed("orders", "orders-key"))
		socket := filepath.Join(t.TempDir(), "s")
		for where, s := range map[string]*service{
			"on loopback": browsed(t, listenAt(t, "tcp", "127.0.0.1:0"), nil), "on a unix socket": browsed(t, listenAt(t, "unix", socket), nil), "with clients": keyed,
		} {
			c := s.dial(t)
			for _, page := range localPages {
				a := c.Call(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer orders-key\r\n%s\r\n", page, row.fields))
				if ok := a.Field("Wxproxy-Error") != "forbidden_path"; ok != (row.ok || where == "with clients") || !ok && a.Status() != 403 {
					t.Errorf("%s, %s, %s: got %q %s", where, row.name, page, a.Head, a.Body)
				}
			}
		}
	}
}

func TestOnLoopbackOnlyNamesThatNoSiteCanHaveAreAnswered(t *testing.T) {
	t.Parallel()
	for host, ok := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:8080": true, "[::1]": true, "[::1]:8080": true, "[fe80::1%25eth0]:80": true, "10.1.2.3:80": true, "192.168.0.1": true,
		"localhost": true, "LocalHost:8080": true, "localhost.": true, "localhost.:8080": true,
		"api.weixin.qq.com": true, "API.Weixin.QQ.com:443": true, "wxproxy.internal": true, "WXPROXY.internal.:8080": true,
		"evil.example": false, "evil.example:8080": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false, "evil-localhost": false,
		"api.weixin.qq.com.evil.example": false, "internal": false, "x.wxproxy.internal": false, "2130706433": false, "127.1": false, "0x7f.1": false,
	} {
		names := []string{"WXProxy.internal"}
		c := browsed(t, listenAt(t, "tcp", "127.0.0.1:0"), names).dial(t)
		everywhere := browsed(t, listenAt(t, "tcp", "0.0.0.0:0"), names).dial(t)
		socket := browsed(t, listenAt(t, "unix", filepath.Join(t.TempDir(), "s")), names).dial(t)
		keyed := browsed(t, listenAt(t, "tcp", "127.0.0.1:0"), names, keyed("orders", "orders-key")).dial(t)
		for _, page := range localPages {
			request := "GET " + page + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer orders-key\r\n\r\n"
			c.Call(rawtest.Get(page)) // "proxy" is none of its names
			if a := c.Call(request); (a.Status() != 403) != ok || !ok && !strings.Contains(a.Body, "proxy.hosts") {
				t.Errorf("%s, %s: got %q %s; want it answered: %t", host, page, a.Head, a.Body, ok)
			}
			for where, c := range map[string]*rawtest.Caller{"beyond loopback": everywhere, "on a unix socket": socket, "with clients": keyed} {
				if a := c.Call(request); a.Status() == 403 {
					t.Errorf("%s, %s, %s: got %q %s; want an answer", where, host, page, a.Head, a.Body)
				}
			}
		}
	}
}

func TestOnLoopbackATargetThatNamesWeChatIsMeant(t *testing.T) {
	t.Parallel()
	s := browsed(t, listenAt(t, "tcp", "127.0.0.1:0"), nil)
	for _, raw := range []string{
		"GET http://api.weixin.qq.com/cgi-bin/user/info HTTP/1.1\r\nHost: api.weixin.qq.com\r\n\r\n",
		"GET http://api.weixin.qq.com/cgi-bin/user/info HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
		"GET /cgi-bin/user/info HTTP/1.0\r\n\r\n",
	} {
		if a := s.dial(t).Call(raw); a.Body != rawtest.OKBody {
			t.Errorf("%q: got %q %s; want an answer", raw, a.Head, a.Body)
		}
	}
}
