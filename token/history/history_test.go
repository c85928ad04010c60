package history

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
)

func failed(errcode int, errmsg string) token.Report {
	return token.Report{At: time.Now(), Outcome: token.OutcomeFailed, Reason: "due", Problem: token.Explanation{Code: errcode, Reason: errmsg}}
}

func refreshed(reason string) token.Report {
	return token.Report{At: time.Now(), Outcome: token.OutcomeRefreshed, Reason: reason}
}

// lines returns events in words, the newest first.
func lines(t *testing.T, r *Recorder, appID string) string {
	t.Helper()
	events, err := r.Of(appID)
	if err != nil && !errors.Is(err, ErrUnstored) {
		t.Fatal(err)
	}
	var all []string
	for _, e := range events {
		all = append(all, fmt.Sprintf("%s %s %d %s x%d", e.Outcome, e.Reason, e.Errcode, e.Errmsg, e.Times))
	}
	return strings.Join(all, "; ")
}

// What came of fetches outlives the process, and failures that go on are one event.
func TestEventsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory()
	r := New(kept, slog.New(slog.DiscardHandler))
	r.Add("wx1", refreshed("start"))
	for range 5 {
		r.Add("wx1", failed(40164, "invalid ip"))
	}
	r.Add("wx2", refreshed("start"))
	r.Stop()
	r = New(kept, slog.New(slog.DiscardHandler))
	r.Add("wx1", failed(40164, "invalid ip"))
	r.Add("wx1", failed(0, "no answer"))
	r.Add("wx1", refreshed("refused"))
	const want = "refreshed refused 0  x1; failed due 0 no answer x1; failed due 40164 invalid ip x6; refreshed start 0  x1"
	for range 2 { // while they wait, and when they are stored
		if got := lines(t, r, "wx1"); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
		r.Stop()
	}
	if got := lines(t, r, "wx3"); got != "" {
		t.Errorf("got %q of an account without events", got)
	}
	var none *Recorder
	none.Add("wx1", refreshed("start"))
	none.Stop()
	if events, err := none.Of("wx1"); events != nil || err != nil {
		t.Errorf("got %v, %v of no recorder", events, err)
	}
}

// Processes that share a store lose none of each other's events.
func TestProcessesAddToTheSameEvents(t *testing.T) {
	t.Parallel()
	kept := store.NewMemory()
	a, b := New(kept, slog.New(slog.DiscardHandler)), New(kept, slog.New(slog.DiscardHandler))
	for i := range 40 {
		a.Add("wx1", failed(1000+i, ""))
		b.Add("wx1", failed(2000+i, ""))
		if i%8 == 7 { // before more than may wait do
			a.Stop()
			b.Stop()
			a, b = New(kept, slog.New(slog.DiscardHandler)), New(kept, slog.New(slog.DiscardHandler))
		}
	}
	events, err := a.Of("wx1")
	if err != nil || len(events) != 80 {
		t.Errorf("got %d events, %v; want 80", len(events), err)
	}
	a.Stop()
	b.Stop()
}

// What is kept is bounded by age, number and length.
func TestEventsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := store.NewMemory()
		r := New(kept, slog.New(slog.DiscardHandler))
		defer r.Stop()
		for i := range 3 * Most {
			r.Add("wx1", failed(i+1, strings.Repeat("错", 1000)))
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		events, err := r.Of("wx1")
		if err != nil || len(events) == 0 || len(events) > Most || events[0].Errcode != 3*Most || len(events[0].Errmsg) > maxErrmsg+len("…") {
			t.Errorf("got %d events, the last %+v, %v; want at most %d, and the last ones", len(events), events[0], err, Most)
		}
		if stored, err := kept.Load(keyOf("wx1")); err != nil || len(stored.Events.Reveal()) > 2*maxBytes {
			t.Errorf("got %d bytes, %v; want at most %d", len(stored.Events.Reveal()), err, maxBytes)
		}
		time.Sleep(Kept + time.Hour)
		if events, err := r.Of("wx1"); err != nil || len(events) != 0 {
			t.Errorf("got %d events a week later, %v; want none", len(events), err)
		}
	})
}

// A store that is away keeps nobody waiting; what waits for it is bounded and stored later.
func TestEventsWaitForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &away{Memory: store.NewMemory()}
		var log strings.Builder
		r := New(kept, slog.New(slog.NewTextHandler(&log, nil)))
		defer r.Stop()
		for i := range 100 {
			r.Add("wx1", failed(i+1, ""))
		}
		for i := range 2 * maxAccounts {
			r.Add(fmt.Sprint("wxm", i), refreshed("start"))
		}
		synctest.Wait()
		if events, err := r.Of("wx1"); err == nil || len(events) != maxPending || events[0].Errcode != 100 {
			t.Errorf("got %d events, %v; want the last %d and an error", len(events), err, maxPending)
		}
		r.mu.Lock()
		if n := len(r.pending); n > maxAccounts {
			t.Errorf("got %d accounts that wait; want at most %d", n, maxAccounts)
		}
		r.mu.Unlock()
		kept.isBack.Store(true)
		time.Sleep(tryAgain + time.Second)
		synctest.Wait()
		if stored, err := kept.Load(keyOf("wx1")); err != nil || len(read(&stored)) != maxPending {
			t.Errorf("got %d events, %v; want them stored", len(read(&stored)), err)
		}
		if got := log.String(); strings.Count(got, "history of accounts is not stored") != 1 || strings.Count(got, "is stored again") != 1 {
			t.Errorf("got %s; want a line when it fails and one when it works again", got)
		}
	})
}

// What a store does not take of one account, as of a later version, keeps back no other's.
func TestEventsOfOneAccountKeepBackNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &newer{store.NewMemory()}
		r := New(kept, slog.New(slog.DiscardHandler))
		defer r.Stop()
		for _, appID := range []string{"wx1", "wx2"} {
			r.Add(appID, refreshed("start"))
		}
		time.Sleep(tryAgain + time.Second)
		if stored, err := kept.Load(keyOf("wx2")); err != nil || len(read(&stored)) != 1 {
			t.Errorf("got %v, %v of the second account; want its event stored", read(&stored), err)
		}
		if got := lines(t, r, "wx1"); got != "refreshed start 0  x1" {
			t.Errorf("got %q of the first account; want the event that waits", got)
		}
	})
}

// A newer is a store that has a record of a later version of wx1.
type newer struct{ *store.Memory }

func (n *newer) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	if key.AppID == "wx1" {
		return token.Record{}, token.ErrNewer
	}
	return n.Memory.Amend(key, change)
}

// Who reads does not wait for a store that hangs, and sees what is on its way there.
func TestAStoreThatHangsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &hanging{Memory: store.NewMemory(), goesOn: make(chan struct{})}
		r := New(kept, slog.New(slog.DiscardHandler))
		r.Add("wx1", refreshed("start"))
		synctest.Wait()
		r.Add("wx1", refreshed("due"))
		began := time.Now()
		for _, appID := range []string{"wx1", "wx2"} {
			for range 4 {
				events, err := r.Of(appID)
				if !errors.Is(err, token.ErrAway) || appID == "wx1" && (len(events) != 2 || events[0].Reason != "due") {
					t.Fatalf("%s: got %v, %v; want the events that wait, and an error", appID, events, err)
				}
			}
		}
		if took := time.Since(began); took > 8*patience {
			t.Errorf("got an answer after %v; want each after %v", took, patience)
		}
		if n := kept.loads.Load(); n > 1 {
			t.Errorf("got %d that wait for the store; want 1 at most", n)
		}
		began = time.Now()
		if r.Stop(); time.Since(began) > patience {
			t.Errorf("got an end after %v; want %v", time.Since(began), patience)
		}
		close(kept.goesOn)
		synctest.Wait() // for no more than the Recorder's own goroutine
		if got := lines(t, r, "wx1"); got != "refreshed due 0  x1; refreshed start 0  x1" {
			t.Errorf("got %q; want both events once", got)
		}
	})
}

// A hanging is a store that takes what is written when it goes on.
type hanging struct {
	*store.Memory
	goesOn chan struct{}
	loads  atomic.Int32
}

func (h *hanging) Load(key token.Key) (token.Record, error) {
	h.loads.Add(1)
	<-h.goesOn
	return h.Memory.Load(key)
}

func (h *hanging) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	<-h.goesOn
	return h.Memory.Amend(key, change)
}

// An away is a store that fails until it is back.
type away struct {
	*store.Memory
	isBack atomic.Bool
}

var errAway = errors.New("away")

func (a *away) Load(key token.Key) (token.Record, error) {
	if !a.isBack.Load() {
		return token.Record{}, errAway
	}
	return a.Memory.Load(key)
}

func (a *away) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	if !a.isBack.Load() {
		return token.Record{}, errAway
	}
	return a.Memory.Amend(key, change)
}

// A full is a store that answers and takes nothing, as on a full disk.
type full struct{ *store.Memory }

func (full) Amend(token.Key, func(*token.Record) bool) (token.Record, error) {
	return token.Record{}, errors.New("no space left on device")
}

func TestWhatIsNotStoredYetIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(full{store.NewMemory()}, slog.New(slog.DiscardHandler))
		defer r.Stop()
		r.Add("wx1", refreshed("start"))
		synctest.Wait()
		if events, err := r.Of("wx1"); !errors.Is(err, ErrUnstored) || len(events) != 1 {
			t.Errorf("got %v, %v; want the event, and that it is not stored", events, err)
		}
		if events, err := r.Of("wx2"); err != nil || len(events) != 0 {
			t.Errorf("got %v, %v; want nothing of an account for which nothing waits", events, err)
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add("W3siYXQiOiIyMDI2LTExLTI5VDAwOjAwOjAwWiIsInRpbWVzIjoxfV0=")
	f.Add("nonsense")
	f.Fuzz(func(t *testing.T, text string) {
		r := token.Record{}
		r.Events = secret.New(text)
		events := with(read(&r), nil, time.Now())
		if len(events) > Most {
			t.Errorf("got %d events", len(events))
		}
		if err := write(&r, events); err != nil {
			t.Error(err)
		}
	})
}
