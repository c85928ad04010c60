package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"wxproxy/config/internal/address"
)

// Describe says in words what the configuration means, a line for each thing.
// It tells where secrets come from and never what they are.
func (c *Config) Describe() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	line("proxy", "listens on %s, %s", c.Proxy.address(), c.describeCallers())
	for _, text := range c.Proxy.describe() {
		line("", "%s", text)
	}
	if c.Push.Listen != "" {
		line("push", "%s", c.describePush())
	}
	line("admin", "%s", c.Admin.describe())
	for _, kind := range c.Kinds() {
		line(kind.Section(), "%s", c.UpstreamOf(kind).describe())
	}
	line("token", "%s", c.Token.describe(c.Kinds()))
	line("log", "%s", c.Log.describe())
	if len(c.Included) > 0 {
		line("include", "%s", strings.Join(c.Included, ", "))
	}
	c.describeAccounts(line)
	for _, client := range c.Clients {
		line("client", "%s", client.describe())
	}
	for _, r := range c.Routes {
		line("route", "%s", c.describeRoute(r))
	}
	for i := range c.Forwards {
		line("forward", "%s", c.describeForward(i))
	}
	_ = w.Flush() // to memory: cannot fail
	return text.String()
}

// describeAccounts says which accounts and platforms there are.
func (c *Config) describeAccounts(line func(name, format string, args ...any)) {
	for _, a := range c.Accounts {
		line("account", "%s", a.describe())
	}
	if len(c.Accounts) > 1 && !slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.Default }) {
		line("", "none is the default: callers that name none get 404")
	}
	for _, p := range c.Platforms {
		line("platform", "%s", p.describe())
	}
}

func (c *Config) describeCallers() string {
	switch {
	case len(c.Clients) > 0:
		return c.describeClients()
	case BeyondLoopback(c.Proxy.Listen):
		return "for everyone who can reach it, without a key"
	default:
		return "for the programs of this machine, without a key"
	}
}

// describeClients says how many clients there are, and how many have only a certificate.
func (c *Config) describeClients() string {
	keyless := 0
	for _, client := range c.Clients {
		if client.KeySHA256.Empty() {
			keyless++
		}
	}
	switch all := len(c.Clients); keyless {
	case 0:
		return fmt.Sprintf("for %d clients, each with its key", all)
	case all:
		return fmt.Sprintf("for %d clients, each with its certificate and no key", all)
	default:
		return fmt.Sprintf("for %d clients, %d with a key and %d with a certificate alone", all, all-keyless, keyless)
	}
}

// address says where callers find the proxy.
func (p Proxy) address() string {
	where := urlOf(p.Listen)
	if p.TLSCert == "" {
		return where
	}
	if rest, ok := strings.CutPrefix(where, "http://"); ok {
		return "https://" + rest
	}
	return where + " for HTTPS"
}

// describe says what callers and operators should know beyond the address.
func (p Proxy) describe() (lines []string) {
	switch {
	case p.TLSClientCA == "":
	case p.TLSClientAuth == "optional":
		lines = append(lines, "callers without a certificate that "+p.TLSClientCA+" signed show a key (tls_client_auth)")
	default:
		lines = append(lines, "callers have to show a certificate that "+p.TLSClientCA+" signed (tls_client_ca)")
	}
	if len(p.TrustedProxies) > 0 {
		lines = append(lines, "the log believes the X-Forwarded-For of "+strings.Join(p.TrustedProxies, ", ")+" (trusted_proxies)")
	}
	if p.Watch {
		lines = append(lines, "files that change are read again (watch)")
	}
	if p.ShutdownDelay > 0 {
		lines = append(lines, fmt.Sprintf("at the end takes requests for %s more (shutdown_delay), then drains for %s at most", short(p.ShutdownDelay), short(p.DrainTimeout)))
	}
	return lines
}

func (l Log) describe() string {
	text := strings.ToLower(l.Level.String()) + " and above, format " + l.Format
	switch {
	case l.Access && l.Sample < 1:
		text += fmt.Sprintf(", a line for %g of all requests that go well and for each other one", l.Sample)
	case l.Access:
		text += ", a line for each request"
	}
	if !l.Audit {
		text += ", no audit"
	}
	return text
}

func orElse(list []string, otherwise string) string {
	if len(list) == 0 {
		return otherwise
	}
	return strings.Join(list, ", ")
}

// urlOf returns a listen setting as one would give it to curl.
func urlOf(listen string) string {
	network, where := ListenOn(listen)
	if network == "unix" {
		return "the socket " + where
	}
	if host, port, _ := net.SplitHostPort(where); address.Everywhere(host) {
		return "port " + port + " of every address"
	}
	return "http://" + where
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
func rateOf(interval time.Duration) string {
	for _, unit := range []struct {
		name string
		per  time.Duration
	}{{"s", time.Second}, {"min", time.Minute}, {"h", time.Hour}} {
		if n := (unit.per + interval/2) / interval; n > 0 && unit.per/n == interval {
			return fmt.Sprintf("%d/%s", n, unit.name)
		}
	}
	return "one in " + interval.String()
}
