package config

import (
	"fmt"
	"net"
	"strings"
	"text/tabwriter"
	"time"
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
	line("admin", "%s", c.Admin.describe())
	line("upstream", "%s", c.Upstream.describe())
	line("token", "%s", c.Token.describe())
	line("log", "%s and above, format %s", strings.ToLower(c.Log.Level.String()), c.Log.Format)
	if len(c.Included) > 0 {
		line("include", "%s", strings.Join(c.Included, ", "))
	}
	for _, a := range c.Accounts {
		line("account", "%s", a.describe())
	}
	for _, client := range c.Clients {
		line("client", "%s", client.describe())
	}
	for _, r := range c.Routes {
		line("route", "%s", c.describeRoute(r))
	}
	_ = w.Flush() // to memory: cannot fail
	return text.String()
}

func orElse(list []string, otherwise string) string {
	if len(list) == 0 {
		return otherwise
	}
	return strings.Join(list, ", ")
}

// address returns a listen setting as one would give it to curl.
func address(listen string) string {
	network, address := ListenOn(listen)
	if network == "unix" {
		return "the socket " + address
	}
	if host, port, _ := net.SplitHostPort(address); everywhere(host) {
		return "port " + port + " of every address"
	}
	return "http://" + address
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
