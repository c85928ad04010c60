package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"wxproxy/config/internal/address"
	"wxproxy/internal/language"
)

// Describe says in words what the configuration means, a line for each thing.
// It tells where secrets come from and never what they are.
func (c *Config) Describe() string { return c.DescribeIn(language.English) }

// DescribeIn says the same in a language.
func (c *Config) DescribeIn(l language.Language) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(name string, said error) { fmt.Fprintf(w, "%s\t%s\n", name, language.In(l, said)) }
	line("proxy", language.Textf("listens on %s, %s", c.Proxy.address(), c.describeCallers()))
	for _, text := range c.Proxy.describe() {
		line("", text)
	}
	if c.Push.Listen != "" {
		line("push", c.describePush())
	}
	line("admin", c.Admin.describe())
	for _, kind := range c.Kinds() {
		line(kind.Section(), c.describeEgress(kind))
	}
	line("token", c.Token.describe(c.Kinds()))
	line("log", c.Log.describe())
	if len(c.Included) > 0 {
		line("include", joined(c.Included))
	}
	c.describeAccounts(line)
	for _, client := range c.Clients {
		line("client", client.describe())
	}
	for _, r := range c.Routes {
		line("route", c.describeRoute(r))
	}
	for i := range c.Forwards {
		line("forward", c.describeForward(i))
	}
	_ = w.Flush() // to memory: cannot fail
	return text.String()
}

// describeAccounts says which accounts and platforms there are.
func (c *Config) describeAccounts(line func(name string, said error)) {
	for _, a := range c.Accounts {
		line("account", a.describe())
	}
	if len(c.Accounts) > 1 && !slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.Default }) {
		line("", language.Phrase("none is the default: callers that name none get 404"))
	}
	for _, p := range c.Platforms {
		line("platform", p.describe())
	}
}

func (c *Config) describeCallers() error {
	switch {
	case len(c.Clients) > 0:
		return c.describeClients()
	case BeyondLoopback(c.Proxy.Listen):
		return language.Phrase("for everyone who can reach it, without a key")
	default:
		return language.Phrase("for the programs of this machine, without a key")
	}
}

// describeClients says how many clients there are, and how many have only a certificate.
func (c *Config) describeClients() *language.Text {
	keyless := 0
	for _, client := range c.Clients {
		if client.KeySHA256.Empty() {
			keyless++
		}
	}
	switch all := len(c.Clients); keyless {
	case 0:
		return language.Textf("for %d clients, each with its key", all)
	case all:
		return language.Textf("for %d clients, each with its certificate and no key", all)
	default:
		return language.Textf("for %d clients, %d with a key and %d with a certificate alone", all, all-keyless, keyless)
	}
}

// address says where callers find the proxy.
func (p Proxy) address() *language.Text {
	where := urlOf(p.Listen)
	if p.TLSCert == "" {
		return where
	}
	if rest, ok := strings.CutPrefix(where.Error(), "http://"); ok {
		return language.Textf("%s", "https://"+rest)
	}
	return language.Textf("%s for HTTPS", where)
}

// describe says what callers and operators should know beyond the address.
func (p Proxy) describe() (lines []*language.Text) {
	switch {
	case p.TLSClientCA == "":
	case p.TLSClientAuth == "optional":
		lines = append(lines, language.Textf("callers without a certificate that %s signed show a key (tls_client_auth)", p.TLSClientCA))
	default:
		lines = append(lines, language.Textf("callers have to show a certificate that %s signed (tls_client_ca)", p.TLSClientCA))
	}
	if len(p.TrustedProxies) > 0 {
		lines = append(lines, language.Textf("the log believes the X-Forwarded-For of %s (trusted_proxies)", joined(p.TrustedProxies)))
	}
	if p.Watch {
		lines = append(lines, language.Textf("files that change are read again (watch)"))
	}
	if p.ShutdownDelay > 0 {
		lines = append(lines, language.Textf("at the end takes requests for %s more (shutdown_delay), then drains for %s at most", short(p.ShutdownDelay), short(p.DrainTimeout)))
	}
	return lines
}

func (l Log) describe() *language.Text {
	text := language.Textf("%s and above, format %s", strings.ToLower(l.Level.String()), l.Format)
	switch {
	case l.Access && l.Sample < 1:
		text = language.Textf("%s, a line for %g of all requests that go well and for each other one", text, l.Sample)
	case l.Access:
		text = language.Textf("%s, a line for each request", text)
	}
	if !l.Audit {
		text = language.Textf("%s, no audit", text)
	}
	return text
}

// joined returns a list as it is said.
func joined(list []string) *language.Text { return language.Textf("%s", strings.Join(list, ", ")) }

func orElse(list []string, otherwise language.Phrase) error {
	if len(list) == 0 {
		return otherwise
	}
	return joined(list)
}

// urlOf returns a listen setting as one would give it to curl.
func urlOf(listen string) *language.Text {
	network, where := ListenOn(listen)
	if network == "unix" {
		return language.Textf("the socket %s", where)
	}
	if host, port, _ := net.SplitHostPort(where); address.Everywhere(host) {
		return language.Textf("port %s of every address", port)
	}
	return language.Textf("http://%s", where)
}

// short drops the zeros at the end of a duration: 5m0s is 5m.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// rateOf returns the rate that parseRate takes for the time between two requests.
func rateOf(interval time.Duration) *language.Text {
	for _, unit := range []struct {
		name string
		per  time.Duration
	}{{"s", time.Second}, {"min", time.Minute}, {"h", time.Hour}} {
		if n := (unit.per + interval/2) / interval; n > 0 && unit.per/n == interval {
			return language.Textf("%d/%s", n, unit.name)
		}
	}
	return language.Textf("one in %v", interval)
}
