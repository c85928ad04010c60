//go:build linux

package peer

import "strings"

// haproxyConf has HAProxy do the same as nginxConf has nginx do, with one thread. HAProxy
// asks for two descriptors for each connection that it may have, even where the system
// does not grant so many.
const haproxyConf = `global
	nbthread 1
	maxconn 16384
	no strict-limits
	tune.maxrewrite 1024
defaults
	mode http
	timeout connect 3s
	timeout client 75s
	timeout server 30s
	timeout http-keep-alive 75s
	option http-keep-alive
	http-reuse always
frontend callers
	bind ADDR backlog 4096SECURE
	http-request set-query access_token=TOKEN
	http-request del-header Authorization
	http-request set-header Host UPSTREAM
	default_backend wechat
backend wechat
	server wechat UPSTREAM maxconn 512 pool-purge-delay 60sTLS
`

// HAProxy returns HAProxy, as a second proxy to compare with.
func HAProxy() (*Peer, error) {
	version, err := versionOf("version ", " ", "haproxy", "-v")
	if err != nil {
		return nil, err
	}
	return &Peer{Name: "HAProxy", Version: version, prepare: prepareHAProxy}, nil
}

func prepareHAProxy(s Site, addr string) ([]string, error) {
	secure := ""
	if s.tls() {
		secure = " ssl verify required ca-file " + s.CA
	}
	callers := ""
	if s.Callers != "" {
		callers = " ssl crt " + s.Callers
	}
	conf := strings.NewReplacer("ADDR", addr, "UPSTREAM", s.upstreamAddr(), "TOKEN", s.Token, "TLS", secure, "SECURE", callers).Replace(haproxyConf)
	path, err := s.write("haproxy.cfg", conf)
	return []string{"haproxy", "-db", "-f", path}, err
}
