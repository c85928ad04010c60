package service

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"

	"wxproxy/config"
	"wxproxy/internal/accept"
	"wxproxy/internal/language"
	"wxproxy/internal/listen"
	"wxproxy/internal/systemd"
	"wxproxy/proxy/front"
)

// Listen opens the listeners, or takes those that systemd has opened, so that an
// address in use is known before anything else starts.
func (s *Service) Listen() error {
	opened, err := systemd.Sockets()
	if err != nil {
		return MistakeError{err}
	}
	callers, operators := opened.Callers, opened.Operators
	cfg := s.now.Load().cfg
	stays := len(callers) > 0
	if callers, err = listenUnless(callers, cfg, "proxy.listen", cfg.Proxy.Listen); err != nil {
		return err
	}
	for _, ln := range callers {
		if err := s.addCallers(ln, stays); err != nil {
			return err
		}
	}
	switch {
	case s.admin == nil && len(operators) > 0:
		err = Mistake(cfg, "admin.listen", language.Phrase(`it is "", but systemd has opened a socket with the name "admin"; write admin.listen = "127.0.0.1:8081" (the socket's own address counts), or disable its socket unit`))
	case s.admin != nil:
		if s.operators, err = s.accepting(operators, "admin.listen", cfg.Admin.Listen); stays {
			err = heldForCallers(err, "admin", cfg.Admin.Listen, callers)
		}
	}
	if err == nil {
		if err = s.listenForPushes(opened.Pushes); stays {
			err = heldForCallers(err, "push", cfg.Push.Listen, callers)
		}
	}
	if err != nil {
		closeAll(s.callers)
		closeAll(s.operators)
		return err
	}
	s.easeLocalTLS(s.now.Load().tls)
	s.use(s.now.Load())
	return nil
}

func closeAll[L net.Listener](listeners []L) {
	for _, l := range listeners {
		_ = l.Close() // nobody has been accepted
	}
}

// Address returns where callers reach the service.
func (s *Service) Address() net.Addr { return s.callers[0].Addr() }

// AdminAddress returns where operators reach the service; nil: nowhere.
func (s *Service) AdminAddress() net.Addr {
	if len(s.operators) == 0 {
		return nil
	}
	return s.operators[0].Addr()
}

// addCallers has the callers of a listener served. It stays open for the next
// process if systemd has opened it.
func (s *Service) addCallers(ln net.Listener, stays bool) error {
	l, err := front.NewListener(ln)
	if err != nil {
		return err
	}
	l.Stays = stays
	if s.now.Load().tls != nil {
		l.TLS = func() *tls.Config { return s.now.Load().tls }
	}
	s.callers = append(s.callers, l)
	return nil
}

// accepting returns listeners that no lack of open files ends: the inherited ones or,
// without any, one on the setting.
func (s *Service) accepting(inherited []net.Listener, key, setting string) ([]net.Listener, error) {
	listeners, err := listenUnless(inherited, s.now.Load().cfg, key, setting)
	if err != nil {
		return nil, err
	}
	all := make([]net.Listener, 0, len(listeners))
	for _, ln := range listeners {
		socket, ok := ln.(accept.Socket)
		if !ok {
			return nil, errors.New(key + ": neither a TCP nor a Unix socket")
		}
		l := accept.New(socket)
		l.Log = s.log
		all = append(all, l)
	}
	return all, nil
}

// heldForCallers returns err, with the reason if the address that is for what is called
// name is taken by a socket that systemd has opened for callers.
func heldForCallers(err error, name, listen string, callers []net.Listener) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	_, wanted := config.ListenOn(listen)
	_, port, _ := net.SplitHostPort(wanted)
	for _, ln := range callers {
		held := ln.Addr().String()
		if _, heldPort, splitErr := net.SplitHostPort(held); held == wanted || splitErr == nil && heldPort == port {
			return fmt.Errorf("%w; systemd has opened %s for callers: "+
				"write FileDescriptorName=%s into its socket unit if it is for %[3]s.listen, or give that another port", err, held, name)
		}
	}
	return err
}

// listenUnless listens unless there are inherited listeners. They have to be safe for
// the configuration: systemd may have opened them to everybody.
func listenUnless(inherited []net.Listener, cfg *config.Config, key, setting string) ([]net.Listener, error) {
	if len(inherited) == 0 {
		ln, err := listen.On(setting)
		if err != nil {
			return nil, fmt.Errorf("%s = %q: %w", key, setting, err)
		}
		return []net.Listener{ln}, nil
	}
	for _, ln := range inherited {
		if err := mustBeGuarded(cfg, key, ln.Addr()); err != nil {
			return nil, err
		}
	}
	return inherited, nil
}

// mustBeGuarded reports a socket that other machines can reach, whatever its setting
// says, if the configuration lets anyone in, or anyone who guesses a key.
func mustBeGuarded(cfg *config.Config, key string, open net.Addr) error {
	guarded := len(cfg.Clients) > 0 || cfg.Proxy.AllowAnonymous
	if key == "admin.listen" {
		guarded = !cfg.Admin.Key.Empty()
	}
	if key == "push.listen" || !isPublic(open) { // WeChat has to reach the one
		return nil
	}
	if weak, ok := cfg.WeakKeys[key]; guarded && ok {
		return Mistake(cfg, weak, language.Textf("could be guessed, and the socket %s is reachable beyond loopback; `wxproxy key` makes a good one", open))
	}
	if guarded && key == "proxy.listen" && len(cfg.Clients) == 0 && cfg.Proxy.TokenEndpoint == "real" {
		return Mistake(cfg, "proxy.token_endpoint", language.Textf(`is "real", and the socket %s is reachable beyond loopback; add a [[client]], or write "virtual"`, open))
	}
	if guarded {
		return nil
	}
	return Mistake(cfg, key, language.Textf("the socket %s is open and reachable beyond loopback; "+
		"open it on a loopback address, which takes a restart, or give clients a key (admin.key for admin.listen)", open))
}

// isPublic reports whether a listener's address can be reached beyond loopback.
func isPublic(open net.Addr) bool {
	return open.Network() != "unix" && config.BeyondLoopback(open.String())
}
