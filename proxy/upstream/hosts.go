// Package upstream is WeChat's side of the proxy. It sends requests to the hosts that
// can be reached, over connections that are used again, and reads the answers. It does
// not know clients, accounts and tokens.
package upstream

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"wxproxy/internal/background"
	"wxproxy/internal/egress"
	"wxproxy/internal/lograte"
)

// Hosts sends requests to the first of WeChat's hosts that can be reached, over
// kept-alive connections. It may be used concurrently between Start and Close.
type Hosts struct {
	hosts  []*host
	config HostsConfig
	slots  chan struct{} // holds one element per request that has a connection

	shortage lograte.Seldom // limits how often the log says that this machine is short of something

	stop       context.CancelFunc // ends the background goroutines
	background sync.WaitGroup     // of the sweeper, and one watcher per host
}

// HostsConfig says how to reach WeChat.
type HostsConfig struct {
	Name           string         // what messages call their owner; empty: WeChat
	URLs           []string       // scheme and host, in order of preference
	Roots          *x509.CertPool // nil: the system's
	Family         Family         // of the addresses that are connected to
	ConnectTimeout time.Duration  // to connect and shake hands with one address of a host
	Timeout        time.Duration  // for an answer, and for the other waits that times.go names
	IdleTimeout    time.Duration  // a connection that was idle for longer is not used again
	MaxConnections int            // at a time, to all hosts together
	ProbePath      string         // answered without a token and without effect, whatever the answer is
	PlainIO        bool           // use package net for all I/O, which costs more
	Log            *slog.Logger   // gets a line when a host goes down or comes up; nil: there is none

	// Lookup returns the addresses of a host by its name; nil: the system's resolver does.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)

	// Proxy returns the proxy that leads to a host; nil, as its result may be: none does.
	Proxy     func(host *url.URL) *egress.Proxy
	Excluding func(host *url.URL) *egress.Exclusion // why none does; nil, as its result may be: nobody says so
}

// maxHosts is how many hosts one word of bits can tell apart.
const maxHosts = 64

// NewHosts returns Hosts for config. It connects to nothing yet.
func NewHosts(config HostsConfig) (*Hosts, error) {
	if len(config.URLs) == 0 || len(config.URLs) > maxHosts {
		return nil, fmt.Errorf("got %d upstream URLs; between 1 and %d can be used", len(config.URLs), maxHosts)
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hosts{config: config, slots: make(chan struct{}, config.MaxConnections), stop: func() {}}
	for _, raw := range config.URLs {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("reading an upstream URL: %w", errors.Unwrap(err))
		}
		h.hosts = append(h.hosts, newHost(u, config, h.wayTo(u)))
	}
	return h, nil
}

// Start begins to look after the idle connections and after hosts that are
// down. It is called once.
func (h *Hosts) Start() {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.background.Go(func() { background.Persist(ctx, h.config.Log, h.sweepIdle) })
	for _, host := range h.hosts {
		h.background.Go(func() { background.Persist(ctx, h.config.Log, host.watch) })
	}
}

// Close ends what Start began, waits for it, and closes the idle connections. Those in
// use are closed when their answer is complete.
func (h *Hosts) Close() {
	h.stop()
	h.background.Wait()
	for _, host := range h.hosts {
		host.idle.close()
	}
}

// connect returns a connection to the first host that can be reached.
func (h *Hosts) connect(use reuse) (*conn, error) {
	return h.connectWithin(context.Background(), use, nil)
}

// connectNow tries the hosts that are up, in order of preference, and when none of
// them can be reached those that are down, without the one with the URL except.
func (h *Hosts) connectNow(ctx context.Context, use reuse, except *url.URL) (*conn, error) {
	var failed error
	tried := uint64(0) // bit i: host i
	for pass := range passes {
		for i, host := range h.hosts {
			if tried&(1<<i) != 0 || host.base == except || !host.mayTry(pass) {
				continue
			}
			if c := host.reusable(use); c != nil {
				return c, nil
			}
			h.makeRoom()
			c, err := host.connect(ctx)
			if err == nil {
				return c, nil
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnreachable, cmp.Or(failed, err)) // what the others say counts for more
			}
			host.failures[FailedToConnect].Add(1)
			tried |= 1<<i | h.alsoBehind(host, err, pass > 0)
			failed = alsoFailed(failed, err)
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrUnreachable, failed)
}

// Dial returns a new connection, after the TLS handshake if there is one, to
// the host that a request would be sent to now, and that host's URL, which is not to be
// changed. The host with the URL except, if that is not nil, is left out. The connection
// does not count among MaxConnections. Report has to be called when its request has
// ended.
func (h *Hosts) Dial(ctx context.Context, except *url.URL) (net.Conn, *url.URL, error) {
	c, err := h.connectWithin(ctx, reuseNone, except)
	if err != nil {
		return nil, nil, err
	}
	return c.Conn, c.host.base, nil
}

// makeRoom closes idle connections, so that with those in use there are no more
// than MaxConnections. The hosts that are preferred keep theirs longest.
func (h *Hosts) makeRoom() {
	room := h.config.MaxConnections - len(h.slots)
	for _, host := range h.hosts {
		room -= host.idle.trim(max(room, 0))
	}
}

// Names returns the names, in lower case, by which requests may call the hosts.
func (h *Hosts) Names() []string {
	var names []string
	for _, host := range h.hosts {
		name := strings.ToLower(host.name)
		names = append(names, name)
		if _, _, err := net.SplitHostPort(name); err != nil { // it has no port, so that a request may name that of either scheme
			names = append(names, name+":80", name+":443")
		}
	}
	return names
}

// Connections returns how many connections are in use, those that are being made
// included, and how many are idle.
func (h *Hosts) Connections() (active, idle int) {
	for _, host := range h.hosts {
		idle += host.idle.count()
	}
	return len(h.slots), idle
}

// HostState is what an operator may know of a host.
type HostState struct {
	URL    string
	Down   bool
	Since  time.Time // when that began
	Reason string    // why it is down
	Proxy  string    // that leads to it, host and port; empty: none

	Failures Failures // since the start
}

// States returns the state of each host, in order of preference.
func (h *Hosts) States() []HostState {
	states := make([]HostState, 0, len(h.hosts))
	for _, host := range h.hosts {
		now := host.now()
		states = append(states, HostState{URL: host.url, Down: now.isDown(), Since: now.since, Reason: now.reason, Proxy: host.way.address(), Failures: host.failures.now()})
	}
	return states
}
