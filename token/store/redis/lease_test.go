package redis

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/token"
)

func mustLease(t testing.TB, s *Store, key token.Key) (release func()) {
	t.Helper()
	release, err := s.Lease(key)
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func wantLeased(t testing.TB, s *Store, key token.Key) {
	t.Helper()
	if _, err := s.Lease(key); !errors.Is(err, token.ErrLeased) {
		t.Errorf("got %v; want ErrLeased", err)
	}
}

func TestALeaseIsOnesAlone(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	a, b := openRedis(t, "redis://"+redis.Addr), openRedis(t, "redis://"+redis.Addr)
	release := mustLease(t, a, wx1)
	wantLeased(t, b, wx1)
	wantLeased(t, a, wx1)
	for _, other := range []token.Key{{AppID: "wx2"}, {AppID: "wx1", Ticket: "jsapi"}} {
		mustLease(t, b, other)()
	}
	release()
	release = mustLease(t, b, wx1)
	wantLeased(t, a, wx1)
	release()
}

func TestOnlyItsOwnerReleasesALease(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	a, b := openRedis(t, "redis://"+redis.Addr), openRedis(t, "redis://"+redis.Addr)
	stale := mustLease(t, a, wx1)
	redis.MustDo("FLUSHALL") // as if it had expired
	release := mustLease(t, b, wx1)
	stale()
	wantLeased(t, a, wx1)
	release()
	mustLease(t, a, wx1)()
}

func TestALeaseThatNobodyRenewsEnds(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr)
	release := mustLease(t, s, wx1)
	if left := redis.MustDo("PTTL", wx1Key+":lease").(int64); left <= 0 || left > token.LeaseLife.Milliseconds() {
		t.Errorf("got %d ms; want at most %v", left, token.LeaseLife)
	}
	release()
	redis.MustDo("SET", wx1Key+":lease", "a dead replica", "PX", 500)
	wantLeased(t, s, wx1)
	eventually(t, "lease", func() bool {
		release, err := s.Lease(wx1)
		if err == nil {
			release()
		}
		return err == nil
	})
}

func TestALeaseIsRenewedWhileItIsHeld(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	a, b := openRedis(t, "redis://"+redis.Addr), openRedis(t, "redis://"+redis.Addr)
	left := func() int64 { return redis.MustDo("PTTL", wx1Key+":lease").(int64) }
	release := mustLease(t, a, wx1)
	for range 2 {
		redis.MustDo("PEXPIRE", wx1Key+":lease", (3 * token.LeaseLife / 5).Milliseconds())
		eventually(t, "renewal", func() bool { return left() > (4 * token.LeaseLife / 5).Milliseconds() })
		wantLeased(t, b, wx1)
	}
	release()
	if left := redis.MustDo("EXISTS", wx1Key+":lease"); left != int64(0) {
		t.Errorf("got %v leases; want it gone", left)
	}
}

func TestWithoutRedisThereIsNoLeaseAndNoWaiting(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr)
	release := mustLease(t, s, wx1)
	redis.Pause()
	if _, err := s.Lease(token.Key{AppID: "wx2"}); !errors.Is(err, token.ErrAway) {
		t.Errorf("got %v; want ErrAway", err)
	}
	began := time.Now()
	_, err := s.Lease(token.Key{AppID: "wx3"})
	release()
	if took := time.Since(began); !errors.Is(err, token.ErrAway) || took > timeout {
		t.Errorf("got %v after %v; want ErrAway at once", err, took)
	}
	redis.Resume()
	eventually(t, "lease", func() bool {
		release, err := s.Lease(token.Key{AppID: "wx3"})
		if err == nil {
			release()
		}
		return err == nil
	})
}

func TestALeaseIsNotRenewedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, last := time.Now(), time.Time{}
		renew(t.Context(), func() { last = time.Now() })
		const fetchTimeout = 10 * time.Second // see token/flight.go
		const longestFlight = 6*fetchTimeout + 5*time.Second
		if held := last.Add(token.LeaseLife).Sub(began); held < longestFlight || held > longestFlight+20*time.Second {
			t.Errorf("got a lease of %v; want a little more than %v", held, longestFlight)
		}
	})
}
