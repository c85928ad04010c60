package redis

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// pingEvery is how often Redis is asked over the connection of announcements whether that
	// still leads to it: a firewall that has forgotten a connection tells nobody.
	pingEvery = time.Second

	// silentAfter is after how long without an answer such a connection is given up.
	silentAfter = 2500 * time.Millisecond

	// listenPause is between two tries to listen.
	listenPause = 200 * time.Millisecond
)

// An ear listens to the channel of announcements.
type ear struct {
	subscription *redis.PubSub
	heard        chan any      // each announcement, and each new connection
	silent       chan struct{} // closed when nothing comes any more over the connection, not even answers
	ended        chan struct{} // closed when it has
}

// listen begins to listen to the other replicas, until ctx ends.
func (s *Store) listen(ctx context.Context) *ear {
	e := &ear{s.link.Load().client.Subscribe(ctx, s.channel()), make(chan any), make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(e.ended)
		e.receive(ctx)
	}()
	return e
}

// close ends the ear, whose context has ended.
func (e *ear) close() {
	_ = e.subscription.Close()
	<-e.ended
}

func (e *ear) receive(ctx context.Context) {
	for ctx.Err() == nil {
		message, err := e.subscription.ReceiveTimeout(ctx, silentAfter)
		if isTimeout(err) {
			close(e.silent)
			return
		}
		if err != nil {
			pause(ctx, listenPause)
			continue
		}
		select {
		case e.heard <- message:
		case <-ctx.Done():
		}
	}
}

// errSilent is a Redis that does not answer in time.
var errSilent = errors.New("no answer of Redis in time")

func isTimeout(err error) bool {
	timedOut, ok := errors.AsType[net.Error](err)
	return ok && timedOut.Timeout()
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// renew has all connections to Redis made anew: where one was lost without a word, the others
// are, too.
func (s *Store) renew() {
	s.renewed = time.Now()
	old := s.link.Load()
	next := *old
	next.client = connect(old.options)
	if !s.link.CompareAndSwap(old, &next) { // a reload was faster
		_ = next.client.Close()
		return
	}
	s.mu.Lock()
	s.awayTill = time.Time{} // the last word of the old link
	s.mu.Unlock()
	time.AfterFunc(lastCommands, func() { _ = old.client.Close() })
}
