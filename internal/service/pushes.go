package service

import (
	"context"
	"net"
	"sync"
	"time"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/push"
	"wxproxy/push/inbox"
)

// pushes are what takes WeChat's pushes as long as the process lives. A reload changes
// whose they are and where they go.
type pushes struct {
	receiver  *push.Receiver
	inbox     *inbox.Inbox
	server    *push.Server
	listeners []net.Listener
	serving   sync.WaitGroup
}

// newPushes returns what takes the pushes that first has.
func (s *Service) newPushes(first *setup) (*pushes, error) {
	box, err := s.openInbox(first.cfg)
	if err != nil {
		return nil, err
	}
	p := &pushes{receiver: s.newReceiver(box), inbox: box}
	p.server = push.NewServer(p.receiver, s.files.pushes, s.log)
	return p, usePushes(first.cfg, first.platforms, p.receiver)
}

// preparePushes has pushes be those of next, and go where it says, and returns the
// function that has the inbox use its secrets. It is the last thing of a reload that can
// fail: pushes do not wait for the others.
func (s *Service) preparePushes(next *setup) (take func(), err error) {
	if s.pushes == nil {
		return func() {}, nil
	}
	sealer, err := inboxSealer(next.cfg)
	if err != nil {
		return nil, err
	}
	if err := usePushes(next.cfg, next.platforms, s.pushes.receiver); err != nil {
		return nil, err
	}
	return func() { s.pushes.inbox.Use(int64(next.cfg.InboxLimit()), sealer) }, nil
}

// listenForPushes opens push.listen, unless there are inherited listeners.
func (s *Service) listenForPushes(inherited []net.Listener) error {
	cfg := s.now.Load().cfg
	switch {
	case s.pushes == nil && len(inherited) > 0:
		return Mistake(cfg, "push.listen", language.Phrase(`it is "", but systemd has opened a socket with the name "push"; write push.listen = "127.0.0.1:8083", which turns pushes on (the socket's own address counts), or close it: systemctl disable --now wxproxy-push.socket`))
	case s.pushes == nil:
		return nil
	}
	var err error
	s.pushes.listeners, err = s.accepting(inherited, "push.listen", cfg.Push.Listen)
	return err
}

// PushAddress returns where WeChat's pushes come to; nil: nowhere.
func (s *Service) PushAddress() net.Addr {
	if s.pushes == nil || len(s.pushes.listeners) == 0 {
		return nil
	}
	return s.pushes.listeners[0].Addr()
}

// count returns how many listeners there are.
func (p *pushes) count() int {
	if p == nil {
		return 0
	}
	return len(p.listeners)
}

// start serves pushes and delivers those that wait. What ends a listener goes to failed,
// which has room for it.
func (p *pushes) start(failed chan<- error) {
	if p == nil {
		return
	}
	p.inbox.Start(p.receiver.Deliver)
	for _, l := range p.listeners {
		p.serving.Go(func() { failed <- safely(func() error { return p.server.Serve(l) }) })
	}
}

// drainPushes answers the pushes under way, and waits until that is done, or for half of
// the time that there is: the programs that answer them may call WeChat meanwhile. The
// deliveries under way have time until end.
func (s *Service) drainPushes(end time.Time) {
	p := s.pushes
	if p == nil {
		return
	}
	answered := make(chan struct{})
	s.retiring.Go(func() {
		ctx, cancel := context.WithDeadline(context.Background(), end)
		defer cancel()
		if err := p.server.Drain(ctx); err != nil {
			s.log.Error("drain_timeout is over; the pushes still under way are cut, and are sent again")
		}
		close(answered)
		p.serving.Wait()
		if err := p.inbox.Stop(ctx); err != nil {
			s.log.Warn("drain_timeout is over; the deliveries of pushes under way are cut, and made again after the next start", "err", err)
		}
		p.receiver.Close()
	})
	half := time.NewTimer(time.Until(end) / 2)
	defer half.Stop()
	select {
	case <-answered:
	case <-half.C:
	}
}

// pushFiles is how many connections of pushes there may be, for each of which a program
// has one too, when the process may have limit open files.
func pushFiles(limit int, cfg *config.Config) int {
	if cfg.Push.Listen == "" {
		return 0
	}
	return min(cfg.Push.MaxConnections, max(1, limit/pushFilesShare))
}

// pushFilesShare is which part of the open files may be connections of pushes.
const pushFilesShare = 16
