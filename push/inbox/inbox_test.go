package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const canary = "canary-1f3870be274f6c49"

// A program takes pushes as one behind a forward does, and notes them.
type program struct {
	mu    sync.Mutex
	got   []string // "ACCOUNT FORWARD BODY ATTEMPT"
	at    []time.Time
	judge func(p *Push) error // nil: all is well
}

func (p *program) deliver(_ context.Context, push *Push) error {
	if push.Closed != nil {
		return push.Closed
	}
	p.mu.Lock()
	p.got = append(p.got, fmt.Sprintf("%s %s %s %d", push.Account, push.Forward, push.Body, push.Attempts))
	p.at = append(p.at, time.Now())
	judge := p.judge
	p.mu.Unlock()
	if judge != nil {
		return judge(push)
	}
	return nil
}

func (p *program) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.got...)
}

func (p *program) set(judge func(*Push) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judge = judge
}

func push(account, forward, body string) *Push {
	return &Push{ID: "id-" + body, Account: account, AppID: "wx1", Forward: forward, Type: "text", Received: time.Now(),
		ContentType: "text/xml", OpenID: "openid-" + canary, RequestID: "r-" + body, Body: []byte(body)}
}

func add(t *testing.T, b *Inbox, pushes ...*Push) {
	t.Helper()
	for _, p := range pushes {
		if err := b.Add(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func openMemory(t *testing.T, log *safeBuffer) *Inbox {
	t.Helper()
	c := Config{Max: 1 << 24}
	if log != nil {
		c.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	b, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func stop(t *testing.T, b *Inbox) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestPushesAreDeliveredInOrderOfEachAccountAndForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p := openMemory(t, nil), new(program)
		add(t, b, push("a", "f", "1"), push("a", "f", "2"))
		p.set(func(push *Push) error {
			if push.Forward == "f" && push.Account == "a" {
				time.Sleep(time.Second)
			}
			return nil
		})
		b.Start(p.deliver)
		synctest.Wait()
		add(t, b, push("a", "f", "3"), push("b", "f", "4"), push("a", "g", "5"))
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if got := p.list(); len(got) != 3 {
			t.Errorf("got %q; want the first, and those of other queues beside it", got)
		}
		time.Sleep(time.Minute)
		var ofA []string
		for _, line := range p.list() {
			if strings.HasPrefix(line, "a f") {
				ofA = append(ofA, line)
			}
		}
		same(t, ofA, "a f 1 1", "a f 2 1", "a f 3 1")
		stop(t, b)
		if s, _ := b.State(context.Background()); s.Bytes != 0 || len(s.Waiting) != 0 || !s.Oldest.IsZero() {
			t.Errorf("got %+v; want nothing left", s)
		}
	})
}

func TestAllOfAPushIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openMemory(t, nil)
		sent := push("a", "f", "<xml>\n\x00</xml>")
		sent.OpenID = "o\n%"
		add(t, b, sent)
		got := make(chan *Push, 1)
		b.Start(func(_ context.Context, p *Push) error { got <- p; return nil })
		p := <-got
		if p.Attempts != 1 || !p.Received.Equal(sent.Received) {
			t.Errorf("got attempt %d of what was received at %v; want 1 and %v", p.Attempts, p.Received, sent.Received)
		}
		p.Attempts, p.Received = sent.Attempts, sent.Received
		if fmt.Sprint(*p) != fmt.Sprint(*sent) {
			t.Errorf("got %+v; want %+v", p, sent)
		}
		stop(t, b)
	})
}

func TestAFailedDeliveryIsTriedAgainAfterGrowingPausesAndKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(safeBuffer)
		b, p := openMemory(t, log), new(program)
		p.set(func(*Push) error { return errors.New("program is down") })
		began := time.Now()
		b.Start(p.deliver)
		add(t, b, push("a", "f", canary), push("a", "f", "2"))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		var pauses []string
		last := began
		for _, at := range p.at {
			pauses, last = append(pauses, at.Sub(last).String()), at
		}
		same(t, pauses, "0s", "1s", "2s", "4s", "8s", "16s", "32s", "1m0s", "1m0s", "1m0s")
		p.set(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		got := p.list()
		same(t, got[len(got)-2:], "a f "+canary+" 11", "a f 2 1")
		stop(t, b)
		if n := strings.Count(log.String(), "is tried again"); n < 2 || n > 7 {
			t.Errorf("got %d lines; want one a minute:\n%s", n, log.String())
		}
		if strings.Contains(log.String(), canary) {
			if strings.Contains(strings.ReplaceAll(log.String(), "push_id=id-"+canary, ""), canary) {
				t.Errorf("got content in the log: %s", log.String())
			}
		}
	})
}

func TestPausesBeginAgainAfterASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p := openMemory(t, nil), new(program)
		p.set(func(push *Push) error {
			if push.Attempts < 4 && string(push.Body) == "1" || push.Attempts < 2 {
				return errors.New("program is down")
			}
			return nil
		})
		began := time.Now()
		b.Start(p.deliver)
		add(t, b, push("a", "f", "1"), push("a", "f", "2"))
		time.Sleep(time.Minute)
		synctest.Wait()
		stop(t, b)
		if got := p.at[len(p.at)-1].Sub(began); len(p.at) != 6 || got != 8*time.Second {
			t.Errorf("got the %d. after %v; want the 6. after 1, 2, 4 and again 1 s", len(p.at), got)
		}
	})
}

func TestWhatFailsForADayIsKeptAWeekAndCanBeRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		b, p := openMemory(t, nil), new(program)
		down := func(push *Push) error {
			if push.Account == "a" {
				return errors.New("program is down")
			}
			return nil
		}
		p.set(down)
		b.Start(p.deliver)
		received := time.Now()
		add(t, b, push("a", "f", "1"), push("b", "f", "2"))
		time.Sleep(time.Hour)
		add(t, b, push("a", "f", "3"))
		time.Sleep(22 * time.Hour)
		if failed, _ := b.Failed(ctx); len(failed) != 0 {
			t.Errorf("got %v; want none given up before a day", failed)
		}
		time.Sleep(70 * time.Minute)
		failed, err := b.Failed(ctx)
		if err != nil || len(failed) != 1 {
			t.Fatalf("got %v, %v; want one", failed, err)
		}
		f := failed[0]
		if f.ID != "id-1" || f.Account != "a" || f.Forward != "f" || f.Type != "text" || !f.Received.Equal(received) || f.LastError != "program is down" || f.Attempts < 1400 {
			t.Errorf("got %+v", f)
		}
		time.Sleep(time.Hour)
		if failed, _ = b.Failed(ctx); len(failed) != 2 || failed[0].ID != "id-3" {
			t.Errorf("got %v; want the second one too, and first", failed)
		}
		if s, _ := b.State(ctx); s.Failed["a"] != 2 || len(s.Waiting) != 0 || s.Bytes == 0 {
			t.Errorf("got %+v; want two failed and none waiting", s)
		}
		if found, err := b.Retry(ctx, "id-9"); found || err != nil {
			t.Errorf("got %v, %v for an id of nobody's", found, err)
		}
		if found, err := b.Retry(ctx, "id-1"); !found || err != nil {
			t.Errorf("got %v, %v", found, err)
		}
		time.Sleep(12 * time.Hour)
		if failed, _ = b.Failed(ctx); len(failed) != 1 {
			t.Errorf("got %v; want the retried one tried for another day", failed)
		}
		p.set(nil)
		time.Sleep(time.Hour)
		got := p.list()
		var attempt int
		if _, err := fmt.Sscanf(got[len(got)-1], "a f 1 %d", &attempt); err != nil || attempt < f.Attempts+700 {
			t.Errorf("got %q last; want the retried one, and its attempts counted on from %d", got[len(got)-1], f.Attempts)
		}
		time.Sleep(FailedLife)
		if failed, _ = b.Failed(ctx); len(failed) != 0 {
			t.Errorf("got %v after a week; want none", failed)
		}
		if s, _ := b.State(ctx); s.Bytes != 0 {
			t.Errorf("got %d bytes; want none", s.Bytes)
		}
		stop(t, b)
	})
}

func TestAFullInboxTakesNothingAndFailedPushesMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		log := new(safeBuffer)
		b, p := openMemory(t, log), new(program)
		p.set(func(*Push) error { return errors.New("program is down") })
		first := push("a", "f", strings.Repeat("x", 100))
		add(t, b, first)
		s, _ := b.State(ctx)
		each := s.Bytes
		b.Use(5*each/2, nil)
		b.Start(p.deliver)
		time.Sleep(25 * time.Hour)
		add(t, b, push("a", "f", "2"))
		if err := b.Add(ctx, push("a", "f", strings.Repeat("y", int(3*each)))); !errors.Is(err, ErrFull) {
			t.Errorf("got %v; want ErrFull", err)
		}
		if failed, _ := b.Failed(ctx); len(failed) != 1 {
			t.Errorf("got %v; want the failed one kept, since it would not have helped", failed)
		}
		add(t, b, push("a", "f", "3"), push("a", "f", "4"), push("a", "f", "5"))
		if failed, _ := b.Failed(ctx); len(failed) != 0 || !strings.Contains(log.String(), "removed to make room") {
			t.Errorf("got %v and\n%s; want the failed one gone, and a line", failed, log.String())
		}
		if s, _ := b.State(ctx); s.Dropped != 1 || s.Waiting["a"] != 4 || s.Bytes > 5*each/2 {
			t.Errorf("got %+v", s)
		}
		p.set(nil)
		time.Sleep(time.Hour)
		add(t, b, push("a", "f", strings.Repeat("y", int(each/2))))
		time.Sleep(time.Hour)
		stop(t, b)
		if s, _ := b.State(ctx); s.Bytes != 0 {
			t.Errorf("got %+v; want all room back", s)
		}
	})
}

func TestProgramsThatHangKeepNoOtherWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p := openMemory(t, nil), new(program)
		under, most := 0, 0
		p.set(func(push *Push) error {
			if !strings.HasPrefix(push.Account, "hangs") {
				return nil
			}
			p.mu.Lock()
			under++
			most = max(most, under)
			p.mu.Unlock()
			time.Sleep(30 * time.Second)
			p.mu.Lock()
			under--
			p.mu.Unlock()
			return errors.New("no answer in 30 s")
		})
		b.Start(p.deliver)
		for i := range 3 * parallel {
			add(t, b, push(fmt.Sprint("hangs-", i), "f", "1"))
		}
		time.Sleep(5 * time.Minute)
		for i := range 20 {
			began := time.Now()
			add(t, b, push(fmt.Sprint("good-", i), "f", "1"))
			synctest.Wait()
			got := p.list()
			if last := got[len(got)-1]; !strings.HasPrefix(last, "good") || time.Since(began) > 0 {
				t.Fatalf("got %q; want the good one at once", last)
			}
			time.Sleep(3 * time.Second)
		}
		stop, cancel := context.WithCancel(context.Background())
		cancel()
		_ = b.Stop(stop)
		time.Sleep(time.Minute)
		if most > 2*parallel {
			t.Errorf("got %d deliveries at a time; want at most %d", most, 2*parallel)
		}
	})
}

func TestAQueueThatIsNeverEmptyGivesOthersATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p := openMemory(t, nil), new(program)
		p.set(func(*Push) error { time.Sleep(100 * time.Millisecond); return nil })
		for i := range 2 * parallel {
			for n := range 40 {
				add(t, b, push(fmt.Sprint(i), "f", fmt.Sprint(n)))
			}
		}
		b.Start(p.deliver)
		time.Sleep(3 * turn)
		heard := map[string]bool{}
		for _, line := range p.list() {
			heard[strings.Fields(line)[0]] = true
		}
		if len(heard) != 2*parallel {
			t.Errorf("got pushes of %d queues; want of %d", len(heard), 2*parallel)
		}
		time.Sleep(time.Minute)
		stop(t, b)
		if got := p.list(); len(got) != 2*parallel*40 {
			t.Errorf("got %d; want %d", len(got), 2*parallel*40)
		}
	})
}

func TestStopWaitsForWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p := openMemory(t, nil), new(program)
		p.set(func(*Push) error { time.Sleep(3 * time.Second); return nil })
		add(t, b, push("a", "f", "1"), push("a", "f", "2"))
		b.Start(p.deliver)
		synctest.Wait()
		began := time.Now()
		stop(t, b)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("got %v; want what the delivery took", took)
		}
		same(t, p.list(), "a f 1 1")
		if s, _ := b.State(context.Background()); s.Waiting["a"] != 1 {
			t.Errorf("got %+v; want the other one kept", s)
		}
	})
}

func TestStopLeavesWhatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(safeBuffer)
		b := openMemory(t, log)
		add(t, b, push("a", "f", "1"))
		b.Start(func(ctx context.Context, _ *Push) error { <-ctx.Done(); return ctx.Err() })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := b.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want that it took too long", err)
		}
		if s, _ := b.State(context.Background()); s.Waiting["a"] != 1 {
			t.Errorf("got %+v; want it kept", s)
		}
		if strings.Contains(log.String(), "could not be delivered") {
			t.Errorf("got %s; want nothing said of the program, which did not fail", log)
		}
	})
}

func TestAPanicOfADeliveryIsAFailureThatIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(safeBuffer)
		b, p := openMemory(t, log), new(program)
		p.set(func(push *Push) error {
			if push.Attempts == 1 {
				panic(canary)
			}
			return nil
		})
		add(t, b, push("a", "f", "1"))
		b.Start(p.deliver)
		time.Sleep(time.Minute)
		stop(t, b)
		same(t, p.list(), "a f 1 1", "a f 1 2")
		if strings.Contains(log.String(), canary) || !strings.Contains(log.String(), "panic while a push was delivered") {
			t.Errorf("got %s; want a line without the value", log.String())
		}
	})
}

func TestWhatEndsWithTheProcessIsSaid(t *testing.T) {
	log := new(safeBuffer)
	b := openMemory(t, log)
	add(t, b, push("a", "f", "1"))
	stop(t, b)
	if !strings.Contains(log.String(), "end with the process") {
		t.Errorf("got %q; want a line", log.String())
	}
}

func TestAFailureIsLoggedWithItsForwardAndARemedy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, p := new(safeBuffer), new(program)
		b := openMemory(t, log)
		p.set(func(*Push) error { return errors.New("program is down") })
		b.Start(p.deliver)
		add(t, b, push("a", "http://127.0.0.1/p?key=SECRET", "1"))
		time.Sleep(25 * time.Hour)
		stop(t, b)
		for _, want := range []string{"is tried again", "is kept as failed"} {
			_, line, _ := strings.Cut(log.String(), want)
			line, _, _ = strings.Cut(line, "\n")
			if !strings.Contains(line, "forward=http://127.0.0.1/p ") || !strings.Contains(line, "remedy=") {
				t.Errorf("%s: got %s", want, line)
			}
		}
		failed, _ := b.Failed(t.Context())
		if len(failed) != 1 || failed[0].Forward != "http://127.0.0.1/p" || strings.Contains(log.String(), "SECRET") {
			t.Errorf("got %+v and %s", failed, log)
		}
	})
}

func TestTheNameOfAQueueTellsNoURL(t *testing.T) {
	a, b := Queue("a", "http://u:"+canary+"@h/"), Queue("a", "http://h/")
	if strings.Contains(a, canary) || a == b || Queue("a:x", "f") == Queue("a", "x:f") {
		t.Errorf("got %q and %q", a, b)
	}
}
