package repeat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func ok(reply string) Outcome {
	return Outcome{Status: 200, Reply: []byte(reply), ContentType: "text/xml"}
}

// does calls Do, and reports what it did.
func does(r *Repeats, id string, o Outcome) string {
	forwarded := "not forwarded"
	got, repeated := r.Do(context.Background(), id, func(attempt int) Outcome {
		forwarded = fmt.Sprint("attempt ", attempt)
		return o
	})
	return fmt.Sprintf("%d %s, %s, repeated %v", got.Status, got.Reply, forwarded, repeated)
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %s; want %s", what, got, want)
	}
}

func TestARepetitionGetsTheFirstsAnswerForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		want(t, "the first", does(r, "a", ok("hello")), "200 hello, attempt 1, repeated false")
		want(t, "at once", does(r, "a", ok("no")), "200 hello, not forwarded, repeated true")
		want(t, "another", does(r, "b", ok("other")), "200 other, attempt 1, repeated false")
		time.Sleep(Life - time.Second)
		want(t, "within a minute", does(r, "a", ok("no")), "200 hello, not forwarded, repeated true")
		time.Sleep(2 * time.Second)
		want(t, "after a minute", does(r, "a", ok("new")), "200 new, attempt 1, repeated false")
	})
}

func TestTheMinuteBeginsWhenTheFirstIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		r.Do(t.Context(), "a", func(int) Outcome { time.Sleep(4 * time.Second); return ok("x") })
		time.Sleep(Life - time.Second)
		want(t, "56 s later", does(r, "a", ok("no")), "200 x, not forwarded, repeated true")
	})
}

func TestWhatFailedIsForwardedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		want(t, "the first", does(r, "a", Outcome{Status: 502}), "502 , attempt 1, repeated false")
		want(t, "the second", does(r, "a", Outcome{Status: 504}), "504 , attempt 2, repeated false")
		want(t, "the third", does(r, "a", ok("x")), "200 x, attempt 3, repeated false")
		want(t, "the fourth", does(r, "a", ok("no")), "200 x, not forwarded, repeated true")
	})
}

func TestWhatSucceedsLaterIsKnownForItsOwnMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		does(r, "a", Outcome{Status: 502})
		time.Sleep(Life / 2)
		want(t, "the second", does(r, "a", ok("x")), "200 x, attempt 2, repeated false")
		time.Sleep(Life * 3 / 4)
		want(t, "a minute after the first", does(r, "a", ok("no")), "200 x, not forwarded, repeated true")
	})
}

func TestRepetitionsWaitForTheFirstAFailureToo(t *testing.T) {
	for _, first := range []Outcome{ok("x"), {Status: 502}} {
		synctest.Test(t, func(t *testing.T) {
			r := New(nil)
			var mu sync.Mutex // guards got and attempts
			got, attempts := map[string]int{}, 0
			for range 10 {
				go func() {
					o, repeated := r.Do(t.Context(), "a", func(attempt int) Outcome {
						time.Sleep(3 * time.Second)
						mu.Lock()
						defer mu.Unlock()
						attempts += attempt
						return first
					})
					mu.Lock()
					defer mu.Unlock()
					got[fmt.Sprintf("%d %s %v", o.Status, o.Reply, repeated)]++
				}()
			}
			time.Sleep(4 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			one := fmt.Sprintf("%d %s ", first.Status, first.Reply)
			if attempts != 1 || got[one+"false"] != 1 || got[one+"true"] != 9 {
				t.Errorf("got %v of %d attempts; want 1 and 9 repetitions of %q", got, attempts, one)
			}
		})
	}
}

func TestWhoWaitsMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		go r.Do(t.Context(), "a", func(int) Outcome { time.Sleep(4 * time.Second); return ok("x") })
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if o, repeated := r.Do(ctx, "a", nil); o.Status != 504 || !repeated {
			t.Errorf("got %+v, repeated %v; want 504", o, repeated)
		}
		time.Sleep(3 * time.Second)
		want(t, "who comes later", does(r, "a", ok("no")), "200 x, not forwarded, repeated true")
	})
}

func TestALargeReplyIsKeptAsSuccess(t *testing.T) {
	r := New(nil)
	for size, kept := range map[int]int{MaxReply: MaxReply, MaxReply + 1: 0} {
		id := fmt.Sprint(size)
		if o, _ := r.Do(t.Context(), id, func(int) Outcome { return ok(string(make([]byte, size))) }); len(o.Reply) != size {
			t.Errorf("the first got %d bytes; want %d", len(o.Reply), size)
		}
		if o, repeated := r.Do(t.Context(), id, nil); len(o.Reply) != kept || o.Status != 200 || !repeated {
			t.Errorf("a repetition of %d bytes got %d %d; want %d", size, o.Status, len(o.Reply), kept)
		}
	}
}

func TestWhoWaitsGetsALargeReplyToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		go r.Do(t.Context(), "a", func(int) Outcome { time.Sleep(time.Second); return ok(string(make([]byte, MaxReply+1))) })
		synctest.Wait()
		if o, repeated := r.Do(t.Context(), "a", nil); len(o.Reply) != MaxReply+1 || !repeated {
			t.Errorf("got %d bytes, repeated %v; want all of them", len(o.Reply), repeated)
		}
	})
}

func TestAPanicIsAFailureForThoseWhoWait(t *testing.T) {
	r := New(nil)
	func() {
		defer func() { recover() }()
		r.Do(t.Context(), "a", func(int) Outcome { panic("x") })
	}()
	want(t, "the next", does(r, "a", ok("x")), "200 x, attempt 2, repeated false")
}

func TestMemoryIsBounded(t *testing.T) {
	const most, mostBytes = 100, 20 * MaxReply
	r := New(nil)
	r.limits = limits{most, mostBytes}
	reply := ok(string(bytes.Repeat([]byte{'x'}, MaxReply)))
	for i := range 50 {
		r.Do(t.Context(), fmt.Sprint(i), func(int) Outcome { return reply })
	}
	if r.bytes > mostBytes || len(r.replies) > mostBytes/MaxReply || len(r.ended) != len(r.order) {
		t.Errorf("got %d bytes of %d replies; want %d at most", r.bytes, len(r.replies), mostBytes)
	}
	want(t, "the last one", does(r, "49", ok("no")), fmt.Sprintf("200 %s, not forwarded, repeated true", reply.Reply))
	for i := range 1000 {
		r.Do(t.Context(), fmt.Sprint("b", i), func(int) Outcome { return Outcome{Status: 502} })
	}
	if len(r.ended) > most || len(r.order) > most || r.bytes != 0 || len(r.replies) != 0 {
		t.Errorf("got %d pushes, %d bytes; want %d at most, none", len(r.ended), r.bytes, most)
	}
}

func TestNothingIsLeftAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		for i := range 100 {
			does(r, fmt.Sprint(i%10), Outcome{Status: 200 + i%2})
		}
		time.Sleep(Life)
		does(r, "z", ok("x"))
		if len(r.underWay) != 0 || len(r.ended) != 1 || len(r.order) != 1 || len(r.replies) != 1 || r.bytes != 1 {
			t.Errorf("got %d pushes, %d replies; want 1", len(r.ended), len(r.replies))
		}
	})
}

// A replicas is what two replicas share, in memory.
type replicas struct {
	mu   sync.Mutex // guards what follows
	away bool
	by   map[string]*sharedPush
}

type sharedPush struct {
	attempt int
	claimed time.Time
	ended   time.Time // zero: under way
	outcome Outcome
}

var errAway = errors.New("away")

func (s *replicas) Claim(_ context.Context, id string, joined int) (Claim, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, now := s.by[id], time.Now()
	switch {
	case s.away:
		return Claim{}, errAway
	case p == nil || !p.ended.IsZero() && now.Sub(p.ended) >= Life:
		p = &sharedPush{}
		s.by[id] = p
	case p.ended.IsZero() && now.Sub(p.claimed) < Lease:
		return Claim{Attempt: p.attempt}, nil
	case !p.ended.IsZero() && (!p.outcome.Failed() || p.attempt == joined):
		return Claim{Attempt: p.attempt, Outcome: p.outcome}, nil
	}
	*p = sharedPush{attempt: p.attempt + 1, claimed: now}
	return Claim{Mine: true, Attempt: p.attempt}, nil
}

func (s *replicas) Renew(_ context.Context, id string, attempt int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.by[id]; !s.away && p != nil && p.attempt == attempt {
		p.claimed = time.Now()
		return nil
	}
	return errAway
}

func (s *replicas) Settle(_ context.Context, id string, attempt int, o Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.by[id]; !s.away && p != nil && p.attempt == attempt {
		p.ended, p.outcome = time.Now(), o
		return nil
	}
	return errAway
}

func TestReplicasShareWhatTheyKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &replicas{by: map[string]*sharedPush{}}
		one, other := New(shared), New(shared)
		want(t, "one", does(one, "a", Outcome{Status: 502}), "502 , attempt 1, repeated false")
		want(t, "the other", does(other, "a", Outcome{Status: 502}), "502 , attempt 2, repeated false")
		want(t, "one again", does(one, "a", ok("x")), "200 x, attempt 3, repeated false")
		want(t, "the other again", does(other, "a", ok("no")), "200 x, not forwarded, repeated true")

		for _, o := range []Outcome{ok("y"), {Status: 504}} {
			id := fmt.Sprint(o.Status)
			go one.Do(t.Context(), id, func(int) Outcome { time.Sleep(3 * time.Second); return o })
			time.Sleep(time.Second)
			want(t, "the other while one forwards", does(other, id, ok("no")), fmt.Sprintf("%d %s, not forwarded, repeated true", o.Status, o.Reply))
		}
		want(t, "one after the failure", does(one, "504", ok("z")), "200 z, attempt 2, repeated false")
	})
}

func TestWhatADeadReplicaHadIsForwardedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &replicas{by: map[string]*sharedPush{}}
		shared.Claim(t.Context(), "a", 0) // and dies at once, so that WeChat's repetition comes at once
		const program, weChat = 2 * time.Second, 5 * time.Second
		began := time.Now()
		o, _ := New(shared).Do(t.Context(), "a", func(int) Outcome { time.Sleep(program); return ok("x") })
		if waited := time.Since(began); waited >= weChat || o.Status != 200 {
			t.Errorf("got %+v after %v; want it within %v", o, waited, weChat)
		}
	})
}

// A claim ends with its process, and not before the program answers.
func TestASlowProgramKeepsItsPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &replicas{by: map[string]*sharedPush{}}
		go New(shared).Do(t.Context(), "a", func(int) Outcome { time.Sleep(2 * Lease); return ok("x") })
		time.Sleep(Lease + Lease/2)
		want(t, "another", does(New(shared), "a", ok("no")), "200 x, not forwarded, repeated true")
	})
}

func TestEachReplicaKnowsItsOwnWhileTheyCannotBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(&replicas{away: true})
		want(t, "the first", does(r, "a", Outcome{Status: 502}), "502 , attempt 1, repeated false")
		want(t, "the second", does(r, "a", ok("x")), "200 x, attempt 2, repeated false")
		want(t, "the third", does(r, "a", ok("no")), "200 x, not forwarded, repeated true")
	})
}

// Whoever waits with it may stay.
func TestWhoAsksTheOthersGoesOnWhenWeChatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &replicas{by: map[string]*sharedPush{}}
		claim, _ := shared.Claim(t.Context(), "a", 0)
		time.AfterFunc(Lease*3/4, func() { shared.Settle(t.Context(), "a", claim.Attempt, ok("x")) })
		ctx, cancel := context.WithTimeout(t.Context(), Lease/2)
		defer cancel()
		r := New(shared)
		go r.Do(ctx, "a", nil)
		time.Sleep(Lease / 4)
		want(t, "who stays", does(r, "a", ok("no")), "200 x, not forwarded, repeated true")
	})
}

// A silent keeps every push for itself.
type silent struct{ replicas }

func (*silent) Claim(context.Context, string, int) (Claim, error) { return Claim{Attempt: 1}, nil }

func TestNobodyWaitsForOthersForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want(t, "the first", does(New(&silent{}), "a", ok("no")), "504 , not forwarded, repeated true")
	})
}
