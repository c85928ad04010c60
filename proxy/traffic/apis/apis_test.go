package apis

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

const send = "/cgi-bin/message/custom/send"

func newKind(c *Counts) *Kind { return c.Kind("wechat", []string{send, "/sns/jscode2session"}) }

func isShown([]byte) bool { return true }

// find returns the counts of a path that WeChat takes.
func find(k *Kind, path string) *API { return k.Find([]byte(path), true, isShown) }

// rowOf returns the row of a path; the zero Row if there is none.
func rowOf(c *Counts, path string) Row {
	rows := c.Rows()
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Path == path })
	if i < 0 {
		return Row{}
	}
	return rows[i]
}

func TestATimeIsToldToTenPerCent(t *testing.T) {
	for took := 600 * time.Microsecond; took < 28*time.Second; took += took / 17 {
		if told := middle(classOf(took)); math.Abs(float64(told-took)) > 0.1*float64(took) {
			t.Errorf("got %v for %v", told, took)
		}
	}
	for took, want := range map[time.Duration]int{-1: 0, 0: 0, time.Microsecond: 0, time.Hour: classes - 1, math.MaxInt64: classes - 1} {
		if got := classOf(took); got != want {
			t.Errorf("%v: got class %d; want %d", took, got, want)
		}
	}
}

func TestQuantilesAreThoseOfTheCalls(t *testing.T) {
	a := find(newKind(New()), send)
	var all []time.Duration
	for range 10_000 {
		took := time.Duration(float64(40*time.Millisecond) * math.Exp(rand.NormFloat64()))
		all = append(all, took)
		a.Count(took)
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.95} {
		want := all[int(q*float64(len(all)))]
		if got := a.read().quantile(q); math.Abs(float64(got-want)) > 0.12*float64(want) {
			t.Errorf("%v: got %v; want %v", q, got, want)
		}
	}
	if got := (histogram{}).quantile(0.5); got != 0 {
		t.Errorf("got %v of no calls; want 0", got)
	}
}

func TestCallsAreCountedByPathAndErrcode(t *testing.T) {
	c := New()
	a := find(newKind(c), send)
	for range 5 {
		a.Count(30 * time.Millisecond)
	}
	a.fail(Failure{Errcode: 45015})
	a.fail(Failure{Errcode: 45015})
	a.fail(Failure{Status: 502})
	a.fail(Failure{Errcode: math.MaxInt})
	got := rowOf(c, send)
	want := []FailureCount{{Failure{Errcode: 45015}, 2}, {Failure{Status: 502}, 1}, {Failure{Errcode: OtherErrcode}, 1}}
	if got.Calls != 5 || got.Hour.Calls != 5 || got.Today.Calls != 5 || !got.Documented || !slices.Equal(got.Failures, want) || !slices.Equal(got.Hour.Failures, want) || !slices.Equal(got.Today.Failures, want) {
		t.Errorf("got %+v; want 5 calls and %+v", got, want)
	}
	if got.Hour.Failed() != 4 {
		t.Errorf("got %d failed; want 4", got.Hour.Failed())
	}
	if len(c.Rows()) != 1 {
		t.Errorf("got %+v; want no row of what was not called", c.Rows())
	}
}

func TestErrcodesOfAnAPIAreBounded(t *testing.T) {
	c := New()
	a := find(newKind(c), send)
	for errcode := range 1000 {
		a.Count(time.Millisecond)
		a.fail(Failure{Errcode: errcode + 1})
	}
	row := rowOf(c, send)
	if len(row.Failures) != maxFailures+1 || row.Failures[0].Errcode != OtherErrcode || row.Failures[0].N != 1000-maxFailures {
		t.Errorf("got %+v; want %d errcodes, and the others together", row.Failures, maxFailures)
	}
}

// The last hour is forgotten after an hour, and today at midnight in Beijing.
func TestTheHourAndTheDayEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which begins at midnight in London, 8 o'clock in Beijing
		c := New()
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { c.Run(ctx) })
		a := find(newKind(c), send)
		call := func(took time.Duration) {
			a.Count(took)
			a.fail(Failure{Errcode: 45009})
		}
		check := func(when string, hour, today uint64) {
			t.Helper()
			synctest.Wait()
			row := rowOf(c, send)
			if row.Hour.Calls != hour || row.Today.Calls != today || row.Hour.Failed() != hour || row.Today.Failed() != today {
				t.Errorf("%s: got %+v; want %d in the hour, %d today", when, row, hour, today)
			}
		}
		call(time.Second)
		check("at once", 1, 1)
		time.Sleep(30 * time.Minute)
		call(100 * time.Millisecond)
		check("half an hour later", 2, 2)
		if got := rowOf(c, send).Hour.P95; got < 900*time.Millisecond || got > 1100*time.Millisecond {
			t.Errorf("got %v; want about 1 s", got)
		}
		time.Sleep(29*time.Minute + 59*time.Second)
		check("just before an hour has gone", 2, 2)
		time.Sleep(2 * time.Second)
		check("an hour later", 1, 2)
		if got := rowOf(c, send).Hour.P95; got > 110*time.Millisecond {
			t.Errorf("got %v; want about 100 ms", got)
		}
		time.Sleep(time.Hour)
		check("two hours later", 0, 2)
		time.Sleep(14*time.Hour - 2*time.Second) // 2 s before 16 o'clock
		call(time.Millisecond)
		check("just before midnight in Beijing", 1, 3)
		time.Sleep(2 * time.Second)
		check("at midnight", 1, 0)
		call(time.Millisecond)
		check("on the next day", 2, 1)
		if got := rowOf(c, send).Calls; got != 4 {
			t.Errorf("got %d calls since the start; want 4", got)
		}
		stop()
		running.Wait()
	})
}

// A path that somebody makes up takes the place of another one of that kind, and never that
// of a documented one. No call is forgotten.
func TestOtherPathsAreBounded(t *testing.T) {
	c := New()
	k := newKind(c)
	busy := find(k, "/wxa/busy")
	for range 100 {
		busy.Count(time.Millisecond)
		find(k, send).Count(time.Millisecond)
	}
	for i := range 5000 {
		a := find(k, fmt.Sprintf("/scan/%d", i))
		a.Count(time.Millisecond)
		a.fail(Failure{Errcode: 40066})
		if i == 50 {
			c.endSlot(time.Now().Truncate(slot))
		}
	}
	rows := c.Rows()
	sum, failed := uint64(0), uint64(0)
	for _, row := range rows {
		sum, failed = sum+row.Calls, failed+row.Hour.Failed()
	}
	if len(rows) != 1+maxOthers+1 || sum != 5200 || failed != 5000 {
		t.Errorf("got %d rows, %d calls, %d failed; want %d, 5200 and 5000", len(rows), sum, failed, 1+maxOthers+1)
	}
	for _, path := range []string{"/wxa/busy", send} {
		if got := rowOf(c, path).Calls; got != 100 {
			t.Errorf("%s: got %d calls; want 100", path, got)
		}
	}
	if busy.IsGone() || k.of([]byte("/scan/1")) != nil {
		t.Error("got a busy path gone, or a scanned one kept")
	}
}

// Calls are counted while slots end, paths come and go, and somebody reads.
func TestCallsAreCountedWhateverHappensMeanwhile(t *testing.T) {
	c, stop := New(), make(chan struct{})
	k := newKind(c)
	var calling, reading sync.WaitGroup
	const each, callers = 2000, 4
	for n := range callers {
		calling.Go(func() {
			for i := range each {
				find(k, send).Count(time.Millisecond)
				made := find(k, fmt.Sprintf("/made-up/%d", (i+n)%250))
				made.Count(time.Millisecond)
				c.Failed(made, FailedCall{Path: "/made-up"})
			}
		})
	}
	reading.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				c.endSlot(time.Now().Truncate(slot))
				c.Rows()
				c.LastFailed()
			}
		}
	})
	calling.Wait()
	close(stop)
	reading.Wait()
	if got := rowOf(c, send).Calls; got != each*callers {
		t.Errorf("got %d calls; want %d", got, each*callers)
	}
	others := uint64(0)
	for _, row := range c.Rows() {
		others += row.Calls
	}
	if others -= each * callers; others > each*callers || others < each*callers*9/10 {
		t.Errorf("got %d calls of other paths; want %d, but for a few that came as their path lost its place", others, each*callers)
	}
}

func TestOnlyPlainPathsHaveCountsOfTheirOwn(t *testing.T) {
	k := newKind(New())
	for _, path := range []string{"", "/", "cgi-bin", "/a b", "/a?b", "/A", "/ä", "/a\x00", "/a/0123456789abcdef0123456789abcdef", "/" + string(slices.Repeat([]byte("x"), maxPath))} {
		if find(k, path) != k.rest {
			t.Errorf("%q: got counts of its own", path)
		}
	}
	for _, row := range []struct{ isTaken, isShown, want bool }{{false, true, false}, {true, false, false}, {true, true, true}, {false, false, true}} {
		a := k.Find([]byte("/wxa/new"), row.isTaken, func([]byte) bool { return row.isShown })
		if has := a != k.rest; has != row.want || a.IsGone() == has {
			t.Errorf("%+v: got %v", row, has)
		}
	}
}

func TestTheSameKindIsCountedByOneAndTheSame(t *testing.T) {
	c := New()
	if first, second := newKind(c), newKind(c); first != second {
		t.Error("got two; a reload would forget what was counted")
	}
	if k := (*Counts)(nil).Kind("wechat", nil); k != nil {
		t.Errorf("got %v; want nil", k)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	k, path := newKind(New()), []byte(send)
	if n := testing.AllocsPerRun(1000, func() { k.Find(path, true, isShown).Count(3 * time.Millisecond) }); n != 0 {
		t.Errorf("got %v allocations; want none", n)
	}
}

// The documentation says 6 KiB.
func TestMemoryOfAnAPI(t *testing.T) {
	one := int(unsafe.Sizeof(API{})) + slotsKept*int(unsafe.Sizeof([classes]uint32{})) + (maxFailures+1)*int(unsafe.Sizeof(failures{})) + 2*maxPath
	if one > 6<<10+200 {
		t.Errorf("got %d bytes; want 6 KiB", one)
	}
}

func TestTheLastFailedCallsAreKept(t *testing.T) {
	c := New()
	if got := c.LastFailed(); len(got) != 0 {
		t.Errorf("got %+v; want none", got)
	}
	for i := range 250 {
		a := find(newKind(c), send)
		a.Count(time.Millisecond)
		c.Failed(a, FailedCall{HTTP: i})
	}
	got := c.LastFailed()
	if got[0].Path != send || got[0].Status != 249 || rowOf(c, send).Failures[0].N == 0 {
		t.Errorf("got %+v; want its path, and a status in the place of an errcode", got[0])
	}
	if len(got) != maxFailed || got[0].HTTP != 249 || got[maxFailed-1].HTTP != 150 {
		t.Errorf("got %d, from %d; want the last %d", len(got), got[0].HTTP, maxFailed)
	}
}

func TestTheRidOfAnAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		`{"errcode":40001,"errmsg":"invalid credential rid: 655d9278-1a2b3c4d-5e6f7a8b"}`: "655d9278-1a2b3c4d-5e6f7a8b",
		`{"errcode":40125,"errmsg":"invalid appsecret, rid:62bd3be0-1a2b3c4d-00"}`:        "62bd3be0-1a2b3c4d-00",
		`{"errmsg":"rid: none, rid: 655d9278-1a2b3c4d-5e6f7a8b"}`:                         "655d9278-1a2b3c4d-5e6f7a8b",
		`{"errmsg":"rid: 0123456789abcdef0123456789abcdef"}`:                              "", // as an AppSecret is
		`{"errmsg":"rid: 1-2-3"}`:                        "",
		`{"errmsg":"rid: 655d9278-1a2b3c4d-5e6f7a8b-1"}`: "",
		`{"errmsg":"rid: 655d9278--1a2b3c4d"}`:           "",
		`{"errmsg":"rid: 655d92781a2b3c4d5e6f7a8b-655d92781a2b3c4d5e6f7a8b-655d92781a2b3c4d5e6f"}`: "",
		"":     "",
		"rid:": "",
	} {
		if got := RidIn([]byte(answer)); got != want {
			t.Errorf("%s: got %q; want %q", answer, got, want)
		}
	}
}

func FuzzRid(f *testing.F) {
	f.Add([]byte(`{"errmsg":"invalid credential rid: 655d9278-1a2b3c4d-5e6f7a8b"}`))
	f.Add([]byte("rid:rid: a-b-c"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if rid := RidIn(answer); rid != "" && !IsRid(rid) {
			t.Errorf("got %q, which is no rid", rid)
		}
	})
}

func BenchmarkCount(b *testing.B) {
	k, path := newKind(New()), []byte(send)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			k.Find(path, true, isShown).Count(31 * time.Millisecond)
		}
	})
}
