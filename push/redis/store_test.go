package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/push/inbox"
	"wxproxy/token"
	tokens "wxproxy/token/store/redis"
)

const canary = "canary-8f14e45fceea167a"

// A safeLog is what several goroutines log.
type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *safeLog) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *safeLog) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// linkTo returns the token store at an address, or with all of a URL.
func linkTo(t *testing.T, address, key, old string) *tokens.Store {
	t.Helper()
	if !strings.Contains(address, "://") {
		address = "redis://" + address + "/0"
	}
	link, err := tokens.New(tokens.Config{URL: secret.New(address), KeyPrefix: "p", Key: secret.New(key), OldKey: secret.New(old)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { link.Close() })
	return link
}

// A replica is an inbox in a Redis, and the program that it delivers to.
type replica struct {
	*inbox.Inbox
	store *Store
	log   *safeLog
}

func replicaAt(t *testing.T, address string) replica {
	t.Helper()
	return replicaOf(t, linkTo(t, address, "", ""))
}

func replicaOf(t *testing.T, link *tokens.Store) replica {
	t.Helper()
	log := new(safeLog)
	s := New(link, 1<<20, slog.New(slog.NewTextHandler(log, nil)))
	b, err := inbox.Open(inbox.Config{Store: s, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return replica{b, s, log}
}

func (r replica) end(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// A program notes the pushes that it gets.
type program struct {
	mu    sync.Mutex
	got   []string
	judge func(*inbox.Push) error
}

func (p *program) deliver(_ context.Context, push *inbox.Push) error {
	if push.Closed != nil {
		return push.Closed
	}
	p.mu.Lock()
	p.got = append(p.got, fmt.Sprintf("%s %s %s %d", push.Account, push.Forward, push.Body, push.Attempts))
	judge := p.judge
	p.mu.Unlock()
	if judge != nil {
		return judge(push)
	}
	return nil
}

func (p *program) set(judge func(*inbox.Push) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judge = judge
}

func (p *program) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.got...)
}

func push(account, forward, body string) *inbox.Push {
	return &inbox.Push{ID: "id-" + body, Account: account, AppID: "wx1", Forward: forward, Type: "text", Received: time.Now(),
		ContentType: "text/xml", OpenID: "openid-" + canary, RequestID: "r-" + body, Body: []byte(body)}
}

func add(t *testing.T, r replica, pushes ...*inbox.Push) {
	t.Helper()
	for _, p := range pushes {
		if err := r.Add(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	const patience = 30 * time.Second
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("got no %s within %v", what, patience)
}

// left returns the names that Redis still has, but of pushes that were added.
func left(t *testing.T, server *redistest.Server) (names []string) {
	t.Helper()
	all, _ := server.MustDo("KEYS", "*").([]any)
	for _, name := range all {
		if s, _ := name.(string); !strings.Contains(s, ":added:") {
			names = append(names, s)
		}
	}
	return names
}

func TestPushesAreDeliveredInOrderAndLeaveNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, p := replicaAt(t, server.Addr), new(program)
	sent := push("a", "f", "<xml>\n\x00</xml>")
	add(t, r, sent, push("a", "f", "2"), push("b:c", "f", "3"), push("a", "f", "4"))
	s, err := r.State(context.Background())
	if err != nil || s.Waiting["a"] != 3 || s.Waiting["b:c"] != 1 || s.Bytes < 400 || time.Since(s.Oldest).Abs() > time.Minute || s.Max != 1<<20 {
		t.Errorf("got %+v, %v", s, err)
	}
	got := make(chan *inbox.Push, 4)
	r.Start(func(ctx context.Context, push *inbox.Push) error { got <- push; return p.deliver(ctx, push) })
	await(t, "deliveries", func() bool { return len(p.list()) == 4 })
	r.end(t)
	var ofA []string
	for _, line := range p.list() {
		if strings.HasPrefix(line, "a") {
			ofA = append(ofA, line)
		}
	}
	same(t, ofA, "a f <xml>\n\x00</xml> 1", "a f 2 1", "a f 4 1")
	for range 4 {
		if one := <-got; one.ID == sent.ID {
			one.Attempts, one.Received = 0, sent.Received
			if fmt.Sprint(*one) != fmt.Sprint(*sent) {
				t.Errorf("got %+v; want %+v", one, sent)
			}
		}
	}
	if names := left(t, server); len(names) != 0 {
		t.Errorf("got %q left", names)
	}
	if r.log.String() != "" {
		t.Errorf("got %s", r.log)
	}
}

func TestOneReplicaAtATimeDeliversAQueue(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := replicaAt(t, server.Addr), replicaAt(t, server.Addr)
	a.store.lease, b.store.lease = time.Minute, time.Minute // no queue is left to end by itself
	var mu sync.Mutex
	under := map[string]int{}
	p := new(program)
	p.set(func(push *inbox.Push) error {
		mu.Lock()
		if under[push.Account]++; under[push.Account] > 1 {
			t.Errorf("got two deliveries of account %s at a time", push.Account)
		}
		mu.Unlock()
		time.Sleep(time.Millisecond)
		mu.Lock()
		under[push.Account]--
		mu.Unlock()
		return nil
	})
	a.Start(p.deliver)
	b.Start(p.deliver)
	const accounts, each = 5, 40
	for n := range each {
		for account := range accounts {
			r := a
			if n%2 == 1 {
				r = b
			}
			add(t, r, push(fmt.Sprint(account), "f", fmt.Sprint(n)))
		}
	}
	await(t, "deliveries", func() bool { return len(p.list()) >= accounts*each })
	a.end(t)
	b.end(t)
	next := map[string]int{}
	for _, line := range p.list() {
		words := strings.Fields(line)
		if words[2] != fmt.Sprint(next[words[0]]) || words[3] != "1" {
			t.Fatalf("got %q; want %d of this account, once", line, next[words[0]])
		}
		next[words[0]]++
	}
	if names := left(t, server); len(names) != 0 {
		t.Errorf("got %q left", names)
	}
}

func TestWhoGetsAPushHasItsQueueForALease(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := replicaAt(t, server.Addr), replicaAt(t, server.Addr)
	add(t, a, push("a", "f", "1"))
	taken, _, err := a.store.Take(t.Context(), 1, 0)
	if err != nil || len(taken) != 1 {
		t.Fatalf("got %v, %v", taken, err)
	}
	server.MustDo("ZADD", "p:push:{inbox}:due", "1", taken[0].Queue) // the lease is over
	if e, err := a.store.Next(t.Context(), taken[0].Queue); e == nil || err != nil {
		t.Fatalf("got %v, %v; want the push, since nobody has taken the queue", e, err)
	}
	if again, _, err := b.store.Take(t.Context(), 1, 1); err != nil || len(again) != 0 {
		t.Errorf("another replica got %v, %v", again, err)
	}
}

func TestAQueueIsInOneListOnly(t *testing.T) {
	t.Parallel()
	ctx, server := t.Context(), redistest.Start(t)
	r, queue := replicaAt(t, server.Addr), inbox.Queue("a", "f")
	add(t, r, push("a", "f", "1"), push("a", "f", "2"))
	want := func(what, want string) {
		t.Helper()
		if _, _, err := r.store.Take(ctx, 10, 10); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, list := range []string{"due", "again", "failures"} {
			if server.MustDo("EXISTS", "p:push:{inbox}:"+list) == int64(1) {
				got += " " + list
			}
		}
		if got != want {
			t.Errorf("%s it is in%s; want%s", what, got, want)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	want("at first", " due")
	do(r.store.Release(ctx, queue, true))
	want("after a failure", " again failures")
	do(r.store.Wake(ctx))
	want("after a start", " again")
	do(r.store.Release(ctx, queue, true))
	do(r.store.Wake(ctx))
	want("when its turn comes again", " again")
	other := replicaAt(t, server.Addr).store
	do(other.Wake(ctx))
	if taken, _, err := other.Take(ctx, 10, 10); err != nil || len(taken) > 0 {
		t.Errorf("another replica that starts takes %v, %v, which is being delivered", taken, err)
	}
	do(r.store.Release(ctx, queue, false))
	want("when its turn is over", " due")
	do(r.store.Release(ctx, queue, true))
	server.MustDo("ZADD", "p:push:{inbox}:again", "1", queue) // the pause is over
	want("after another failure", " again failures")
	e, err := r.store.Next(ctx, queue)
	if e == nil || err != nil {
		t.Fatalf("got %v, %v", e, err)
	}
	do(r.store.Done(ctx, e))
	want("after a success", " again")
}

func TestAPushThatIsSentAgainIsAddedOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := replicaAt(t, server.Addr), replicaAt(t, server.Addr)
	add(t, a, push("a", "f", "1"), push("a", "g", "1"), push("b", "f", "1"))
	add(t, b, push("a", "f", "1"))
	if s, err := a.State(t.Context()); err != nil || s.Waiting["a"] != 2 || s.Waiting["b"] != 1 {
		t.Errorf("got %+v, %v; want one for each account and forward", s, err)
	}
}

func TestAnotherReplicaTakesOverFromOneThatDied(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx := context.Background()
	dead := replicaAt(t, server.Addr)
	dead.store.lease = 500 * time.Millisecond
	add(t, dead, push("a", "f", "1"), push("a", "f", "2"))
	queues, _, err := dead.store.Take(ctx, 1, 0)
	if err != nil || len(queues) != 1 {
		t.Fatalf("got %v, %v", queues, err)
	}
	e, err := dead.store.Next(ctx, queues[0].Queue)
	if err != nil || e.Attempts != 1 || string(e.Body) != "1" {
		t.Fatalf("got %+v, %v", e, err)
	}
	b, p := replicaAt(t, server.Addr), new(program)
	if queues, _, err := b.store.Take(ctx, 1, 1); err != nil || len(queues) != 0 {
		t.Errorf("got %v, %v; want none while the other one may live", queues, err)
	}
	b.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == 2 })
	same(t, p.list(), "a f 1 2", "a f 2 1")
	if lost, err := dead.store.Renew(ctx, []string{e.Queue}); err != nil || len(lost) != 1 {
		t.Errorf("got %v, %v; want it lost to the other one", lost, err)
	}
	if again, err := dead.store.Next(ctx, e.Queue); again != nil || err != nil {
		t.Errorf("got %v, %v; want nothing", again, err)
	}
	b.end(t)
}

func TestAnotherReplicaGoesOnAtOnceWhereOneStops(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b, p := replicaAt(t, server.Addr), replicaAt(t, server.Addr), new(program)
	a.store.lease = time.Minute
	add(t, a, push("a", "f", "1"), push("a", "f", "2"))
	under := make(chan struct{}, 10)
	p.set(func(*inbox.Push) error { under <- struct{}{}; time.Sleep(100 * time.Millisecond); return nil })
	a.Start(p.deliver)
	<-under
	b.Start(p.deliver)
	a.end(t)
	if n := len(p.list()); n != 1 {
		t.Errorf("got %d deliveries; want the one under way, ended", n)
	}
	began := time.Now()
	await(t, "delivery", func() bool { return len(p.list()) == 2 })
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("got %v; want at once", took)
	}
	b.end(t)
	same(t, p.list(), "a f 1 1", "a f 2 1")
}

func TestAStartTriesAtOnceWhatRests(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx := context.Background()
	a := replicaAt(t, server.Addr)
	for account := range 3 {
		add(t, a, push(fmt.Sprint(account), "f", "1"))
	}
	queues, _, err := a.store.Take(ctx, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 { // each doubles the pause, to half a minute
		for _, q := range queues {
			if e, err := a.store.Next(ctx, q.Queue); err != nil || e == nil {
				t.Fatal(e, err)
			}
			if err := a.store.Release(ctx, q.Queue, true); err != nil {
				t.Fatal(err)
			}
			if err := a.store.Wake(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if queues, _, err = a.store.Take(ctx, 0, 2); err != nil || len(queues) != 2 {
			t.Fatalf("got %v, %v; want both, woken", queues, err)
		}
	}
	for _, q := range queues {
		for range 5 {
			server.MustDo("HINCRBY", "p:push:{inbox}:failures", q.Queue, 1)
		}
		if err := a.store.Release(ctx, q.Queue, true); err != nil {
			t.Fatal(err)
		}
	}
	if rest, next, err := a.store.Take(ctx, 0, 2); err != nil || len(rest) != 0 || next != poll {
		t.Errorf("got %v, %v, %v; want both at rest", rest, next, err)
	}
	b, p := replicaAt(t, server.Addr), new(program)
	began := time.Now()
	b.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == 3 })
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("got %v; want at once", took)
	}
	b.end(t)
}

func TestAFailedDeliveryRestsAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, p := replicaAt(t, server.Addr), new(program)
	var at []time.Time
	p.set(func(push *inbox.Push) error {
		at = append(at, time.Now())
		if push.Attempts < 3 {
			return errors.New("program is down")
		}
		return nil
	})
	add(t, r, push("a", "f", "1"), push("a", "f", "2"))
	r.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) >= 4 })
	r.end(t)
	same(t, p.list()[:4], "a f 1 1", "a f 1 2", "a f 1 3", "a f 2 1")
	if first, second := at[1].Sub(at[0]), at[2].Sub(at[1]); first < time.Second || second < 2*time.Second || first > 5*time.Second {
		t.Errorf("got pauses of %v and %v; want 1 s and 2 s", first, second)
	}
}

func TestTheLimitIsOfAllReplicasTogether(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := replicaAt(t, server.Addr), replicaAt(t, server.Addr)
	add(t, a, push("a", "f", "000"))
	s, err := a.State(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	const most = 20
	a.Use(most*s.Bytes, nil)
	b.Use(most*s.Bytes, nil)
	var adding sync.WaitGroup
	var mu sync.Mutex
	full, taken := 0, 1
	for i, r := range []replica{a, b, a, b} {
		adding.Go(func() {
			for n := range most {
				err := r.Add(context.Background(), push("a", "f", fmt.Sprintf("%d%02d", i+1, n)))
				mu.Lock()
				switch {
				case errors.Is(err, inbox.ErrFull):
					full++
				case err != nil:
					t.Error(err)
				default:
					taken++
				}
				mu.Unlock()
			}
		})
	}
	adding.Wait()
	if taken < most-1 || taken > most+1 || full == 0 { // the times in records are not all as long
		t.Errorf("got %d taken and %d refused; want %d taken", taken, full, most)
	}
	p := new(program)
	a.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == taken })
	a.end(t)
	if names := left(t, server); len(names) != 0 {
		t.Errorf("got %q left", names)
	}
}

// giveUp has the oldest push given up.
func giveUp(t *testing.T, r replica) {
	t.Helper()
	ctx := context.Background()
	queues, _, err := r.store.Take(ctx, 1, 1)
	if err != nil || len(queues) != 1 {
		t.Fatalf("got %v, %v", queues, err)
	}
	e, err := r.store.Next(ctx, queues[0].Queue)
	if err != nil || e == nil {
		t.Fatal(e, err)
	}
	e.LastError = "program is down"
	if err := errors.Join(r.store.GiveUp(ctx, e), r.store.Release(ctx, e.Queue, false)); err != nil {
		t.Fatal(err)
	}
}

func TestWhatFailedIsListedRetriedAndForgotten(t *testing.T) {
	t.Parallel()
	ctx, server := context.Background(), redistest.Start(t)
	r, p := replicaAt(t, server.Addr), new(program)
	add(t, r, push("a", "f", canary), push("a", "f", "2"), push("a", "f", "3"))
	for range 3 {
		giveUp(t, r)
	}
	other := replicaAt(t, server.Addr)
	failed, err := other.Failed(ctx)
	if err != nil || len(failed) != 3 || failed[0].ID != "id-3" || failed[2].Account != "a" || failed[2].Type != "text" ||
		failed[2].LastError != "program is down" || failed[2].Attempts != 1 || time.Since(failed[2].At) > time.Minute || time.Since(failed[2].Received) > time.Minute {
		t.Errorf("got %+v, %v", failed, err)
	}
	if s, _ := other.State(ctx); s.Failed["a"] != 3 || len(s.Waiting) != 0 || s.Bytes == 0 || !s.Oldest.IsZero() {
		t.Errorf("got %+v", s)
	}
	if found, err := other.Retry(ctx, "id-9"); found || err != nil {
		t.Errorf("got %v, %v for an id of nobody's", found, err)
	}
	if found, err := other.Retry(ctx, "id-2"); !found || err != nil {
		t.Errorf("got %v, %v", found, err)
	}
	r.Start(p.deliver)
	await(t, "delivery", func() bool { return len(p.list()) == 1 })
	same(t, p.list(), "a f 2 2")
	r.end(t)
	if answer, err := r.store.run(ctx, r.store.scripts.forget, r.store.keys, time.Hour.Milliseconds(), 10); err != nil || answer != int64(0) {
		t.Errorf("got %v, %v; want none of an hour ago", answer, err)
	}
	time.Sleep(5 * time.Millisecond)
	if answer, err := r.store.run(ctx, r.store.scripts.forget, r.store.keys, 1, 10); err != nil || answer != int64(2) {
		t.Errorf("got %v, %v; want two forgotten", answer, err)
	}
	if names := left(t, server); len(names) != 0 {
		t.Errorf("got %q left", names)
	}
}

func TestOnlySoManyFailedPushesAreKept(t *testing.T) {
	t.Parallel()
	ctx, r := t.Context(), replicaAt(t, redistest.Start(t).Addr)
	s, queue := r.store, inbox.Queue("a", "f")
	add(t, r, push("a", "f", "1"), push("a", "f", "2"), push("a", "f", "3"))
	if _, _, err := s.Take(ctx, 1, 1); err != nil {
		t.Fatal(err)
	}
	const most = 2
	for n := range most + 1 {
		e, err := s.Next(ctx, queue)
		if err != nil || e == nil {
			t.Fatal(e, err)
		}
		dropped, err := s.run(ctx, s.scripts.giveUp, s.keysOf(queue), queue, e.Key, e.Key, `{"account":"a"}`, most)
		if want := int64(n / most); err != nil || dropped != want {
			t.Errorf("got %v dropped, %v; want %d", dropped, err, want)
		}
	}
	if state, err := r.State(ctx); err != nil || state.Failed["a"] != most || len(state.Waiting) != 0 {
		t.Errorf("got %+v, %v; want %d failed", state, err, most)
	}
}

func TestFailedPushesMakeRoom(t *testing.T) {
	t.Parallel()
	ctx, server := context.Background(), redistest.Start(t)
	r := replicaAt(t, server.Addr)
	add(t, r, push("a", "f", "1"), push("a", "f", "2"))
	s, _ := r.State(ctx)
	each := s.Bytes / 2
	giveUp(t, r)
	giveUp(t, r)
	r.Use(5*each/2, nil)
	if err := r.Add(ctx, push("a", "f", strings.Repeat("x", int(5*each/2)))); !errors.Is(err, inbox.ErrFull) {
		t.Errorf("got %v; want ErrFull", err)
	}
	if failed, _ := r.Failed(ctx); len(failed) != 2 {
		t.Errorf("got %v; want both kept, since they would not have helped", failed)
	}
	add(t, r, push("a", "f", "3"))
	if failed, _ := r.Failed(ctx); len(failed) != 1 || failed[0].ID != "id-2" {
		t.Errorf("got %v; want the oldest gone", failed)
	}
	if s, _ := r.State(ctx); s.Dropped != 1 || s.Bytes > 5*each/2 || s.Failed["a"] != 1 || s.Waiting["a"] != 1 {
		t.Errorf("got %+v", s)
	}
	if !strings.Contains(r.log.String(), "removed to make room") {
		t.Errorf("got %q; want a line", r.log)
	}
}

func TestRedisThatIsAwayFailsAddSoonAndDeliveryGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	r, p := replicaAt(t, server.Addr), new(program)
	slow := make(chan struct{}, 1)
	p.set(func(push *inbox.Push) error {
		if string(push.Body) == "1" {
			slow <- struct{}{}
			time.Sleep(time.Second)
		}
		return nil
	})
	add(t, r, push("a", "f", "1"), push("a", "f", "2"))
	r.Start(p.deliver)
	<-slow
	server.Stop()
	for range 3 {
		began := time.Now()
		err := r.Add(context.Background(), push("a", "f", "3"))
		if took := time.Since(began); err == nil || errors.Is(err, inbox.ErrFull) || took > 3*time.Second {
			t.Errorf("got %v after %v; want an error soon", err, took)
		}
	}
	time.Sleep(time.Second)
	server.Start()
	await(t, "deliveries", func() bool { return len(p.list()) >= 2 })
	await(t, "Redis", func() bool { return r.Add(context.Background(), push("a", "f", "4")) == nil })
	await(t, "deliveries", func() bool { return len(p.list()) >= 3 })
	r.end(t)
	same(t, p.list(), "a f 1 1", "a f 2 1", "a f 4 1")
	if n := strings.Count(r.log.String(), "\n"); n > 2 {
		t.Errorf("got %d lines; want one, and one of how many there were:\n%s", n, r.log)
	}
}

func TestADeliveryGoesOnSoonWhenRedisIsBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	r, p := replicaAt(t, server.Addr), new(program)
	r.store.lease = time.Minute
	const count = 60
	for i := range count {
		add(t, r, push("a", "f", fmt.Sprint(i)))
	}
	p.set(func(*inbox.Push) error { time.Sleep(10 * time.Millisecond); return nil })
	r.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) > count/4 })
	server.Stop()
	time.Sleep(2 * time.Second)
	server.Start()
	began := time.Now()
	await(t, "deliveries", func() bool { return len(p.list()) >= count })
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("got %v; want before the lease ends", took)
	}
	r.end(t)
	if got := p.list(); len(got) > count+1 {
		t.Errorf("got %d deliveries; want each once", len(got))
	}
}

func TestPushesInRedisAreEncryptedIfThereIsAKey(t *testing.T) {
	t.Parallel()
	ctx, server := context.Background(), redistest.Start(t, "--appendonly", "yes")
	first, second := strings.Repeat("1", 32), strings.Repeat("2", 32)
	r := replicaOf(t, linkTo(t, server.Addr, first, ""))
	one := push("a", "http://h/?key="+canary, canary)
	one.ID = "id-1"
	one.RequestID = "r"
	add(t, r, one)
	stored := fmt.Sprint(server.MustDo("XRANGE", "p:push:{inbox}:queue:"+inbox.Queue(one.Account, one.Forward), "-", "+"))
	if !strings.Contains(stored, "aes256gcm:") || strings.Contains(stored, canary) {
		t.Errorf("got %s; want it encrypted", stored)
	}
	wrong := replicaOf(t, linkTo(t, server.Addr, second, ""))
	wrong.Start(func(_ context.Context, p *inbox.Push) error {
		if p.Closed == nil || len(p.Body) > 0 {
			t.Error("got it delivered")
		}
		return nil
	})
	await(t, "failure", func() bool { failed, _ := wrong.Failed(ctx); return len(failed) == 1 })
	wrong.end(t)
	if failed, _ := wrong.Failed(ctx); !strings.Contains(failed[0].LastError, "encryption_key_old") || failed[0].Attempts != 0 {
		t.Errorf("got %+v; want what to do, and no attempt", failed)
	}
	right, p := replicaOf(t, linkTo(t, server.Addr, second, first)), new(program)
	if found, err := right.Retry(ctx, "id-1"); !found || err != nil {
		t.Fatal(found, err)
	}
	right.Start(p.deliver)
	await(t, "delivery", func() bool { return len(p.list()) == 1 })
	same(t, p.list(), fmt.Sprintf("a %s %s 1", one.Forward, canary))
	right.end(t)
	if names := left(t, server); len(names) != 0 {
		t.Errorf("got %q left", names)
	}
}

func TestARedisThatIsFullIsDrained(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, p := replicaAt(t, server.Addr), new(program)
	add(t, r, push("a", "f", "1"), push("a", "f", "2"), push("b", "f", "3"))
	server.MustDo("CONFIG", "SET", "maxmemory", "1")
	if err := r.Add(context.Background(), push("a", "f", "4")); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("got %v; want that Redis is full", err)
	}
	p.set(func(push *inbox.Push) error {
		if push.Account == "b" && push.Attempts == 1 {
			return errors.New("program is down")
		}
		return nil
	})
	r.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == 4 })
	r.end(t)
	if names := left(t, server); len(names) != 0 {
		t.Errorf("got %q left", names)
	}
	if !strings.Contains(r.log.String(), "Redis is full") {
		t.Errorf("got %s; want what to do", r.log)
	}
}

func TestARedisWithoutStreamsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	r := replicaAt(t, redistest.Start(t, "--rename-command", "XADD", "").Addr)
	if err := r.Add(context.Background(), push("a", "f", "1")); err == nil || !strings.Contains(r.log.String(), "need Redis 5 or later") {
		t.Errorf("got %v and %s; want what to do", err, r.log)
	}
}

func TestARightThatThePushesLackHarmsNoTokens(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.MustDo("ACL", "SETUSER", "wxproxy", "on", ">"+canary, "~*", "&*", "+@all", "-xadd")
	link := linkTo(t, "redis://wxproxy:"+canary+"@"+server.Addr+"/0", "", "")
	r := replicaOf(t, link)
	if err := r.Add(context.Background(), push("a", "f", "1")); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v; want that it is refused", err)
	}
	if _, err := link.Load(token.Key{AppID: "wx1"}); !errors.Is(err, token.ErrNotStored) {
		t.Errorf("got %v of the tokens; want that there is none", err)
	}
	if !strings.Contains(r.log.String(), "rights") || strings.Contains(r.log.String(), canary) {
		t.Errorf("got %s; want what to do", r.log)
	}
}

func TestARecordThatIsDamagedLosesOnlyItself(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, p := replicaAt(t, server.Addr), new(program)
	add(t, r, push("a", "f", "1"))
	server.MustDo("XADD", "p:push:{inbox}:queue:"+inbox.Queue("a", "f"), "*", "record", canary, "attempts", "0")
	server.MustDo("XADD", "p:push:{inbox}:queue:"+inbox.Queue("a", "f"), "*", "record", canary, "attempts", "0")
	add(t, r, push("a", "f", "3"))
	r.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == 2 })
	r.end(t)
	same(t, p.list(), "a f 1 1", "a f 3 1")
	if s, _ := r.State(context.Background()); s.Lost != 2 {
		t.Errorf("got %d lost; want both", s.Lost)
	}
	if n := strings.Count(r.log.String(), "\n"); n != 2 || !strings.Contains(r.log.String(), "is lost") || strings.Contains(r.log.String(), canary) {
		t.Errorf("got %s; want a line of each", r.log)
	}
}

// Somebody has written something else over a queue: it rests like one that fails.
func TestAQueueThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	ctx, server := context.Background(), redistest.Start(t)
	r, p := replicaAt(t, server.Addr), new(program)
	add(t, r, push("a", "f", "1"))
	server.MustDo("SET", "p:push:{inbox}:queue:"+inbox.Queue("a", "f"), canary)
	r.Start(p.deliver)
	add(t, r, push("b", "f", "2"))
	await(t, "delivery", func() bool { return len(p.list()) == 1 })
	await(t, "rest of the other one", func() bool {
		n, _ := server.MustDo("ZCARD", "p:push:{inbox}:again").(int64)
		return n == 1
	})
	if err := r.Add(ctx, push("a", "f", "3")); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v; want that it cannot be kept", err)
	}
	r.end(t)
	if strings.Contains(r.log.String(), canary) {
		t.Errorf("got %s", r.log)
	}
}

func TestARecordOfALaterVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, p := replicaAt(t, server.Addr), new(program)
	add(t, r, push("a", "f", "1"), push("b", "f", "2"))
	stream := "p:push:{inbox}:queue:" + inbox.Queue("a", "f")
	server.MustDo("DEL", stream)
	server.MustDo("XADD", stream, "*", "record", "wxproxy-push 2 whatever\n"+canary, "attempts", "0")
	r.Start(p.deliver)
	await(t, "delivery, and a line", func() bool { return len(p.list()) == 1 && strings.Contains(r.log.String(), "later version") })
	r.end(t)
	same(t, p.list(), "b f 2 1")
	if pending := fmt.Sprint(server.MustDo("XPENDING", stream, "wxproxy", "-", "+", 10)); !strings.HasSuffix(pending, " 0]]") {
		t.Errorf("got %s pending; want no attempt counted", pending)
	}
	if n, _ := server.MustDo("XLEN", stream).(int64); n != 1 || strings.Contains(r.log.String(), canary) {
		t.Errorf("got %d entries and %s; want it kept", n, r.log)
	}
}

func TestAttemptsThatSentNothingAreNotCounted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, p, tries := replicaAt(t, server.Addr), new(program), new(atomic.Int64)
	add(t, r, push("a", "f", "1"), push("a", "f", "2"))
	p.set(func(one *inbox.Push) error {
		switch n := tries.Add(1); {
		case n == 2:
			return errors.New("program is down")
		case n <= 3:
			return &inbox.NotSent{Why: errors.New("there is no such forward")}
		}
		return nil
	})
	r.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == 5 })
	r.end(t)
	same(t, p.list(), "a f 1 1", "a f 1 1", "a f 1 2", "a f 1 2", "a f 2 1")
}

func TestAStreamThatWasDeletedByHandTakesNoRoom(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, p := replicaAt(t, server.Addr), new(program)
	add(t, r, push("a", "f", "1"), push("a", "f", "2"))
	server.MustDo("DEL", "p:push:{inbox}:queue:"+inbox.Queue("a", "f"))
	r.Start(p.deliver)
	defer r.end(t)
	await(t, "nothing that counts", func() bool {
		s, err := r.State(t.Context())
		return err == nil && s.Bytes == 0 && len(s.Waiting) == 0
	})
	add(t, r, push("a", "f", "3"))
	await(t, "delivery", func() bool { return len(p.list()) == 1 })
}

func TestAClusterKeepsAnInbox(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t)
	r, p := replicaAt(t, "redis://"+nodes[0].Addr+"?cluster=true"), new(program)
	add(t, r, push("a", "f", "1"), push("b", "f", "2"))
	giveUp(t, r)
	r.Start(p.deliver)
	await(t, "delivery", func() bool { return len(p.list()) == 1 })
	failed, err := r.Failed(context.Background())
	if err != nil || len(failed) != 1 || failed[0].Forward != "f" {
		t.Fatal(failed, err)
	}
	if found, err := r.Retry(context.Background(), failed[0].ID); !found || err != nil {
		t.Error(found, err)
	}
	await(t, "delivery", func() bool { return len(p.list()) == 2 })
	if _, err := r.State(context.Background()); err != nil {
		t.Error(err)
	}
	r.end(t)
}
