package proxy

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic"
)

// refusing is a configuration whose client orders may call little, and its log.
func refusing() (Config, *rawtest.Journal) {
	log := new(rawtest.Journal)
	c := config(&recorder{answers: []string{rawtest.OKBody}}, shop(), account("blog", "wxblog"))
	orders := keyed("orders", "orders-key")
	orders.Accounts, orders.Allow, orders.Interval = []string{"shop"}, []string{"/allowed/*", "/cgi-bin/token"}, time.Hour
	c.Clients = []Client{orders, keyed("games", "games-key")}
	c.Log = slog.New(slog.NewTextHandler(log, nil))
	return c, log
}

func TestWhatIsRefusedLeavesATrace(t *testing.T) {
	const orders, games = "Authorization: Bearer orders-key", "Authorization: Bearer games-key"
	hash := sha256.Sum256([]byte("orders-key"))
	key := virtual.NewKey("", hash[:])
	expired := virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Now().Add(-time.Hour), &key)
	for _, row := range []struct {
		name, request  string
		times          int
		client, reason string
		status         int
		line           string // in the log; empty: none
	}{
		{"no key", rawtest.Get("/allowed/x"), 1, "", "unauthenticated", 401, `client="" account="" reason=unauthenticated path=/allowed/x status=401`},
		{"a wrong key", rawtest.Get("/allowed/x", "Authorization: Bearer wrong"), 1, "", "unauthenticated", 401, "no client has this key"},
		{"another path", rawtest.Get("/other/x", orders), 1, "orders", "forbidden_path", 403, "client=orders account=shop reason=forbidden_path path=/other/x status=403"},
		{"another account", rawtest.Get("/@blog/allowed/x", orders), 1, "orders", "forbidden_account", 403, "client=orders account=blog reason=forbidden_account"},
		{"too often", rawtest.Get("/allowed/x", orders), 2, "orders", "too_many_requests", 429, "client=orders account=shop reason=too_many_requests"},
		{"an API of others", rawtest.Get("/@shop/cgi-bin/component/x", games), 1, "games", "no_credential", 403, "reason=no_credential"},
		{"an unknown account", rawtest.Get("/@nobody/x", games), 1, "games", "unknown_account", 404, "client=games account=\"\" reason=unknown_account"},
		{"what cannot be understood", rawtest.Get("/x//y", games), 1, "", "bad_request", 400, "reason=bad_request"},
		{"a secret that is no key", rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=canary"), 1, "", "40125", 200, "reason=40125 path=/cgi-bin/token status=200"},
		{"an expired token", rawtest.Get("/allowed/x?access_token=" + expired), 1, "", "42001", 200, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, log := refusing()
			p := New(c)
			status := 0
			for range row.times {
				status = handle(t, p, row.request).Response.StatusCode()
			}
			if status != row.status {
				t.Errorf("got status %d; want %d", status, row.status)
			}
			if got := c.Counts.Snapshot().Failures; len(got) != 1 || got[0] != (traffic.FailureCount{Client: row.client, Reason: row.reason, N: 1}) {
				t.Errorf("got %v counted; want one %s of %q", got, row.reason, row.client)
			}
			if n := strings.Count(log.String(), "a request was refused"); n != min(1, len(row.line)) || !strings.Contains(log.String(), row.line) || strings.Contains(log.String(), "canary") {
				t.Errorf("got the log %s; want %q in one line", log.String(), row.line)
			}
			if row.line != "" && !strings.Contains(log.String(), "level=WARN") || row.line != "" && !strings.Contains(log.String(), " address=") {
				t.Errorf("got the log %s; want a warning with the caller's address", log.String())
			}
		})
	}
}

func TestOneLineTellsOfManyRefusals(t *testing.T) {
	c, log := refusing()
	p := New(c)
	for range 50 {
		handle(t, p, rawtest.Get("/other/x", "Authorization: Bearer orders-key"))
		handle(t, p, rawtest.Get("/other/y", "Authorization: Bearer orders-key"))
		handle(t, p, rawtest.Get("/other/x"))
	}
	if n := strings.Count(log.String(), "a request was refused"); n != 3 {
		t.Errorf("got %d lines; want one for each client, reason and path: %s", n, log.String())
	}
	if got := c.Counts.Snapshot().Failures; len(got) != 2 {
		t.Errorf("got %v counted; want 100 and 50", got)
	}
	p = p.Reload(c)
	handle(t, p, rawtest.Get("/other/x"))
	if n := strings.Count(log.String(), "a request was refused"); n != 3 {
		t.Errorf("got %d lines after a reload; want no other", n)
	}
}

// Callers without a key can make up any number of paths. That takes a bounded part of
// memory and of the log, and leaves room there for the refusals of clients.
func TestStrangersFillNeitherLogNorMemory(t *testing.T) {
	c, log := refusing()
	p := New(c)
	for i := range 5000 {
		handle(t, p, rawtest.Get(fmt.Sprintf("/%d/%s", i, strings.Repeat("x", 1000))))
	}
	if n := strings.Count(log.String(), "a request was refused"); n != maxUnknownRefusals || len(log.String()) > 40_000 {
		t.Errorf("got %d lines of %d bytes; want %d", n, len(log.String()), maxUnknownRefusals)
	}
	if got := c.Counts.Snapshot().Failures; len(got) != 1 || got[0].N != 5000 {
		t.Errorf("got %v counted; want 5000 in one place", got)
	}
	handle(t, p, rawtest.Get("/other/x", "Authorization: Bearer orders-key"))
	if !strings.Contains(log.String(), "client=orders") {
		t.Error("a client's refusal has no line")
	}
}

// Whatever has no line of its own is in the log as a number, once.
func TestAFloodOfRefusalsLeavesItsCountInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, log := refusing()
		p := New(c)
		for i := range 1000 {
			handle(t, p, rawtest.Get(fmt.Sprint("/", i)))                                                        // callers without a key: other paths
			handle(t, p, rawtest.Get("/same"))                                                                   // and one
			handle(t, p, rawtest.Get(fmt.Sprint("/other/", i), "Authorization: Bearer orders-key"))              // a client
			handle(t, p, rawtest.Get("/other/same", "Authorization: Bearer orders-key", "X-Request-Id: canary")) // and one path
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for _, row := range []struct {
			who   string
			lines int
		}{{"callers that are no client", maxUnknownRefusals}, {"clients", maxClientRefusals}} {
			if want := fmt.Sprintf("requests of %s were refused that have no line of their own\" count=%d\n", row.who, 2000-row.lines); strings.Count(log.String(), want) != 1 {
				t.Errorf("got no line %q, or several: %s", want, log.String()[max(0, len(log.String())-1000):])
			}
		}
		lines := strings.Count(log.String(), "\n")
		time.Sleep(time.Hour)
		if n := strings.Count(log.String(), "\n"); n != lines {
			t.Errorf("got %d lines more while nothing happened", n-lines)
		}
		for range 100 { // it goes on at one each second
			handle(t, p, rawtest.Get("/same"))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		written, told := strings.Count(log.String(), "path=/same"), 0
		for _, number := range regexp.MustCompile(` (?:count|unsaid)=(\d+)\n`).FindAllStringSubmatch(log.String(), -1) {
			n, _ := strconv.Atoi(number[1])
			told += n
		}
		if want := 4000 + 100 - strings.Count(log.String(), "a request was refused"); told != want {
			t.Errorf("got %d told of in numbers; want %d (%d lines of one path)", told, want, written)
		}
	})
}

func TestARefusedHostIsNamedInTheLog(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ host, want string }{
		{"wx.internal:8080", "host=wx.internal:8080"},
		{"evil.example\x01\xff", "host=evil.example??"},
		{`a"b\nc.example`, `host="a\"b\\nc.example"`},
		{strings.Repeat("h.", 200), "host=" + strings.Repeat("h.", 127) + "h\n"},
		{strings.Repeat("h", 43) + ".example", "host=***.example"},
	} {
		c := config(&recorder{answers: []string{rawtest.OKBody}}, shop())
		log := new(rawtest.Journal)
		c.Log = slog.New(slog.NewTextHandler(log, nil))
		p := New(c)
		x := p.newExchange()
		x.fields.host = []byte(row.host)
		said := p.refusalDetails(x, errOtherHost)
		c.Log.Warn("a request was refused", said...)
		if !strings.Contains(log.String(), row.want) {
			t.Errorf("got %s; want %s", log.String(), row.want)
		}
		if said := p.refusalDetails(x, errOtherSite); len(said) > 0 {
			t.Errorf("got %v of another refusal; want nothing", said)
		}
	}
}

func TestARefusedVirtualTokenIsToldWithWhoseItIs(t *testing.T) {
	c, log := refusing()
	old := sha256.Sum256([]byte("the key before"))
	key := virtual.NewKey("", old[:])
	token := virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Now().Add(time.Hour), &key)
	ctx := handle(t, New(c), rawtest.Get("/allowed/x?access_token="+token))
	if body := string(ctx.Response.Body()); !strings.Contains(body, "40001") || !strings.Contains(body, "client's key was changed") {
		t.Errorf("got %s; want that the key may have been changed", body)
	}
	if got := log.String(); !strings.Contains(got, "token_of=orders") || !strings.Contains(got, `client="" `) {
		t.Errorf("got %s; want whose the token was", got)
	}
}

func TestWhatIsAdvisedToWhoGetsNoRealTokenClosesNothing(t *testing.T) {
	for _, row := range []struct {
		allow, advised []string
		want           string
	}{
		{nil, []string{"/*", "/cgi-bin/token"}, `write allow = ["/*", "/cgi-bin/token"]`},
		{[]string{"/cgi-bin/*"}, []string{"/cgi-bin/*", "/cgi-bin/token"}, `add "/cgi-bin/token" to its allow`},
	} {
		for i, allow := range [][]string{row.allow, row.advised} {
			c, _ := refusing()
			orders := keyed("orders", "orders-key")
			orders.Allow, orders.MaxInFlight = allow, 2
			c.Clients, c.TokenEndpoint = []Client{orders}, TokenReal
			shop := shop()
			shop.Lend = func(time.Duration) (string, time.Duration, error) { return "real-token", time.Hour, nil }
			shop.Kind = c.Accounts[0].Kind
			c.Accounts = []Account{shop}
			p := New(c)
			ctx := handle(t, p, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=orders-key"))
			body := strings.ReplaceAll(string(ctx.Response.Body()), `\"`, `"`)
			if i == 0 && (ctx.Response.StatusCode() != 403 || !strings.Contains(body, row.want)) || i == 1 && !strings.Contains(body, "real-token") {
				t.Errorf("allow %q: got %d %s; want %q", allow, ctx.Response.StatusCode(), body, row.want)
			}
			other := handle(t, p, rawtest.Get("/cgi-bin/user/info", "Authorization: Bearer orders-key"))
			if got := other.Response.StatusCode(); got != 200 {
				t.Errorf("allow %q: got %d for another call; want it to go on", allow, got)
			}
		}
	}
}

func TestWithTLSNobodyIsSentToHTTPForARefusedHost(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		by   entrance
		want string
	}{"TCP": {doors["TCP"], "use http://127.0.0.1"}, "TLS": {doors["TLS"], "use a name that the certificate has"}} {
		c, log := refusing()
		c.Clients = nil
		s := row.by.open(t, c, defaultLimits)
		a := row.by.dial(t, s).Call("GET /cgi-bin/user/info HTTP/1.1\r\nHost: wx.internal:8080\r\n\r\n")
		if a.Status() != 403 || !strings.Contains(a.Body, row.want) || name == "TLS" && strings.Contains(a.Body, "http://") {
			t.Errorf("%s: got %d %s; want %q", name, a.Status(), a.Body, row.want)
		}
		rawtest.WaitUntil(t, "the line of it", func() bool { return strings.Contains(log.String(), "host=wx.internal:8080") })
	}
}
