package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	redislib "github.com/redis/go-redis/v9"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/seal"
)

// patience is how long tests wait for what is to happen soon.
const patience = 20 * time.Second

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// openRedis returns the store at url, closed when the test ends.
func openRedis(t testing.TB, url string, with ...func(*Config)) *Store {
	t.Helper()
	c := Config{URL: secret.New(url), KeyPrefix: "wxproxy"}
	for _, change := range with {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// loggingTo has a store log to l.
func loggingTo(l *logged) func(*Config) {
	return func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// eventually waits until what is wanted is true.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("got no %s within %v", what, patience)
		}
	}
}

// wx1 is the account of most tests, and wx1Key the name of its record.
var wx1 = token.Key{AppID: "wx1"}

const wx1Key = "wxproxy:wx1:token"

// fetched returns a record of a token that was asked for at some time.
func fetched(value string, at time.Time) token.Record {
	return token.Record{Token: token.Token{Value: secret.New(value), Expires: at.Add(2 * time.Hour)}, Notice: token.Notice{FetchedAt: at, Next: at.Add(time.Hour)}}
}

func mustSave(t testing.TB, s *Store, r token.Record) token.Record {
	t.Helper()
	stored, err := s.Save(wx1, r)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// wantStored fails the test unless that token is stored.
func wantStored(t testing.TB, s *Store, want string) token.Record {
	t.Helper()
	got, err := s.Load(wx1)
	if err != nil || got.Token.Value.Reveal() != want {
		t.Errorf("got %q, %v; want %q", got.Token.Value.Reveal(), err, want)
	}
	return got
}

func wantClose(t testing.TB, what string, got, want time.Time) {
	t.Helper()
	const tolerance = 1500 * time.Millisecond // seconds are cut off, and machines are busy
	if off := got.Sub(want); off.Abs() > tolerance || got.IsZero() != want.IsZero() {
		t.Errorf("%s: got %v; want %v", what, got, want)
	}
}

func TestRedisReturnsAllThatWasSaved(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	now := time.Now()
	for name, key := range map[string]secret.Secret{"in the clear": {}, "encrypted": secret.New(strings.Repeat("k", 32))} {
		for _, k := range []token.Key{wx1, {AppID: "wx1", Ticket: "jsapi"}} {
			t.Run(name+" "+path(k), func(t *testing.T) {
				redis.MustDo("FLUSHALL")
				with := func(c *Config) { c.Key = key }
				writer, reader := openRedis(t, "redis://"+redis.Addr, with), openRedis(t, "redis://"+redis.Addr+"/0", with)
				if _, err := reader.Load(k); !errors.Is(err, token.ErrNotStored) {
					t.Errorf("nothing saved: got %v; want ErrNotStored", err)
				}
				want := token.Record{
					Token:   token.Token{Value: secret.New("canary"), Expires: now.Add(2 * time.Hour)},
					Durable: token.Durable{Spent: token.Spent{Day: token.BeijingDay(now), Fetches: 3, Forced: 2, ForcedAt: now.Add(-time.Minute), RotatedAt: now.Add(-time.Hour)}},
					Notice: token.Notice{
						FetchedAt: now.Add(-time.Second), TrustedUntil: now.Add(30 * time.Second), Next: now.Add(time.Hour),
						Refusal: &token.Refusal{Code: -1, Reason: "系统繁忙 system error", Ticket: k.Ticket != ""}, Failures: 4, Added: token.Spent{Fetches: 3, Forced: 2},
					},
				}
				saved, err := writer.Save(k, want)
				if err != nil || saved.Notice.Generation != 1 || saved.Token != want.Token {
					t.Fatalf("got %+v, %v; want the first generation of what was saved", saved, err)
				}
				got, err := reader.Load(k)
				if err != nil {
					t.Fatal(err)
				}
				if !got.Token.Value.Equal("canary") || got.Notice.Generation != 1 || got.Notice.Failures != 4 || *got.Notice.Refusal != *want.Notice.Refusal {
					t.Errorf("got %+v; want %+v", got, want)
				}
				if s := got.Spent; s.Day != want.Spent.Day || s.Fetches != 3 || s.Forced != 2 {
					t.Errorf("got %+v; want %+v", s, want.Spent)
				}
				for what, times := range map[string][2]time.Time{
					"Expires": {got.Token.Expires, want.Token.Expires}, "FetchedAt": {got.Notice.FetchedAt, want.Notice.FetchedAt},
					"Stands": {got.Notice.TrustedUntil, want.Notice.TrustedUntil}, "Next": {got.Notice.Next, want.Notice.Next},
					"ForcedAt": {got.Spent.ForcedAt, want.Spent.ForcedAt}, "RotatedAt": {got.Spent.RotatedAt, want.Spent.RotatedAt},
				} {
					wantClose(t, what, times[0], times[1])
				}
				if key.Empty() != strings.Contains(fmt.Sprint(redis.MustDo("HGETALL", reader.name(k))), "canary") {
					t.Error("got a token in the clear although there is a key, or the opposite")
				}
			})
		}
	}
}

func TestWhatWasSpentIsStoredAgainOnce(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	today := token.BeijingDay(time.Now())
	var knows token.Record
	for i := range 3 { // replicas that know of five fetches, and each of one more
		s := openRedis(t, "redis://"+redis.Addr)
		knows = fetched("token-1", time.Now())
		knows.Spent = token.Spent{Day: today, Fetches: 6, Forced: 2}
		knows.Notice.Added = token.Spent{Day: today, Fetches: 1}
		knows.Notice.Generation = int64(i)
		mustSave(t, s, knows)
		if got, want := redis.MustDo("HMGET", wx1Key, "fetches", "forced"), fmt.Sprint([]any{fmt.Sprint(6 + i), "2"}); fmt.Sprint(got) != want {
			t.Errorf("replica %d: got %v; want %v", i, got, want)
		}
	}
	knows.Spent.Day--
	knows.Notice.Added = token.Spent{}
	redis.MustDo("FLUSHALL")
	mustSave(t, openRedis(t, "redis://"+redis.Addr), knows)
	if got := redis.MustDo("HGET", wx1Key, "fetches"); got != "0" {
		t.Errorf("got %v; want yesterday's fetches not to count", got)
	}
}

func TestATokenOutOfRedisLivesNoLongerThanWeChatsDo(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	writer, reader := openRedis(t, "redis://"+redis.Addr), openRedis(t, "redis://"+redis.Addr)
	r := fetched("token-1", time.Now())
	r.Token.Expires, r.Notice.Next = time.Now().Add(270*time.Minute), time.Now().Add(265*time.Minute) // as if the clock had been set back
	mustSave(t, writer, r)
	got := wantStored(t, reader, "token-1")
	wantClose(t, "Expires", got.Token.Expires, time.Now().Add(2*time.Hour))
	wantClose(t, "Next", got.Notice.Next, time.Now().Add(115*time.Minute))
}

func TestRedisKeepsNothingForEver(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr)
	mustSave(t, s, fetched("token-1", time.Now()))
	if left := redis.MustDo("PTTL", wx1Key).(int64); left < recordLife.Milliseconds()-60_000 || left > recordLife.Milliseconds() {
		t.Errorf("got %d ms; want %v", left, recordLife)
	}
	gone := fetched("token-2", time.Now().Add(5*time.Millisecond)) // later, and by Redis's clock as well
	gone.Token.Expires = time.Now().Add(-time.Second)
	mustSave(t, s, gone)
	if got := wantStored(t, s, ""); got.Notice.Generation != 2 {
		t.Errorf("got %+v; want what is known besides the expired token", got)
	}
}

func TestRedisKeepsTheDurablePartAsLongAsItLives(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s, r := openRedis(t, "redis://"+redis.Addr), fetched("token", time.Now())
	const life = 1000 * 24 * time.Hour
	r.Until = time.Now().Add(life)
	mustSave(t, s, r)
	if left := redis.MustDo("PTTL", wx1Key).(int64); left < life.Milliseconds()-60_000 || left > life.Milliseconds() {
		t.Errorf("got %d ms; want %v", left, life)
	}
}

func TestALateWriterOverwritesNothingNewer(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	a, b := openRedis(t, "redis://"+redis.Addr), openRedis(t, "redis://"+redis.Addr)
	now := time.Now()
	first := mustSave(t, a, fetched("token-1", now.Add(-time.Minute)))
	newer := fetched("token-3", now)
	newer.Notice.Generation = first.Notice.Generation
	if got := mustSave(t, b, newer); got.Notice.Generation != 2 {
		t.Errorf("got generation %d; want 2", got.Notice.Generation)
	}

	late := fetched("token-2", now.Add(-30*time.Second)) // by one who knows generation 1
	late.Notice.Generation, late.Notice.Added = first.Notice.Generation, token.Spent{Fetches: 1}
	got := mustSave(t, a, late)
	if !got.Token.Value.Equal("token-3") || got.Notice.Generation != 2 || got.Spent.Fetches != 1 {
		t.Errorf("got %q of generation %d, %+v; want the newer one, and the fetch counted", got.Token.Value.Reveal(), got.Notice.Generation, got.Spent)
	}
	wantStored(t, b, "token-3")

	stranger := fetched("token-4", now.Add(time.Second/2)) // newer, by one who knows nothing
	if got := mustSave(t, openRedis(t, "redis://"+redis.Addr), stranger); got.Notice.Generation != 3 || !got.Token.Value.Equal("token-4") {
		t.Errorf("got %+v; want it written", got.Notice)
	}
}

func TestGenerationsRiseThroughEverything(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr)
	r := fetched("token-1", time.Now())
	for want := int64(1); want < 4; want++ {
		if r = mustSave(t, s, r); r.Notice.Generation != want {
			t.Errorf("got generation %d; want %d", r.Notice.Generation, want)
		}
	}
	redis.MustDo("FLUSHALL")
	if r = mustSave(t, s, r); r.Notice.Generation != 4 {
		t.Errorf("empty: got generation %d; want 4", r.Notice.Generation)
	}
	redis.MustDo("HSET", wx1Key, "generation", 2, "fetched_at", 1) // old data
	if r = mustSave(t, s, r); r.Notice.Generation != 5 {
		t.Errorf("old data: got generation %d; want 5", r.Notice.Generation)
	}
}

func TestWhatReplicasSpendAddsUp(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	a, b := openRedis(t, "redis://"+redis.Addr), openRedis(t, "redis://"+redis.Addr)
	var wg sync.WaitGroup
	for _, s := range []*Store{a, b} {
		wg.Go(func() {
			for range 20 {
				r := fetched("token", time.Now()) // written or not
				r.Notice.Added = token.Spent{Fetches: 1, Forced: 2}
				if _, err := s.Save(wx1, r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := wantStored(t, a, "token"); got.Spent.Fetches != 40 || got.Spent.Forced != 80 {
		t.Errorf("got %+v; want 40 and 80", got.Spent)
	}
	redis.MustDo("HSET", wx1Key, "day", token.BeijingDay(time.Now())-1)
	if got := wantStored(t, a, "token"); got.Spent.Fetches != 0 || got.Spent.Forced != 0 {
		t.Errorf("the next day: got %+v; want nothing", got.Spent)
	}
	r := fetched("token", time.Now())
	r.Notice.Added = token.Spent{Fetches: 1}
	if got := mustSave(t, a, r); got.Spent.Fetches != 1 || got.Spent.Forced != 0 {
		t.Errorf("the next day: got %+v; want what was spent since", got.Spent)
	}
}

func TestASaveThatReachesRedisLateWritesNothing(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr)
	known := mustSave(t, s, fetched("token-1", time.Now()))
	redis.Pause()
	late := fetched("token-2", time.Now())
	late.Notice.Generation = known.Notice.Generation
	began := time.Now()
	if _, err := s.Save(wx1, late); !errors.Is(err, token.ErrAway) {
		t.Errorf("got %v; want ErrAway", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("got an answer after %v; want it at once", took)
	}
	time.Sleep(1100 * time.Millisecond) // until its time is over
	redis.Resume()
	eventually(t, "Redis", func() bool { _, err := s.Load(wx1); return err == nil })
	if got := wantStored(t, s, "token-1"); got.Notice.Generation != known.Notice.Generation {
		t.Errorf("got generation %d; want %d", got.Notice.Generation, known.Notice.Generation)
	}
}

func TestNobodyAsksARedisThatIsAwayByTurns(t *testing.T) {
	t.Parallel()
	var log logged
	redis := redistest.Start(t)
	s := openRedis(t, "redis://:canaryQ7@"+redis.Addr, loggingTo(&log))
	redis.Stop()
	if _, err := s.Load(wx1); !errors.Is(err, token.ErrAway) {
		t.Fatalf("got %v; want ErrAway", err)
	}
	began := time.Now()
	for range 1000 {
		if _, err := s.Lease(wx1); err == nil || errors.Is(err, token.ErrLeased) {
			t.Fatalf("got %v; want ErrAway", err)
		}
		if time.Since(began) > away/2 {
			break // slow enough for Redis to be asked again
		}
	}
	if text := log.String(); strings.Count(text, "Redis is of no use") != 1 || !strings.Contains(text, "have Redis run") {
		t.Errorf("got %s; want one warning", text)
	}
}

func TestAClockOfRedisThatJumpsIsFollowed(t *testing.T) {
	t.Parallel()
	library := filepath.Join(t.TempDir(), "shift.so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", library, "../../../testdata/clock/shift.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	redis := redistest.Start(t, "LD_PRELOAD="+library, "CLOCK_SHIFT=0")
	s := openRedis(t, "redis://"+redis.Addr)
	mustSave(t, s, fetched("token-0", time.Now()))
	for i, shift := range []int{3600, -3600, 86400} { // an hour ahead, two back, far ahead
		redis.MustDo("SAVE")
		redis.Stop()
		redis.Setenv("CLOCK_SHIFT", strconv.Itoa(shift))
		redis.Start()
		value := fmt.Sprint("token-", i+1)
		now := time.Now()
		eventually(t, "Redis", func() bool { _, err := s.Save(wx1, fetched(value, now)); return err == nil })
		got := wantStored(t, s, value)
		wantClose(t, "Expires", got.Token.Expires, now.Add(2*time.Hour))
		wantClose(t, "FetchedAt", got.Notice.FetchedAt, now)
		stored, _ := strconv.ParseInt(redis.MustDo("HGET", wx1Key, "expires_at").(string), 10, 64)
		wantClose(t, "expires_at", time.Unix(stored, 0), now.Add(2*time.Hour+time.Duration(shift)*time.Second))
		other := openRedis(t, "redis://"+redis.Addr)
		if got := mustSave(t, other, fetched(value+"x", now.Add(time.Second))); !got.Token.Value.Equal(value + "x") {
			t.Errorf("shift %d s: got %q; want what another one saved", shift, got.Token.Value.Reveal())
		}
	}
}

func TestARedisWhoseClockRunsWildIsAway(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr)
	script := strings.Replace(saveScript, "math.abs(now - ARGV[1]) > 1000", "true", 1)
	s.save = redislib.NewScript(script)
	if _, err := s.Save(wx1, fetched("token", time.Now())); !errors.Is(err, token.ErrAway) || !strings.Contains(err.Error(), "its clock jumps") {
		t.Errorf("got %v; want ErrAway", err)
	}
}

func TestARecordIsDamaged(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	now := time.Now()
	ms := strconv.FormatInt(now.UnixMilli(), 10)
	good := map[string]any{
		"access_token": "token-1", "expires_at": now.Add(time.Hour).Unix(), "generation": 7, "fetched_at": ms,
		"stands_until": 0, "next_at": ms, "errcode": 0, "errmsg": "", "failures": 0, "day": token.BeijingDay(now), "fetches": 1, "forced": 1,
	}
	const huge = "999999999999999999999999"
	type fields = map[string]any
	for _, test := range []struct {
		name    string
		damage  fields
		want    string // the token, if it can be used
		damaged bool
	}{
		{"not at all", nil, "token-1", false},
		{"nothing but a stranger's field", fields{"x": "y"}, "token-1", false},
		{"line breaks in the token", fields{"access_token": "canary\r\nX: y"}, "", true},
		{"no UTF-8 in the token", fields{"access_token": "canary\xff\xfe"}, "", true},
		{"an encrypted token", fields{"access_token": "aes256gcm:AAAA"}, "", true},
		{"a token without expiry", fields{"expires_at": ""}, "", true},
		{"an expiry of words", fields{"expires_at": "tomorrow"}, "", true},
		{"a negative expiry", fields{"expires_at": -1}, "", true},
		{"a huge expiry", fields{"expires_at": huge}, "", true},
		{"an expiry without a token", fields{"access_token": ""}, "", true},
		{"an expiry that overflows", fields{"expires_at": int64(math.MaxInt64 / 2)}, "", true},
		{"an expiry in milliseconds", fields{"expires_at": ms}, "", true},
		{"an expiry in a year", fields{"expires_at": now.AddDate(1, 0, 0).Unix()}, "", true},
		{"a plan for the next year", fields{"next_at": now.AddDate(1, 0, 0).UnixMilli()}, "", true},
		{"a word that stands for a year", fields{"stands_until": now.AddDate(1, 0, 0).UnixMilli()}, "", true},
		{"a fetch in the next year", fields{"fetched_at": now.AddDate(1, 0, 0).UnixMilli()}, "token-1", false},
		{"a fetch of NaN", fields{"fetched_at": "nan"}, "token-1", false},
		{"a generation of NaN", fields{"generation": "nan"}, "token-1", false},
		{"a generation of inf", fields{"generation": "inf"}, "token-1", false},
		{"a negative generation", fields{"generation": -5}, "token-1", false},
		{"a huge generation", fields{"generation": huge}, "token-1", false},
		{"half a generation", fields{"generation": "1.5"}, "token-1", false},
		{"counts of nonsense", fields{"fetches": "1e300", "forced": "-7", "failures": "-1", "day": "today"}, "token-1", false},
		{"times of nonsense", fields{"next_at": "-1", "stands_until": "0x10", "forced_at": huge, "rotated_at": "soon", "errcode": huge}, "token-1", false},
		{"an errmsg of rubbish", fields{"errcode": "40013", "errmsg": "\x1b[31m\xff" + strings.Repeat("x", 10_000)}, "token-1", false},
		{"all fields empty", fields{"access_token": "", "expires_at": "", "generation": "", "fetched_at": "", "next_at": ""}, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			redis.MustDo("FLUSHALL")
			damaged := maps.Clone(good)
			maps.Copy(damaged, test.damage)
			command := []any{"HSET", wx1Key}
			for field, value := range damaged {
				command = append(command, field, value)
			}
			redis.MustDo(command...)

			s := openRedis(t, "redis://"+redis.Addr)
			got, err := s.Load(wx1)
			if got.Token.Value.Reveal() != test.want || (err != nil) != test.damaged {
				t.Errorf("got %q, %v; want %q, damaged %v", got.Token.Value.Reveal(), err, test.want, test.damaged)
			}
			if err != nil && (strings.Contains(err.Error(), "canary") || errors.Is(err, token.ErrAway)) {
				t.Errorf("%v holds the token, or blames Redis", err)
			}
			mustBePlausible(t, got)
			if saved := mustSave(t, s, fetched("token-2", now.Add(time.Second))); !saved.Token.Value.Equal("token-2") || saved.Notice.Generation < 1 {
				t.Errorf("got %q of generation %d; want it replaced", saved.Token.Value.Reveal(), saved.Notice.Generation)
			}
			got = wantStored(t, openRedis(t, "redis://"+redis.Addr), "token-2")
			if again := mustSave(t, s, got); again.Notice.Generation != got.Notice.Generation+1 {
				t.Errorf("got generation %d after %d; want one more", again.Notice.Generation, got.Notice.Generation)
			}
		})
	}
}

// What can be read of a damaged record counts, and that it is damaged is said once.
func TestADamagedRecordIsSaidOnce(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	var log logged
	s := openRedis(t, "redis://"+redis.Addr, loggingTo(&log))
	mustSave(t, s, fetched("token-1", time.Now()))
	lines := 0
	for field, rubbish := range map[string]string{"generation": "nan", "fetches": "-7", "next_at": "", "errcode": "canary"} {
		redis.MustDo("HSET", wx1Key, field, rubbish)
		for range 2 {
			wantStored(t, s, "token-1")
		}
		if lines++; strings.Count(log.String(), "a record in Redis is damaged") != lines || strings.Contains(log.String(), "canary") {
			t.Errorf("%s of %q: got %s; want a line more", field, rubbish, log.String())
		}
		mustSave(t, s, wantStored(t, s, "token-1"))
		wantStored(t, s, "token-1")
	}
	if got := strings.Count(log.String(), "\n"); got != lines {
		t.Errorf("got %d lines in %s; want nothing said of a good record", got, log.String())
	}
}

// mustBePlausible fails the test if a Keeper could be harmed by r.
func mustBePlausible(t testing.TB, r token.Record) {
	t.Helper()
	now := time.Now()
	w := r.Notice
	for what, at := range map[string]time.Time{"Expires": r.Token.Expires, "Next": w.Next, "Stands": w.TrustedUntil} {
		if at.After(now.Add(token.LongestLife)) {
			t.Errorf("%s: got %v; want nothing so far away", what, at)
		}
	}
	if w.FetchedAt.After(now) || w.Generation < 0 || w.Failures < 0 || r.Spent.Fetches < 0 || r.Spent.Forced < 0 {
		t.Errorf("got %+v, %+v; want counts, and no fetch to come", w, r.Spent)
	}
	if w.Refusal != nil && len([]rune(w.Refusal.Reason)) > secret.MaxQuote {
		t.Errorf("got a reason of %d characters", len(w.Refusal.Reason))
	}
}

func TestAKeyOfAnotherTypeIsReplacedAndDisturbsNoOther(t *testing.T) {
	t.Parallel()
	var log logged
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr, loggingTo(&log))
	for name, command := range map[string][]any{
		"a string": {"SET", wx1Key, "x"}, "a list": {"RPUSH", wx1Key, "x"}, "a set": {"SADD", wx1Key, "x"}, "a stream": {"XADD", wx1Key, "*", "a", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			redis.MustDo("FLUSHALL")
			redis.MustDo(command...)
			if _, err := s.Save(token.Key{AppID: "wx2"}, fetched("other", time.Now())); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Load(wx1); !errors.Is(err, token.ErrDamaged) || errors.Is(err, token.ErrAway) {
				t.Errorf("got %v; want it to be damaged", err)
			}
			generations, err := s.generations(context.Background(), []string{"wx1:token", "wx2:token", "wx3:token"})
			if err != nil || fmt.Sprint(generations) != "[0 1 0]" {
				t.Errorf("got %v, %v; want that of the other one", generations, err)
			}
			mustSave(t, s, fetched("token-1", time.Now()))
			wantStored(t, s, "token-1")
		})
	}
	if text := log.String(); text != "" {
		t.Errorf("got %s; want Redis to be blamed for nothing", text)
	}
}

func TestScriptsThatRedisForgotAreSentAgain(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr)
	for range 2 {
		mustSave(t, s, fetched("token", time.Now()))
		wantStored(t, s, "token")
		redis.MustDo("SCRIPT", "FLUSH")
	}
}

func TestWhatRedisRefusesIsSaidInWords(t *testing.T) {
	t.Parallel()
	secure := newAuthority(t)
	plain, locked, readOnly := redistest.Start(t), redistest.Start(t, "--requirepass", canaryPassword), redistest.Start(t, "--replicaof", "127.0.0.1 1")
	full, stuck := redistest.Start(t, "--maxmemory", "1"), redistest.Start(t)
	stuck.MustDo("ACL", "SETUSER", "weak", "on", ">"+canaryPassword, "~*", "&*", "+@all", "-hset")
	withTLS := redistest.StartTLS(t, "--tls-cert-file", secure.path("leaf.pem"), "--tls-key-file", secure.path("leaf.key"), "--tls-ca-cert-file", secure.path("ca.pem"), "--tls-auth-clients", "no")
	for _, test := range []struct{ name, url, want string }{
		{"a wrong password", "redis://:canaryQ7x@" + locked.Addr, "put the right user and password of Redis into token.store, or the file that store_file names, and reload"},
		{"a wrong user", "redis://wx:canaryQ7@" + locked.Addr, "put the right user and password of Redis"},
		{"no password", "redis://" + locked.Addr, "put the right user and password of Redis into token.store"},
		{"a user who may not write", "redis://weak:canaryQ7@" + stuck.Addr, "give the user of token.store the rights that docs/scaling.md lists"},
		{"a replica", "redis://" + readOnly.Addr, "token.store names a replica"},
		{"no memory", "redis://" + full.Addr, "Redis is full"},
		{"no cluster", "redis://" + plain.Addr + "?cluster=true", "remove cluster=true"},
		{"no such database", "redis://" + plain.Addr + "/77", "Redis has no database of that number"},
		{"an unknown authority", "rediss://" + withTLS.Addr, "name the authority that signed"},
		{"another name", "rediss://" + withTLS.Addr + "?server_name=outside&ca_file=" + secure.path("ca.pem"), "the name in it with server_name"},
		{"no TLS there", "rediss://" + plain.Addr, "have Redis run"},
		{"nobody", "redis://127.0.0.1:1", "have Redis run"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log logged
			s := openRedis(t, test.url, loggingTo(&log))
			var err error
			eventually(t, "line in the log: "+test.want, func() bool { // a busy machine may shake hands too slowly at first
				if _, err = s.Save(wx1, fetched("canaryToken", time.Now())); !errors.Is(err, token.ErrAway) {
					t.Fatalf("got %v; want ErrAway", err)
				}
				return strings.Contains(log.String(), test.want)
			})
			text := log.String()
			if strings.Contains(text+fmt.Sprint(err), "canary") {
				t.Errorf("got %s, %v; want no secret", text, err)
			}
		})
	}
}

func TestAnotherTroubleOfRedisIsSaidToo(t *testing.T) {
	t.Parallel()
	var log logged
	redis := redistest.Start(t)
	s := openRedis(t, "redis://"+redis.Addr, loggingTo(&log))
	mustSave(t, s, fetched("token", time.Now()))
	redis.Stop()
	eventually(t, "error", func() bool { _, err := s.Load(wx1); return err != nil })
	redis.Start()
	redis.MustDo("CONFIG", "SET", "maxmemory", "1")
	eventually(t, "word of the memory", func() bool {
		s.Save(wx1, fetched("token", time.Now()))
		return strings.Contains(log.String(), "Redis is full")
	})
	eventually(t, "answer", func() bool { _, err := s.Load(wx1); return !errors.Is(err, token.ErrAway) }) // which is no reason to call it well
	redis.MustDo("CONFIG", "SET", "maxmemory", "0")
	eventually(t, "end of it", func() bool { _, err := s.Save(wx1, fetched("token", time.Now())); return err == nil })
	if text := log.String(); strings.Count(text, "Redis works again") != 1 {
		t.Errorf("got %s; want the end said once", text)
	}
}

func FuzzRedisAnswer(f *testing.F) {
	sealer, err := seal.New(secret.New(strings.Repeat("k", 32)), secret.Secret{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(int64(1), "1700000000000", "access_token", "token", "expires_at", "1700003600")
	f.Add(int64(0), "0", "generation", "-1", "next_at", "99999999999999")
	f.Add(int64(-1), "x", "errcode", "40013", "errmsg", "\xff\r\n")
	f.Add(int64(-2), "0", "errcode", "0", "errmsg", "0") // a record of a later version
	f.Add(int64(1), "1700000000000", "failures", "-9223372036854775808", "fetched_at", "8796093022208")
	f.Fuzz(func(t *testing.T, outcome int64, clock, name1, value1, name2, value2 string) {
		for _, raw := range [][]any{
			nil, {outcome}, {clock, outcome, nil, ""}, {outcome, clock, []any{name1}, ""}, {outcome, outcome, []any{}, ""}, {outcome, clock, []any{}, nil},
			{outcome, clock, []any{name1, value1, name2, value2}, name1}, {outcome, clock, []any{name1, outcome, nil, value2}, ""},
		} {
			answer, err := readScriptAnswer(raw)
			if err != nil {
				continue
			}
			now := time.Now()
			for _, sealer := range []*seal.Sealer{nil, sealer} {
				s := &Store{prefix: "p", began: now, log: slog.New(slog.DiscardHandler)}
				s.link.Store(&link{seal: sealer})
				s.setClock(now, answer.now)
				r, err := s.record(wx1, answer)
				if err != nil && (strings.Contains(err.Error(), "CANARY") || !r.Token.Value.Empty()) {
					t.Errorf("got %v", err)
				}
				mustBePlausible(t, r)
			}
		}
	})
}
