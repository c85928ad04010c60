package inbox

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// A shared is a store in memory whose queues may become another process's.
type shared struct {
	Store
	renew func(queues []string) (lost []string, err error)
}

func (s shared) Renew(_ context.Context, queues []string) ([]string, error) { return s.renew(queues) }

func memoryOf(t *testing.T) *local {
	t.Helper()
	memory, err := newLocal(Config{Max: 1 << 30, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return memory
}

func TestADeliveryEndsBeforeAnotherProcessMayBegin(t *testing.T) {
	for name, renew := range map[string]func([]string) ([]string, error){
		"the queue is another's":    func(queues []string) ([]string, error) { return queues, nil },
		"the store does not answer": func([]string) ([]string, error) { return nil, errors.New("away") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := memoryOf(t)
				b, err := Open(Config{Store: shared{memory, renew}})
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				ended := make(chan time.Duration, 100)
				b.Start(func(ctx context.Context, _ *Push) error {
					<-ctx.Done()
					ended <- time.Since(began)
					return ctx.Err()
				})
				add(t, b, push("a", "f", "1"))
				if after := <-ended; after >= LeaseLife {
					t.Errorf("it ended after %v; want it before %v", after, LeaseLife)
				}
				stop(t, b)
			})
		})
	}
}

func TestADeliveryIsNotEndedWhileTheLeaseIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := memoryOf(t)
		calls := 0
		b, err := Open(Config{Store: shared{memory, func([]string) ([]string, error) {
			if calls++; calls%2 == 0 {
				return nil, errors.New("once in a while it does not answer")
			}
			return nil, nil
		}}})
		if err != nil {
			t.Fatal(err)
		}
		p := new(program)
		b.Start(func(ctx context.Context, push *Push) error {
			select {
			case <-ctx.Done():
				t.Error("it was ended")
			case <-time.After(3 * LeaseLife):
			}
			return p.deliver(ctx, push)
		})
		add(t, b, push("a", "f", "1"))
		time.Sleep(4 * LeaseLife)
		synctest.Wait()
		same(t, p.list(), "a f 1 1")
		stop(t, b)
	})
}

// Between the last look into a queue and the end of its delivery a push may come.
func TestAQueueThatIsTakenWhileItsDeliveryEndsIsDelivered(t *testing.T) {
	b := openMemory(t, nil)
	b.working, b.abandon = context.WithCancel(t.Context())
	defer b.abandon()
	d := b.begin(Taken{Queue: "q"})
	if again := b.begin(Taken{Queue: "q"}); again != nil {
		t.Error("it is delivered twice at a time")
	}
	if !b.end(d) || d.ctx.Err() != nil {
		t.Error("it does not go on")
	}
	if b.end(d) || b.isRunning("q") || b.counts != [2]int{} {
		t.Errorf("it does not end: %v", b.counts)
	}
}

func TestWhatIsRetriedIsDeliveredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := memoryOf(t)
		one := push("a", "f", "1")
		if err := memory.Add(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		queues, _, _ := memory.Take(t.Context(), 1, 1)
		e, err := memory.Next(t.Context(), queues[0].Queue)
		if err := errors.Join(err, memory.GiveUp(t.Context(), e), memory.Release(t.Context(), e.Queue, false)); err != nil {
			t.Fatal(err)
		}
		b, err := Open(Config{Store: memory})
		if err != nil {
			t.Fatal(err)
		}
		p := new(program)
		b.Start(p.deliver)
		synctest.Wait()
		if found, err := b.Retry(t.Context(), one.ID); !found || err != nil {
			t.Fatal(found, err)
		}
		synctest.Wait()
		same(t, p.list(), "a f 1 2")
		stop(t, b)
	})
}

func TestOnlySoManyFailedPushesAreKept(t *testing.T) {
	memory := memoryOf(t)
	if err := memory.Add(t.Context(), push("a", "f", "1")); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Hour)
	for i := range MaxFailed {
		memory.keepFailed(failedItem{item: item{seq: uint64(i), size: 1}, Failure: Failure{Account: "a", At: before}})
	}
	queues, _, _ := memory.Take(t.Context(), 1, 1)
	e, err := memory.Next(t.Context(), queues[0].Queue)
	if err := errors.Join(err, memory.GiveUp(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	failed, err := memory.Failed(t.Context())
	state, _ := memory.State(t.Context())
	if err != nil || len(failed) != MaxFailed || failed[0].ID != e.ID || state.Dropped != 1 {
		t.Errorf("got %d, %+v, %d dropped; want %d, the new one first, one dropped", len(failed), failed[0], state.Dropped, MaxFailed)
	}
}
