package config

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"wxproxy/internal/secret"
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

func (c *Config) describeCallers() string {
	switch {
	case len(c.Clients) > 0:
		return fmt.Sprintf("for %d clients, each with its key", len(c.Clients))
	case BeyondLoopback(c.Proxy.Listen):
		return "for everyone who can reach it, without a key"
	default:
		return "for the programs of this machine, without a key"
	}
}

func (a Admin) describe() string {
	switch {
	case a.Listen == "":
		return "off"
	case a.Key.Empty():
		return "listens on " + address(a.Listen) + ", without a key: it hands out no tokens"
	default:
		return "listens on " + address(a.Listen) + ", with a key"
	}
}

func (u Upstream) describe() string {
	where := u.URL
	if len(u.FallbackURLs) > 0 {
		where += ", and when that cannot be reached " + strings.Join(u.FallbackURLs, ", ")
	}
	if u.IPFamily != anyFamily {
		where += "; over " + u.IPFamily + " only"
	}
	return where
}

func (t Token) describe() string {
	place := "in memory"
	switch kind, rest, _ := strings.Cut(t.Store.Reveal(), ":"); kind {
	case "file":
		place += " and in the folder " + rest
	case "redis", "rediss":
		place += " and, for all replicas, in " + redisAt(t.Store)
	}
	if !t.EncryptionKey.Empty() && place != "in memory" {
		place += ", encrypted"
	}
	codes := make([]string, len(t.RetryErrcodes))
	for i, code := range t.RetryErrcodes {
		codes[i] = strconv.Itoa(code)
	}
	return fmt.Sprintf("kept %s, renewed %s before expiry and on errcode %s",
		place, short(t.RefreshBefore), strings.Join(codes, ", "))
}

// StoreAddress returns the store without what may be secret.
func (t Token) StoreAddress() string {
	if kind, _, _ := strings.Cut(t.Store.Reveal(), ":"); kind == "redis" || kind == "rediss" {
		return redisAt(t.Store)
	}
	return t.Store.Reveal()
}

// redisAt returns a URL of Redis without what may be secret.
func redisAt(store secret.Secret) string {
	u, err := url.Parse(store.Reveal())
	if err != nil {
		return "Redis"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func (a Account) describe() string {
	text := fmt.Sprintf("%s is %s, %s tokens, secret from %s", a.Name, a.AppID, a.TokenAPI, a.Source)
	if a.Default {
		text += ", the default"
	}
	return text
}

func (c Client) describe() string {
	text := c.Name + " may use " + orElse(c.Accounts, "every account") + " for " + orElse(c.Allow, "every path")
	if len(c.Deny) > 0 {
		text += ", but not for " + strings.Join(c.Deny, ", ")
	}
	if !c.OldSHA256.Empty() {
		text += "; it may also show the key before (key_old)"
	}
	return text
}

func orElse(list []string, otherwise string) string {
	if len(list) == 0 {
		return otherwise
	}
	return strings.Join(list, ", ")
}

// address says where callers find the proxy.
func (p Proxy) address() string {
	where := address(p.Listen)
	if p.TLSCert == "" {
		return where
	}
	if rest, ok := strings.CutPrefix(where, "http://"); ok {
		return "https://" + rest
	}
	return where + " for HTTPS"
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
