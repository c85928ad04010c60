package inbox

import (
	"context"
	"time"
)

// renew prolongs the leases of the queues that are being delivered, until ctx ends.
func (b *Inbox) renew(ctx context.Context) {
	const each = LeaseLife / 5
	tick := time.NewTicker(each)
	defer tick.Stop()
	for renewed := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		b.mu.Lock()
		queues := make([]string, 0, len(b.running))
		for queue := range b.running {
			queues = append(queues, queue)
		}
		b.mu.Unlock()
		lost, err := b.store.Renew(ctx, queues)
		switch {
		case err == nil:
			renewed = time.Now()
		case time.Since(renewed) > LeaseLife-2*each:
			lost = queues // before another process may begin
		}
		b.leave(lost)
	}
}

// leave ends the deliveries of queues that others may deliver now.
func (b *Inbox) leave(queues []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, queue := range queues {
		if d := b.running[queue]; d != nil {
			d.cancel()
		}
	}
}
