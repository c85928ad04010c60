package upstream

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/rawtest"
)

// hostsAt returns Hosts with short time-outs at urls.
func hostsAt(t testing.TB, change func(*HostsConfig), urls ...string) *Hosts {
	t.Helper()
	c := HostsConfig{
		URLs: urls, ConnectTimeout: 5 * time.Second, Timeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxConnections: 64, ProbePath: "/cgi-bin/get_api_domain_ip",
	}
	c.PlainIO = rawtest.IsPlain()
	if change != nil {
		change(&c)
	}
	h, err := NewHosts(c)
	if err != nil {
		t.Fatal(err)
	}
	h.Start()
	t.Cleanup(h.Close)
	return h
}

// provenAt is hostsAt with idle connections that are used at once, as if WeChat was
// seen to leave them open.
func provenAt(t testing.TB, change func(*HostsConfig), urls ...string) *Hosts {
	t.Helper()
	h := hostsAt(t, change, urls...)
	for _, host := range h.hosts {
		host.idle.mu.Lock()
		host.idle.proven.rest = time.Hour
		host.idle.mu.Unlock()
	}
	return h
}

// putDown has the host be down.
func (h *host) putDown() { h.goDown(h.condition.Load(), errors.New("put down by the test")) }

// message is a request for Hosts.
func message(method, target, content string) *Message {
	m := &Message{Method: []byte(method), Target: []byte(target), Body: new(body.Body)}
	m.Body.Borrow([]byte(content))
	if content != "" {
		m.Fields = fmt.Appendf(nil, "Content-Length: %d\r\n", len(content))
	}
	return m
}
