// Package redisurl reads the URLs of Redis that a configuration has.
package redisurl

import (
	"net/url"
	"strings"
)

// Place returns what a running process cannot change of a store: which one it is, without
// who asks it and how it is known to be the right one.
func Place(spec string) string {
	u, err := url.Parse(spec)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" {
		return spec
	}
	query, asked := u.Query(), url.Values{}
	for _, name := range []string{"addr", "cluster", "master_name"} {
		if values := query[name]; len(values) > 0 {
			asked[name] = values
		}
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.Trim(u.Path, "/"), RawQuery: asked.Encode()}).String()
}

// WithPort returns the address of a host that may have no port.
func WithPort(host string) string {
	if _, port, found := strings.Cut(host[strings.LastIndexByte(host, ']')+1:], ":"); found && port != "" {
		return host
	}
	return strings.TrimSuffix(host, ":") + ":6379"
}

// Public returns a URL of Redis without what may be secret.
func Public(spec string) string {
	u, err := url.Parse(spec)
	if err != nil {
		return "Redis"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
