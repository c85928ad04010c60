package egress

import (
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"wxproxy/internal/secret"
)

// A Choice says which proxy leads where. The zero value leads nowhere through any.
type Choice struct {
	Setting string        // the name of what has URL
	URL     secret.Secret // of the proxy; Directly: there is none; empty: the environment says it
	Environment
}

// Directly is in the place of a URL where no proxy is wanted, whatever the environment says.
const Directly = "direct"

// An Environment is what variables say of proxies.
type Environment struct {
	HTTPS, HTTP         secret.Secret // of the proxies to https:// and http://; empty: there is none
	HTTPSName, HTTPName string        // the variables that they stand in
	NoProxy             string        // where none leads to
	Ignored             string        // a variable that others know and that says nothing here; empty: there is none
}

// Excluded is in the place of a setting where the environment has a proxy, but not for a host.
const Excluded = "NO_PROXY"

// Of returns what the variables of lookupEnv say. Those in capitals come first. Where
// REQUEST_METHOD is set, a program runs behind a web server, and a caller's header Proxy sets
// HTTP_PROXY (https://httpoxy.org): it does not count.
func Of(lookupEnv func(string) (string, bool)) (e Environment) {
	first := func(names ...string) (value secret.Secret, name string) {
		for _, name := range names {
			if value, _ := lookupEnv(name); value != "" {
				return secret.New(value), name
			}
		}
		return secret.Secret{}, ""
	}
	e.HTTPS, e.HTTPSName = first("HTTPS_PROXY", "https_proxy")
	if _, behindServer := lookupEnv("REQUEST_METHOD"); behindServer {
		e.HTTP, e.HTTPName = first("http_proxy")
	} else {
		e.HTTP, e.HTTPName = first("HTTP_PROXY", "http_proxy")
	}
	none, _ := first("NO_PROXY", "no_proxy")
	e.NoProxy = none.Reveal()
	_, e.Ignored = first("ALL_PROXY", "all_proxy")
	return e
}

// For returns the proxy to a host, nil if the way there is direct, and who says so: the name
// of the setting, of the variable, Excluded, or nobody. An error says what is
// wrong with what Setting, or the variable with that name, says, and quotes nothing.
func (c Choice) For(host *url.URL) (p *Proxy, setting string, err error) {
	switch raw := c.URL.Reveal(); raw {
	case Directly:
		return nil, c.Setting, nil
	case "":
		return c.proxyTo(host)
	default:
		p, err = Parse(raw, c.Setting)
		return p, c.Setting, err
	}
}

// proxyTo returns the proxy that the environment has for a host, and the variable.
func (e Environment) proxyTo(host *url.URL) (p *Proxy, name string, err error) {
	raw, name := e.HTTPS.Reveal(), e.HTTPSName
	if host.Scheme == overHTTP {
		raw, name = e.HTTP.Reveal(), e.HTTPName
	}
	if raw == "" {
		return nil, "", nil
	}
	const some = "http://proxy.invalid" // stands for the one that is meant: only the rules of NO_PROXY are asked
	isThrough := func(none string) bool {
		rules := httpproxy.Config{HTTPProxy: some, HTTPSProxy: some, NoProxy: none}
		through, err := rules.ProxyFunc()(host)
		return err == nil && through != nil
	}
	switch {
	case !isThrough(""): // this machine
		return nil, "", nil
	case !isThrough(e.NoProxy):
		return nil, Excluded, nil
	}
	if !strings.Contains(raw, "://") {
		raw = overHTTP + "://" + raw
	}
	if p, err = Parse(withPort(raw), name); err != nil {
		return nil, name, err
	}
	return p, name, nil
}

// withPort returns the URL of a proxy with its port, which variables may leave out.
func withPort(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Port() != "" || u.Hostname() == "" {
		return raw
	}
	port := map[string]string{overHTTP: "80", overHTTPS: "443", overSOCKS: "1080", overSOCKS + "h": "1080"}[u.Scheme]
	u.Host = net.JoinHostPort(u.Hostname(), port)
	return u.String()
}
