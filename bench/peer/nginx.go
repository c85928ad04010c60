//go:build linux

package peer

import (
	"strconv"
	"strings"
)

// nginxConf is what somebody who knows nginx would write for this job alone: one
// worker, connections to both sides that stay open for any number of requests, bodies of up
// to 512 KiB in memory.
const nginxConf = `daemon off;
user root;
worker_processes WORKERS;
worker_rlimit_nofile RLIMIT;
pid DIR/nginx.pid;
error_log stderr crit;
events { worker_connections CONNECTIONS; }
http {
	access_log LOG;
	client_body_temp_path DIR/body;
	proxy_temp_path DIR/proxy;
	fastcgi_temp_path DIR/fastcgi;
	uwsgi_temp_path DIR/uwsgi;
	scgi_temp_path DIR/scgi;
	keepalive_requests 1000000000;
	client_max_body_size 16m;
	client_body_buffer_size 512k;
	upstream wechat {
		server UPSTREAM;
		keepalive 512;
		keepalive_requests 1000000000;
	}
	server {
		listen ADDR backlog=4096SECURE;
		location / {
			set $args access_token=TOKEN;
			proxy_pass SCHEME://wechat;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Authorization "";
			proxy_set_header Host UPSTREAM;
TLS		}
	}
}
`

const nginxTLS = `			proxy_ssl_protocols TLSv1.2 TLSv1.3;
			proxy_ssl_verify on;
			proxy_ssl_name localhost;
			proxy_ssl_trusted_certificate CA;
`

const nginxCallersTLS = ` ssl;
		ssl_protocols TLSv1.2 TLSv1.3;
		ssl_certificate "CALLERS";
		ssl_certificate_key "CALLERS"`

// nginxLog has nginx write its log in batches, as wxproxy does.
const nginxLog = "DIR/access.log combined buffer=16k flush=1s"

// Nginx returns what others are compared with: nginx that adds a token which never
// changes.
func Nginx() (*Peer, error) {
	version, err := versionOf("nginx/", "\n", "nginx", "-v")
	if err != nil {
		return nil, err
	}
	return &Peer{Name: "nginx", Version: version, prepare: prepareNginx}, nil
}

func prepareNginx(s Site, addr string) ([]string, error) {
	secure, scheme := "", "http"
	if s.tls() {
		secure, scheme = nginxTLS, "https"
	}
	callers, log := "", "off"
	if s.Callers != "" {
		callers = nginxCallersTLS
	}
	if s.Log {
		log = nginxLog
	}
	conf := strings.NewReplacer("TLS\t\t}", secure+"\t\t}", "SECURE;", callers+";", "LOG;", log+";").Replace(nginxConf)
	conf = strings.NewReplacer("DIR", s.Dir, "RLIMIT", "20000", "WORKERS", strconv.Itoa(max(1, s.Threads)), "CONNECTIONS", "16384", "SCHEME", scheme,
		"ADDR", addr, "UPSTREAM", s.upstreamAddr(), "TOKEN", s.Token, "CA;", s.CA+";", "CALLERS", s.Callers).Replace(conf)
	path, err := s.write("nginx.conf", conf)
	return []string{"nginx", "-p", s.Dir, "-c", path, "-e", "stderr"}, err
}
