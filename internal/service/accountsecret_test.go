package service

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

// A secretFile is a file that can be changed, and hang.
type secretFile struct {
	mu    sync.Mutex // guards what follows
	value string
	err   error
	takes time.Duration
	reads int
}

func (f *secretFile) read() (secret.Secret, error) {
	f.mu.Lock()
	f.reads++
	value, err, takes := f.value, f.err, f.takes
	f.mu.Unlock()
	time.Sleep(takes)
	return secret.New(value), err
}

func (f *secretFile) set(value string, err error, takes time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.value, f.err, f.takes = value, err, takes
}

func (f *secretFile) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

func wantSecret(t *testing.T, s *accountSecret, want string) {
	t.Helper()
	if got, err := s.reveal(); got != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestAnAppSecretIsReadNowAndThenOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &secretFile{value: "first"}
		s := newAccountSecret(f.read)
		for range 100 {
			var callers sync.WaitGroup
			for range 100 {
				callers.Go(func() { wantSecret(t, s, "first") })
			}
			callers.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		if got := f.count(); got > 6 {
			t.Errorf("got %d reads in 10 s; want one in 2 s", got)
		}
		f.set("second", nil, 0)
		time.Sleep(secretLife)
		wantSecret(t, s, "second")
		f.set("third", nil, 0)
		wantSecret(t, s, "second")
		s.refused(40029)
		wantSecret(t, s, "second")
		s.refused(40125)
		wantSecret(t, s, "third")
	})
}

func TestAnAppSecretThatCannotBeReadIsTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &secretFile{value: "first"}
		s := newAccountSecret(f.read)
		wantSecret(t, s, "first")
		f.set("", errors.New("no such file"), 0)
		time.Sleep(time.Minute)
		wantSecret(t, s, "first")
		f.set("", errors.New("it hangs"), 5*time.Second)
		time.Sleep(time.Minute)
		for range 200 {
			began := time.Now()
			wantSecret(t, s, "first")
			if took := time.Since(began); took > secretPatience {
				t.Fatalf("took %v; want %v at most", took, secretPatience)
			}
			time.Sleep(50 * time.Millisecond)
		}
		f.set("second", nil, 0)
		time.Sleep(10 * time.Second)
		wantSecret(t, s, "second")
	})
}

func TestAnAppSecretThatWasNeverReadHoldsNobodyUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &secretFile{err: errors.New("it hangs"), takes: 5 * time.Second}
		s := newAccountSecret(f.read)
		began := time.Now()
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				if got, err := s.reveal(); err == nil {
					t.Errorf("got %q; want an error", got)
				}
			})
		}
		callers.Wait()
		if took := time.Since(began); took > 5*time.Second || f.count() != 1 {
			t.Errorf("took %v and %d reads; want one for all", took, f.count())
		}
		f.set("first", nil, 0)
		time.Sleep(secretLife)
		wantSecret(t, s, "first")
	})
}

func TestRevealingAnAppSecretAllocatesNothing(t *testing.T) {
	s := newAccountSecret((&secretFile{value: "first"}).read)
	wantSecret(t, s, "first")
	s.last.Load().until = time.Now().Add(time.Hour)
	if got := testing.AllocsPerRun(1000, func() { _, _ = s.reveal() }); got != 0 {
		t.Errorf("got %v allocations; want none", got)
	}
}
