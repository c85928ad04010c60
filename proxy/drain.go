package proxy

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"
)

// lastRequests is how long callers with a kept-alive connection have, when the
// proxy ends, to send one more request and be told that it was the last.
const lastRequests = 500 * time.Millisecond

// Shutdown ends the service without cutting a request, and waits for that at
// most until ctx ends: nobody new is accepted but those who wait already, every
// answer closes its connection, and only connections without a request are
// closed by the proxy.
func Shutdown(ctx context.Context, p *Proxy, server *fasthttp.Server, l *Listener) error {
	p.draining.Store(true)
	l.drain(ctx)
	patience := time.NewTimer(lastRequests)
	defer patience.Stop()
	look := time.NewTicker(lastRequests / 50)
	defer look.Stop()
	// Without its listener the server counts one connection too few.
	for waiting := true; waiting && server.GetOpenConnectionsCount() >= 0; {
		select {
		case <-look.C:
		case <-patience.C:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
	l.closeIdle()
	return server.ShutdownWithContext(ctx)
}
