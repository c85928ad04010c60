//go:build linux

package load

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// playTLS returns the play of callers that speak TLS, each a goroutine. The tickets that they
// got stay from one play to the next.
func (l Fresh) playTLS() func(context.Context, Target, time.Duration) (Result, error) {
	tickets := make([]tls.ClientSessionCache, l.Callers)
	for i := range tickets {
		tickets[i] = tls.NewLRUClientSessionCache(1)
	}
	return func(ctx context.Context, t Target, long time.Duration) (r Result, err error) {
		host, _, err := net.SplitHostPort(t.Addr)
		if err != nil {
			return r, fmt.Errorf("callers by TLS: %w", err)
		}
		ctx, stop := context.WithTimeout(ctx, long+patience)
		defer stop()
		var all sync.WaitGroup
		var mu sync.Mutex
		var latencies []time.Duration
		start := time.Now()
		for _, ticket := range tickets {
			c := &secureCaller{addr: t.Addr, request: l.request(t), config: t.TLS.Clone()}
			c.config.ServerName = cmp.Or(c.config.ServerName, host)
			if l.Resume {
				c.config.ClientSessionCache = ticket
			}
			all.Go(func() {
				took, failed := c.callUntil(ctx, start.Add(long))
				mu.Lock()
				defer mu.Unlock()
				latencies = append(latencies, took...)
				if err == nil {
					err = failed // the others say the same
				}
			})
		}
		all.Wait()
		r = Result{Requests: len(latencies), Elapsed: time.Since(start)}
		r.summarize(latencies)
		return r, err
	}
}

// A secureCaller opens a connection by TLS for each request.
type secureCaller struct {
	addr    string
	request []byte
	config  *tls.Config
}

// callUntil calls again and again, and returns how long each call took.
func (c *secureCaller) callUntil(ctx context.Context, end time.Time) (took []time.Duration, err error) {
	for time.Now().Before(end) {
		began := time.Now()
		if err := c.call(ctx); err != nil {
			return took, fmt.Errorf("callers by TLS: %w", err)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// call fails unless the answer is 200 and, if the caller has a ticket, that was taken.
func (c *secureCaller) call(ctx context.Context) error {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	conn := tls.Client(raw, c.config)
	ticket := false
	if cache := c.config.ClientSessionCache; cache != nil {
		_, ticket = cache.Get(c.config.ServerName)
	}
	if _, err := conn.Write(c.request); err != nil {
		return err
	}
	if ticket && !conn.ConnectionState().DidResume {
		return errors.New("the ticket was not taken")
	}
	var one caller
	for buffer := make([]byte, 4096); ; {
		n, err := conn.Read(buffer)
		if err != nil {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		complete, err := one.take(buffer[:n])
		if err != nil {
			return err
		}
		if complete && !one.ok {
			return errors.New("an answer is not 200")
		}
		if complete {
			return conn.Close()
		}
	}
}
