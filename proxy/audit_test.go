package proxy

import (
	"log/slog"
	"strings"
	"testing"

	"wxproxy/internal/audit"
	"wxproxy/internal/origin"
	"wxproxy/proxy/internal/rawtest"
)

// Behind a web server that is trusted, the log has the address of whoever called that.
// WeChat gets the header as it came.
func TestTheLogHasTheAddressBehindATrustedWebServer(t *testing.T) {
	for name, row := range map[string]struct {
		trusted string
		header  string
		want    string
	}{
		"trusted":                {"127.0.0.0/8", "X-Forwarded-For: 192.0.2.7", "192.0.2.7"},
		"in another spelling":    {"127.0.0.1", "x-forwarded-for:192.0.2.7", "192.0.2.7"},
		"not trusted":            {"10.0.0.0/8", "X-Forwarded-For: 192.0.2.7", "127.0.0.1"},
		"nobody is trusted":      {"", "X-Forwarded-For: 192.0.2.7", "127.0.0.1"},
		"what a caller makes up": {"127.0.0.1", "X-Forwarded-For: canary, 192.0.2.7", "192.0.2.7"},
		"nothing":                {"127.0.0.1", "Accept: */*", "127.0.0.1"},
		"no address":             {"127.0.0.1", "X-Forwarded-For: canary", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said lineLog
			u := &recorder{answers: []string{rawtest.OKBody}}
			c := config(u, shop())
			c.Clients, c.Log = []Client{keyed("orders", "orders-key")}, slog.New(slog.NewTextHandler(&said, nil))
			c.Audit, c.Trusted = audit.New(c.Log), origin.Trusted{}
			if row.trusted != "" {
				if err := c.Trusted.Add(row.trusted); err != nil {
					t.Fatal(err)
				}
			}
			s := serve(t, c, defaultLimits)
			s.dial(t).Call(rawtest.Get("/p", "Authorization: Bearer canary", row.header))
			for _, want := range []string{"msg=\"a request was refused\"", "msg=audit"} {
				if said.count(want) != 1 {
					t.Errorf("got %s; want a line with %s", said.text.String(), want)
				}
			}
			if said.count("address="+row.want+" ") != 2 || said.count("canary") > 0 {
				t.Errorf("got %s; want the address %s twice", said.text.String(), row.want)
			}
			s.dial(t).Call(rawtest.Get("/p", "Authorization: Bearer orders-key", row.header))
			if got := u.got[0].fields; !strings.Contains(got, row.header) {
				t.Errorf("WeChat got %q; want %q in it", got, row.header)
			}
		})
	}
}

// With audit = false nothing is said of who gets tokens.
func TestWithoutAuditNobodyIsNoted(t *testing.T) {
	c, log := refusing()
	p := New(c)
	handle(t, p, rawtest.Get("/allowed/x", "Authorization: Bearer wrong"))
	if strings.Contains(log.String(), "msg=audit") {
		t.Errorf("got %s", log.String())
	}
}
