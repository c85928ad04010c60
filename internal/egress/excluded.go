package egress

import "net/url"

// An Exclusion says that NO_PROXY keeps the way to a host direct, although a variable names a
// proxy.
type Exclusion struct {
	Host     string
	Variable string // that names the proxy
}

// Excluding returns what keeps the way to a host from leading through the environment's
// proxy; nil: nothing does, or there is none.
func (c Choice) Excluding(host *url.URL) *Exclusion {
	if _, setting, err := c.For(host); err != nil || setting != Excluded {
		return nil
	}
	if host.Scheme == overHTTP {
		return &Exclusion{host.Hostname(), c.HTTPName}
	}
	return &Exclusion{host.Hostname(), c.HTTPSName}
}

// Blamed returns err, for which there is no connection to the host, as one that the exclusion
// may be the cause of.
func (e *Exclusion) Blamed(err error) error { return &ExcludedError{e, err} }

// An ExcludedError is why there is no connection to a host that NO_PROXY names.
type ExcludedError struct {
	exclusion *Exclusion
	err       error
}

// Error implements error.
func (e *ExcludedError) Error() string { return e.err.Error() }

// Unwrap returns why there is no connection.
func (e *ExcludedError) Unwrap() error { return e.err }

// Remedies returns what helps, in English and Chinese.
func (e *ExcludedError) Remedies() (en, zh string) {
	host, variable := e.exclusion.Host, e.exclusion.Variable
	return "NO_PROXY keeps " + host + " from going through the proxy of " + variable + ": if that is the only way out, take the host out of NO_PROXY; otherwise check DNS, the network and the firewall",
		"NO_PROXY 让到 " + host + " 的连接不经由 " + variable + " 的代理：只能经由该代理出外网时，请从 NO_PROXY 中去掉它；否则请检查 DNS、网络和防火墙"
}
