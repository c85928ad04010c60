package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"

	"wxproxy/config"
	"wxproxy/proxy"
)

// listenOn listens on "host:port" or "unix:/path". A socket that a process left
// behind is replaced; one that still answers is not.
func listenOn(listen string) (net.Listener, error) {
	network, address := config.ListenOn(listen)
	if network != "unix" {
		var tcp net.ListenConfig
		tcp.SetMultipathTCP(false) // the kernel has no packet filters for such listeners, which draining needs
		return tcp.Listen(context.Background(), network, address)
	}
	if c, err := net.Dial("unix", address); err == nil {
		c.Close()
		return nil, errors.New("another process listens there")
	}
	if info, err := os.Stat(address); err == nil && info.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(address); err != nil {
			return nil, fmt.Errorf("removing a socket that nobody uses: %w", err)
		}
	}
	ln, err := net.Listen("unix", address)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(address, 0o660); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// listen opens the listeners, or takes those that systemd has opened, so that an
// address in use is known before anything else starts.
func (s *service) listen() error {
	callers, operators, err := inherited()
	if err != nil {
		return err
	}
	cfg := s.now.Load().cfg
	stays := callers != nil
	if callers, err = listenUnless(callers, cfg, "proxy.listen", cfg.Proxy.Listen); err != nil {
		return err
	}
	if s.listener, err = proxy.NewListener(callers); err != nil {
		return err
	}
	s.listener.Stays = stays
	if s.now.Load().tls != nil {
		s.listener.TLS = &tls.Config{GetConfigForClient: s.callersTLS}
	}
	if s.admin == nil {
		return nil
	}
	if s.adminListener, err = listenUnless(operators, cfg, "admin.listen", cfg.Admin.Listen); err != nil {
		callers.Close()
		return err
	}
	s.use(s.now.Load())
	return nil
}

// listenUnless listens unless there is a listener already, which has to be safe for
// the configuration: systemd may have opened it to everybody.
func listenUnless(inherited net.Listener, cfg *config.Config, key, listen string) (net.Listener, error) {
	if inherited == nil {
		ln, err := listenOn(listen)
		if err != nil {
			return nil, fmt.Errorf("%s = %q: %w", key, listen, err)
		}
		return ln, nil
	}
	if err := mustBeGuarded(cfg, key, inherited.Addr()); err != nil {
		return nil, err
	}
	return inherited, nil
}

// mustBeGuarded reports a socket that other machines can reach, whatever the
// configuration says of its address, if that lets anyone in, or anyone who guesses.
func mustBeGuarded(cfg *config.Config, key string, open net.Addr) error {
	guarded := len(cfg.Clients) > 0 || cfg.Proxy.AllowAnonymous
	if key == "admin.listen" {
		guarded = !cfg.Admin.Key.Empty()
	}
	if !isPublic(open) {
		return nil
	}
	if weak, ok := cfg.WeakKeys[key]; guarded && ok {
		return mistake(cfg, weak, fmt.Errorf("could be guessed, and the socket %s is reachable beyond loopback; `wxproxy key` makes a good one", open))
	}
	if guarded && key == "proxy.listen" && len(cfg.Clients) == 0 && cfg.Proxy.TokenEndpoint == "real" {
		return mistake(cfg, "proxy.token_endpoint", fmt.Errorf(`is "real", and the socket %s is reachable beyond loopback; add a [[client]], or write "virtual"`, open))
	}
	if guarded {
		return nil
	}
	return mistake(cfg, key, fmt.Errorf("the socket %s is open and reachable beyond loopback; "+
		"open it on a loopback address, which takes a restart, or give clients a key (admin.key for admin.listen)", open))
}

// isPublic reports whether a listener's address can be reached beyond loopback.
func isPublic(open net.Addr) bool {
	return open.Network() != "unix" && config.BeyondLoopback(open.String())
}
