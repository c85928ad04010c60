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

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/redistest"
	"wxproxy/push/internal/repeat"
)

func repeatsAt(t *testing.T, address, key, old string) (*Repeats, *safeLog) {
	t.Helper()
	log := new(safeLog)
	return NewRepeats(linkTo(t, address, key, old), slog.New(slog.NewTextHandler(log, nil))), log
}

func claims(t *testing.T, r *Repeats, id string, joined int) string {
	t.Helper()
	c, err := r.Claim(context.Background(), id, joined)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%v %d: %d %s %s", c.Mine, c.Attempt, c.Outcome.Status, c.Outcome.ContentType, c.Outcome.Reply)
}

func settle(t *testing.T, r *Repeats, id string, attempt int, o repeat.Outcome) {
	t.Helper()
	if err := r.Settle(context.Background(), id, attempt, o); err != nil {
		t.Fatal(err)
	}
}

func TestReplicasShareWhatBecameOfAPush(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, log := repeatsAt(t, server.Addr, "", "")
	b, _ := repeatsAt(t, server.Addr, "", "")
	reply := repeat.Outcome{Status: 200, ContentType: "text/xml", Reply: []byte("<xml>\n</xml>")}
	steps := []struct{ what, got, want string }{
		{"the first", claims(t, a, "1", 0), "true 1: 0  "},
		{"while it is under way", claims(t, b, "1", 0), "false 1: 0  "},
		{"another", claims(t, b, "2", 0), "true 1: 0  "},
		{"after an answer", func() string { settle(t, a, "1", 1, reply); return claims(t, b, "1", 1) }(), "false 1: 200 text/xml <xml>\n</xml>"},
		{"at the first's", claims(t, a, "1", 0), "false 1: 200 text/xml <xml>\n</xml>"},
		{"one who waited for a failure", func() string {
			settle(t, b, "2", 1, repeat.Outcome{Status: 502})
			return claims(t, a, "2", 1)
		}(), "false 1: 502  "},
		{"one who did not", claims(t, a, "2", 0), "true 2: 0  "},
		{"one who waited for the one before", claims(t, b, "2", 1), "false 2: 0  "},
		{"a late answer of the one before", func() string {
			settle(t, b, "2", 1, reply)
			return claims(t, b, "2", 2)
		}(), "false 2: 0  "},
		{"success without a reply", func() string {
			settle(t, a, "2", 2, repeat.Outcome{Status: 200})
			return claims(t, b, "2", 0)
		}(), "false 2: 200  "},
	}
	for _, s := range steps {
		if s.got != s.want {
			t.Errorf("%s: got %q; want %q", s.what, s.got, s.want)
		}
	}
	if c, _ := b.Claim(context.Background(), "2", 0); c.Outcome.Reply != nil {
		t.Errorf("got a reply %q; want none", c.Outcome.Reply)
	}
	for _, name := range left(t, server) {
		if ms, _ := server.MustDo("PTTL", name).(int64); ms <= 0 || ms > repeat.Life.Milliseconds() {
			t.Errorf("got %s kept for %d ms; want a minute at most", name, ms)
		}
	}
	if log.String() != "" {
		t.Errorf("got %s", log)
	}
}

func TestAClaimThatTheClientSendsAgainIsTheSame(t *testing.T) {
	t.Parallel()
	link := linkTo(t, redistest.Start(t).Addr, "", "")
	r := NewRepeats(link, nil)
	for range 2 {
		err := link.Use(t.Context(), func(ctx context.Context, client redis.UniversalClient) error {
			answer, err := r.claim.Run(ctx, client, []string{r.name("id")}, "one call", 0, 60_000, 60_000).Result()
			if numbers := numbersIn(answer, 2); numbers[0] != 1 || numbers[1] != 1 {
				t.Errorf("got %v; want the first attempt", answer)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestAPushOfAReplicaThatDiedIsForwardedByAnother(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, _ := repeatsAt(t, server.Addr, "", "")
	claims(t, a, "1", 0)
	server.MustDo("HSET", "p:push:repeat:1", "until", time.Now().Add(-time.Second).UnixMilli())
	if got := claims(t, a, "1", 1); got != "true 2: 0  " {
		t.Errorf("got %q; want the second attempt", got)
	}
}

func TestAClaimIsRenewedUntilItEndsOrIsAnothers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, _ := repeatsAt(t, server.Addr, "", "")
	over := func() { server.MustDo("HSET", "p:push:repeat:1", "until", time.Now().Add(-time.Second).UnixMilli()) }
	renew := func(attempt int) {
		t.Helper()
		if err := a.Renew(context.Background(), "1", attempt); err != nil {
			t.Fatal(err)
		}
	}
	renew(1) // of which nothing is known any more
	claims(t, a, "1", 0)
	over()
	renew(1)
	if got := claims(t, a, "1", 1); got != "false 1: 0  " {
		t.Errorf("got %q; want the first attempt under way", got)
	}
	over()
	claims(t, a, "1", 1)
	over()
	renew(1)
	if got := claims(t, a, "1", 1); got != "true 3: 0  " {
		t.Errorf("got %q; want that the first attempt renews nothing of the second", got)
	}
	settle(t, a, "1", 3, repeat.Outcome{Status: 502})
	renew(3)
	if got := claims(t, a, "1", 1); got != "true 4: 0  " {
		t.Errorf("got %q; want that what has ended is not under way", got)
	}
}

func TestRepetitionsAtTwoReplicasAreForwardedOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var all []*repeat.Repeats
	for range 2 {
		shared, _ := repeatsAt(t, server.Addr, "", "")
		all = append(all, repeat.New(shared))
	}
	var forwarded atomic.Int64
	var asking sync.WaitGroup
	for n := range 12 {
		asking.Go(func() {
			o, _ := all[n%2].Do(context.Background(), "1", func(int) repeat.Outcome {
				forwarded.Add(1)
				time.Sleep(200 * time.Millisecond)
				return repeat.Outcome{Status: 200, Reply: []byte("hello")}
			})
			if o.Status != 200 || string(o.Reply) != "hello" {
				t.Errorf("got %+v", o)
			}
		})
	}
	asking.Wait()
	if n := forwarded.Load(); n != 1 {
		t.Errorf("got %d forwards; want one", n)
	}
}

func TestRepliesInRedisAreEncryptedIfThereIsAKey(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	first, second := strings.Repeat("1", 32), strings.Repeat("2", 32)
	a, _ := repeatsAt(t, server.Addr, first, "")
	claims(t, a, "1", 0)
	settle(t, a, "1", 1, repeat.Outcome{Status: 200, ContentType: "text/xml", Reply: []byte(canary)})
	if stored := fmt.Sprint(server.MustDo("HGETALL", "p:push:repeat:1")); strings.Contains(stored, canary) || !strings.Contains(stored, "aes256gcm:") {
		t.Errorf("got %s; want it encrypted", stored)
	}
	right, _ := repeatsAt(t, server.Addr, second, first)
	if got := claims(t, right, "1", 0); got != "false 1: 200 text/xml "+canary {
		t.Errorf("got %q", got)
	}
	wrong, log := repeatsAt(t, server.Addr, second, "")
	if _, err := wrong.Claim(context.Background(), "1", 0); err == nil || !strings.Contains(log.String(), "encryption_key_old") {
		t.Errorf("got %v and %q; want an error and what to do", err, log)
	}
}

func TestWithoutRedisEachReplicaKnowsItsOwn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	shared, log := repeatsAt(t, server.Addr, "", "")
	r := repeat.New(shared)
	server.Pause() // nothing answers any more
	defer server.Resume()
	began := time.Now()
	for range 20 {
		for _, id := range []string{"1", "2", "3"} {
			if o, _ := r.Do(context.Background(), id, func(int) repeat.Outcome { return repeat.Outcome{Status: 200} }); o.Status != 200 {
				t.Errorf("got %+v", o)
			}
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("got %v; want Redis not waited for by each", took)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("got %d lines; want one:\n%s", n, log)
	}
	if _, err := shared.Claim(canceled(), "4", 0); !errors.Is(err, context.Canceled) && err == nil {
		t.Errorf("got %v", err)
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
