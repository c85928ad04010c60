package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/tally"
	"wxproxy/token/wechat"
)

// seen are the generations that a watch told of.
type seen struct {
	mu          sync.Mutex // guards generations
	generations []int64
}

func (s *seen) look(generation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generations = append(s.generations, generation)
}

func (s *seen) has(generation int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.generations, generation)
}

func (s *seen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.generations)
}

// watching returns a store that watches wx1, once it listens.
func watching(t testing.TB, url string, with ...func(*Config)) (*Store, *seen) {
	t.Helper()
	s, told := openRedis(t, url, with...), &seen{}
	s.Watch(wx1, told.look)
	s.Start()
	eventually(t, "first look", func() bool { return told.count() > 0 })
	return s, told
}

func TestAnnouncementsReachTheOthersOnly(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	a, toA := watching(t, "redis://"+redis.Addr)
	_, toB := watching(t, "redis://"+redis.Addr)
	before := toA.count()
	known := fetched("token", time.Now())
	for want := int64(1); want <= 3; want++ {
		known = mustSave(t, a, known)
		eventually(t, fmt.Sprint("word of generation ", want), func() bool { return toB.has(want) })
	}
	if _, err := a.Save(token.Key{AppID: "wx2"}, fetched("token", time.Now())); err != nil {
		t.Fatal(err)
	}
	if got := toA.count(); got != before {
		t.Errorf("got %d words of what one has written oneself", got-before)
	}
}

func TestRubbishOnTheChannelIsIgnored(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	_, told := watching(t, "redis://"+redis.Addr)
	before := told.count()
	for _, rubbish := range []string{
		"", " ", "x", "wx1:token", "wx1:token someone", "wx1:token someone x", "wx1:token someone 1e9", "wx1:token someone 99999999999999999999",
		"wx1:token someone 1 2", "wx2:token someone 1", "wx1:token:lease someone 1", "\xff\x00 \xff 1", strings.Repeat("wx1:token ", 100_000),
	} {
		redis.MustDo("PUBLISH", "wxproxy:tokens", rubbish)
	}
	redis.MustDo("PUBLISH", "wxproxy:tokens", "wx1:token someone -77") // forged, but no harm
	eventually(t, "the last word", func() bool { return told.has(-77) })
	if got := told.count() - before; got != 1 {
		t.Errorf("got %d words; want one", got)
	}
}

func TestAListenerThatLostItsConnectionAsks(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	_, told := watching(t, "redis://"+redis.Addr)
	writer, known := openRedis(t, "redis://"+redis.Addr), fetched("token", time.Now())
	for want := int64(1); want <= 2; want++ {
		redis.MustDo("CLIENT", "KILL", "TYPE", "pubsub")
		known = mustSave(t, writer, known) // nobody may hear it
		eventually(t, fmt.Sprint("word of generation ", want), func() bool { return told.has(want) })
	}
}

func TestAListenerFindsARedisThatIsBack(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]func(*redistest.Server){
		"restarted": func(s *redistest.Server) { s.Stop(); time.Sleep(100 * time.Millisecond); s.Start() },
		"paused":    func(s *redistest.Server) { s.Pause(); time.Sleep(1500 * time.Millisecond); s.Resume() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logged
			redis := redistest.Start(t)
			s, told := watching(t, "redis://"+redis.Addr, loggingTo(&log))
			other := openRedis(t, "redis://"+redis.Addr)
			outage(redis)
			known := fetched("token", time.Now())
			known.Notice.Generation = 41
			eventually(t, "saved token", func() bool { _, err := other.Save(wx1, known); return err == nil })
			eventually(t, "word of it", func() bool { return told.has(42) })
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			before := told.count()
			mustSave(t, other, known)
			if strings.Contains(log.String(), "context canceled") || told.count() != before {
				t.Errorf("got %s; want silence after the end", log.String())
			}
		})
	}
}

func TestALookIsTakenAgainAfterRedisFailed(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s, told := watching(t, "redis://"+redis.Addr)
	before := told.count()
	s.report(saves, errStrange)
	eventually(t, "another look", func() bool { return told.count() > before })
}

func TestManyAccountsAreAskedForInBatches(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr)
	var told seen
	const accounts = 2*watchBatch + 1
	for i := range accounts {
		s.Watch(token.Key{AppID: fmt.Sprint("wx", i)}, told.look)
	}
	s.Start()
	eventually(t, "look at all accounts", func() bool { return told.count() >= accounts })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestThatRedisLostItsDataIsNoticedSoon(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	var stores [2]*Store
	var told [2]seen
	for i := range stores {
		stores[i] = openRedis(t, "redis://"+redis.Addr)
		stores[i].Watch(wx1, told[i].look)
		stores[i].Start()
	}
	mustSave(t, stores[0], fetched("token-1", time.Now()))
	for round := range 2 {
		time.Sleep(watchBeat + time.Second) // until all have seen the mark
		before := [2]int{told[0].count(), told[1].count()}
		redis.MustDo("FLUSHALL")
		began := time.Now()
		eventually(t, "look", func() bool { return told[0].count() > before[0] && told[1].count() > before[1] })
		if took := time.Since(began); took > watchBeat+2*time.Second {
			t.Errorf("round %d: noticed after %v; want %v and a little", round, took, watchBeat)
		}
	}
	if left := redis.MustDo("PTTL", "wxproxy:mark").(int64); left <= 0 || left > recordLife.Milliseconds() {
		t.Errorf("got a mark that is kept for %d ms", left)
	}
}

func TestWhatNobodyWatchesAnyMoreIsNotAskedFor(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr)
	o := token.Options{Issuer: wechat.NewIssuer(), AppID: "wx1", Store: s, Shared: s, Fetch: func(context.Context) (token.Token, error) {
		return token.Token{Value: secret.New("token"), Expires: time.Now().Add(2 * time.Hour)}, nil
	}}
	watched := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.watched)
	}
	first := token.NewKeeper(o)
	first.Start()
	tickets := token.NewTickets(func(context.Context, string, string) (token.Token, error) { return token.Token{}, errors.New("none") }, first)
	tickets.Ticket("jsapi", 0)
	if n := watched(); n != 2 {
		t.Fatalf("got %d watched; want the token and the ticket", n)
	}
	second := token.NewKeeper(o) // takes its place at a reload, and starts before the other stops
	second.Inherit(first)
	second.Start()
	tickets.Stop()
	first.Stop()
	if n := watched(); n != 1 {
		t.Errorf("got %d watched; want the successor's", n)
	}
	if tickets.Ticket("wx_card", 0); watched() != 1 {
		t.Errorf("got %d watched; want no ticket of a stopped account", watched())
	}
	second.Stop()
	if n := watched(); n != 0 {
		t.Errorf("got %d watched; want none", n)
	}
}

// The library leaves an answer without an error when its last attempt to connect fails.
func TestARedisThatIsAwayIsSaidToBeSoOnce(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	var log logged
	s := openRedis(t, "redis://"+redis.Addr, loggingTo(&log))
	redis.Stop()
	for range 3 {
		if _, err := s.generations(t.Context(), []string{"wx1:token", "wx2:token"}); !errors.Is(err, token.ErrAway) {
			t.Errorf("got %v; want a Redis that is away", err)
		}
		if _, err := s.readMark(t.Context()); !errors.Is(err, token.ErrAway) {
			t.Errorf("got %v; want a Redis that is away", err)
		}
		s.mu.Lock()
		s.awayTill = time.Time{}
		s.mu.Unlock()
	}
	if text := log.String(); strings.Count(text, "Redis is of no use") != 1 || strings.Contains(text, "Redis works again") {
		t.Errorf("got %s; want the outage once, and no end of it", text)
	}
	redis.Start()
	eventually(t, "answer", func() bool { _, err := s.generations(t.Context(), []string{"wx1:token"}); return err == nil })
	if text := log.String(); strings.Count(text, "Redis works again") != 1 {
		t.Errorf("got %s; want its end once", text)
	}
}

func TestAWrongPasswordIsNotToldAsMissingTheRightToListen(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	withUser(redis, leastRights...)
	var log logged
	s := openRedis(t, "redis://wxproxy:canaryWrong@"+redis.Addr, loggingTo(&log))
	if s.reportDeaf(t.Context()) || strings.Contains(log.String(), "hear nothing") {
		t.Errorf("got %s; want nothing of the channel", log.String())
	}
}

// Other commands work, or seem to, while what is needed is refused: that is no end of it,
// and it is found out when it is over although nobody stores or reads anything.
func TestARedisThatRefusesIsSaidToBeOfNoUseOnce(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ breaks, mends []any }{
		"another password": {[]any{"resetpass", ">another"}, []any{"resetpass", ">" + canaryPassword}},
		"no scripts":       {[]any{"-eval", "-evalsha"}, []any{"+eval", "+evalsha"}},
		"no leases":        {[]any{"-set"}, []any{"+set"}},
		"no records":       {[]any{"-hset"}, []any{"+hset"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			withUser(redis, leastRights...)
			var log logged
			counted := tally.New()
			s, told := watching(t, "redis://wxproxy:"+canaryPassword+"@"+redis.Addr, loggingTo(&log), func(c *Config) { c.Tally = counted })
			mustSave(t, s, fetched("token-1", time.Now()))
			redis.MustDo(append([]any{"ACL", "SETUSER", "wxproxy"}, row.breaks...)...)
			redis.MustDo("CLIENT", "KILL", "USER", "wxproxy")
			for range 3 { // as flights do
				s.Load(wx1)
				s.Save(wx1, fetched("token-1", time.Now()))
				if release, err := s.Lease(wx1); err == nil {
					release()
				}
				time.Sleep(away + 10*time.Millisecond)
			}
			eventually(t, "warning", func() bool { return strings.Contains(log.String(), "Redis is of no use") })
			since, looks, failed := counted.Condition().Since, told.count(), counted.Counts()[tally.Load].Errors
			time.Sleep(3 * watchBeat)
			if now := counted.Condition(); now.Up || !now.Since.Equal(since) || strings.Count(log.String(), "Redis is of no use") != 1 || strings.Contains(log.String(), "works again") {
				t.Errorf("got %+v since %v and %s; want it of no use all the time", now, since, log.String())
			}
			if n := counted.Counts()[tally.Load].Errors - failed; n > 6 || told.count() > looks+1 {
				t.Errorf("got %d failed loads and %d looks in 9 s; want one try in two seconds", n, told.count()-looks)
			}
			redis.MustDo(append([]any{"ACL", "SETUSER", "wxproxy"}, row.mends...)...)
			eventually(t, "end of it", func() bool { return counted.Condition().Up })
			if strings.Count(log.String(), "Redis works again") != 1 {
				t.Errorf("got %s; want the end said once", log.String())
			}
			if _, err := s.Save(wx1, fetched("token-2", time.Now())); err != nil {
				t.Errorf("got %v; want it stored", err)
			}
			if left := redis.MustDo("KEYS", "wxproxy:.try*").([]any); len(left) > 0 {
				t.Errorf("got %v; want nothing left of what was tried", left)
			}
		})
	}
}
