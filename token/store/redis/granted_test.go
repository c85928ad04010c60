package redis

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/token"
)

const component, ofShopKey = "wxcomponent0000000", "wxproxy:wxcomponent0000000:wxshop:token"

var ofShop = token.Key{Platform: component, AppID: "wxshop"}

func mustGrant(t testing.TB, s *Store, key token.Key, refresh string) token.Record {
	t.Helper()
	r, err := s.Amend(key, func(r *token.Record) bool {
		r.Refresh, r.RefreshBefore, r.Ticket = secret.New(refresh), secret.New(refresh+"-before"), secret.New(refresh+"-ticket")
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantRefresh(t testing.TB, s *Store, key token.Key, want string) {
	t.Helper()
	if r, err := s.Load(key); err != nil || !r.Refresh.Equal(want) {
		t.Errorf("got %q, %v; want %q", r.Refresh.Reveal(), err, want)
	}
}

// A refresh token has no end that Redis knows, whoever writes the record first and last.
func TestWhatIsGrantedDoesNotExpire(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openRedis(t, "redis://"+server.Addr)
	life := func() int64 { return server.MustDo("PTTL", ofShopKey).(int64) }
	save := func() {
		if _, err := s.Save(ofShop, fetched("token", time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	save()
	if life() <= 0 {
		t.Errorf("got a life of %d; a token alone ends", life())
	}
	mustGrant(t, s, ofShop, "canary")
	save()
	if life() != -1 {
		t.Errorf("got a life of %d; want none", life())
	}
	if got := server.MustDo("HGET", ofShopKey, "refresh_token"); got != "canary" {
		t.Errorf("got refresh_token %v in the hash; want it", got)
	}
	if err := s.Remove(ofShop); err != nil || held(server, ofShopKey) != "map[]" && held(server, ofShopKey) != "[]" {
		t.Errorf("got %v, %s; want it gone", err, held(server, ofShopKey))
	}
}

func TestWhatIsGrantedIsEncrypted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	right, wrong := secret.New(strings.Repeat("r", 32)), secret.New(strings.Repeat("w", 32))
	with := func(key secret.Secret) *Store {
		return openRedis(t, "redis://"+server.Addr, func(c *Config) { c.Key = key })
	}
	s := with(right)
	mustGrant(t, s, ofShop, "canary")
	if text := held(server, ofShopKey); strings.Contains(text, "canary") {
		t.Errorf("got %s", text)
	}
	for name, other := range map[string]*Store{"another key": with(wrong), "no key": with(secret.Secret{})} {
		if r, err := other.Load(ofShop); err == nil || errors.Is(err, token.ErrNotStored) || r.HasGrants() {
			t.Errorf("%s: got %v", name, err)
		}
		if err := other.Each(component, func(_ token.Key, r token.Record, unreadable error) error {
			if unreadable == nil || r.HasGrants() {
				t.Errorf("%s: got %+v", name, r)
			}
			return nil
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := other.Save(ofShop, fetched("token", time.Now())); err == nil {
			t.Errorf("%s: got no word of the key", name)
		}
		wantRefresh(t, s, ofShop, "canary")
	}
	mustGrant(t, with(wrong), ofShop, "anew")
	wantRefresh(t, with(wrong), ofShop, "anew")
}

func TestAFirstKeyAndANewOneEncryptWhatIsGranted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	first, second := secret.New(strings.Repeat("1", 32)), secret.New(strings.Repeat("2", 32))
	with := func(key, old secret.Secret) *Store {
		return openRedis(t, "redis://"+server.Addr, func(c *Config) { c.Key, c.OldKey = key, old })
	}
	mustGrant(t, with(secret.Secret{}, secret.Secret{}), ofShop, "canary")
	for i, s := range []*Store{with(first, secret.Secret{}), with(second, first)} {
		wantRefresh(t, s, ofShop, "canary")
		if _, err := s.Save(ofShop, fetched("token", time.Now().Add(time.Duration(i)*time.Second))); err != nil {
			t.Fatal(err)
		}
		if text := held(server, ofShopKey); strings.Contains(text, "canary") {
			t.Errorf("got %s; want it encrypted", text)
		}
	}
	wantRefresh(t, with(second, secret.Secret{}), ofShop, "canary")
}

func TestARecordOfALaterVersionIsNotAmended(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openRedis(t, "redis://"+server.Addr)
	mustGrant(t, s, ofShop, "canary")
	server.MustDo("HSET", ofShopKey, "version", "2")
	before := held(server, ofShopKey)
	if _, err := s.Amend(ofShop, func(*token.Record) bool { return true }); !errors.Is(err, token.ErrNewer) || held(server, ofShopKey) != before {
		t.Errorf("got %v, %s; want it left alone", err, held(server, ofShopKey))
	}
	server.MustDo("HSET", ofShopKey, "version", "1")
	if _, err := s.Amend(ofShop, func(r *token.Record) bool { // and if it comes meanwhile
		server.MustDo("HSET", ofShopKey, "version", "2")
		return true
	}); !errors.Is(err, token.ErrNewer) {
		t.Errorf("got %v; want ErrNewer", err)
	}
}

func TestAKeyOfAnotherTypeIsReplacedByWhatIsGranted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openRedis(t, "redis://"+server.Addr)
	server.MustDo("SET", ofShopKey, "of another type")
	found := 0
	if err := s.Each(component, func(_ token.Key, _ token.Record, unreadable error) error {
		if found++; !errors.Is(unreadable, token.ErrDamaged) {
			t.Errorf("got %v; want ErrDamaged", unreadable)
		}
		return nil
	}); err != nil || found != 1 {
		t.Errorf("got %d, %v", found, err)
	}
	mustGrant(t, s, ofShop, "canary")
	for field, strange := range map[string]string{"state": "strange", "refresh_token": "two words"} {
		server.MustDo("HSET", ofShopKey, field, strange)
		if r, err := s.Load(ofShop); !errors.Is(err, token.ErrDamaged) || r.HasGrants() {
			t.Errorf("%s: got %v; want ErrDamaged", field, err)
		}
		mustGrant(t, s, ofShop, "canary")
		wantRefresh(t, s, ofShop, "canary")
	}
}

// In no order, and of this platform alone, whatever its names look like to Redis.
func TestAPlatformsRecordsAreListed(t *testing.T) {
	t.Parallel()
	const many = 3*listBatch + 7
	server := redistest.Start(t)
	s := openRedis(t, "redis://"+server.Addr, func(c *Config) { c.KeyPrefix = `a*[b]?\` })
	other := openRedis(t, "redis://"+server.Addr, func(c *Config) { c.KeyPrefix = `aXb?\` })
	mustGrant(t, other, ofShop, "of-another-prefix")
	for i := range many {
		mustGrant(t, s, token.Key{Platform: component, AppID: fmt.Sprint("wx", i)}, fmt.Sprint("r", i))
		server.MustDo("SET", fmt.Sprint("noise", i), "x")
	}
	mustBeListed(t, s, many)
}

func mustBeListed(t testing.TB, s *Store, many int) {
	t.Helper()
	found := map[string]bool{}
	err := s.Each(component, func(key token.Key, r token.Record, unreadable error) error {
		if unreadable != nil || !r.Refresh.Equal("r"+strings.TrimPrefix(key.AppID, "wx")) {
			t.Errorf("%v: got %+v, %v", key, r, unreadable)
		}
		found[key.AppID] = true
		return nil
	})
	if err != nil || len(found) != many {
		t.Errorf("got %d, %v; want %d", len(found), err, many)
	}
}

func TestAPlatformsRecordsAreInACluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t)
	s := openRedis(t, "redis://"+nodes[0].Addr+"?cluster=true")
	const many = 40
	for i := range many {
		mustGrant(t, s, token.Key{Platform: component, AppID: fmt.Sprint("wx", i)}, fmt.Sprint("r", i))
	}
	mustBeListed(t, s, many)
}

func TestTheRightsForAPlatform(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rights := append(append([]any{}, leastRights...), "+scan", "+persist")
	withUser(server, rights...)
	s := openRedis(t, "redis://wxproxy:canaryQ7@"+server.Addr)
	mustGrant(t, s, token.Key{Platform: component, AppID: "wx1"}, "r1")
	mustBeListed(t, s, 1)
	if denied := server.MustDo("ACL", "LOG").([]any); len(denied) > 0 {
		t.Errorf("got %v; want nothing refused", denied)
	}
	withUser(server, leastRights...)
	if _, err := s.Amend(ofShop, func(*token.Record) bool { return true }); !errors.Is(err, token.ErrAway) {
		t.Errorf("without +persist: got %v; want ErrAway", err)
	}
}

// told is what a follower is told.
type told struct {
	mu   sync.Mutex // guards keys
	keys []token.Key
}

func (f *told) look(key token.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = append(f.keys, key)
}

func (f *told) count(key token.Key) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.keys {
		if k == key {
			n++
		}
	}
	return n
}

func TestWhoFollowsIsToldThatSomethingMayBeMissed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := openRedis(t, "redis://"+server.Addr), openRedis(t, "redis://"+server.Addr)
	var f told
	end := b.Follow(component, f.look)
	b.Start()
	mustBeListed(t, b, 0)
	mustGrant(t, a, ofShop, "canary")
	eventually(t, "word of it", func() bool { return f.count(ofShop) == 1 })
	if _, err := a.Save(token.Key{Platform: component, AppID: "wxshop", Ticket: "jsapi"}, fetched("ticket", time.Now())); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Save(wx1, fetched("token", time.Now())); err != nil {
		t.Fatal(err)
	}
	eventually(t, "mark", func() bool { return server.MustDo("EXISTS", b.markName()) == int64(1) })
	time.Sleep(watchBeat + time.Second) // it is known
	server.MustDo("FLUSHALL")
	eventually(t, "word of the loss", func() bool { return f.count(token.Key{}) > 0 })
	end()
	before := len(f.keys)
	mustGrant(t, a, ofShop, "anew")
	if f.count(ofShop) > 1 || len(f.keys) > before+1 {
		t.Errorf("got %v; want nothing after the end", f.keys)
	}
}

// What another replica has stored meanwhile is what is changed.
func TestAChangeIsMadeToWhatOthersHaveStored(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := openRedis(t, "redis://"+server.Addr), openRedis(t, "redis://"+server.Addr)
	mustGrant(t, a, ofShop, "first")
	calls := 0
	r, err := a.Amend(ofShop, func(r *token.Record) bool {
		if calls++; calls == 1 {
			mustGrant(t, b, ofShop, "second")
		}
		r.Refresh = secret.New(r.Refresh.Reveal() + "+")
		return true
	})
	if err != nil || calls != 2 || !r.Refresh.Equal("second+") || !r.RefreshBefore.Equal("second-before") {
		t.Errorf("got %q after %d calls, %v; want both changes", r.Refresh.Reveal(), calls, err)
	}
}

// An amended token is not asked for again by the others as soon as they hear of it.
func TestAnAmendedTokenHasAPlan(t *testing.T) {
	t.Parallel()
	s := openRedis(t, "redis://"+redistest.Start(t).Addr)
	failing := fetched("token", time.Now().Add(-time.Minute))
	failing.Notice.Refusal, failing.Notice.Failures = &token.Refusal{Code: 61023}, 3
	if _, err := s.Save(ofShop, failing); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	r, err := s.Amend(ofShop, func(r *token.Record) bool {
		r.Token, r.Notice.FetchedAt = token.Token{Value: secret.New("redeemed"), Expires: now.Add(2 * time.Hour)}, now
		return true
	})
	if err != nil || !r.Token.Value.Equal("redeemed") || r.Notice.Refusal != nil || r.Notice.Failures != 0 {
		t.Errorf("got %+v, %v; want the token, and no failure", r, err)
	}
	if due := r.Notice.Next.Sub(now); due < 100*time.Minute || due > 2*time.Hour {
		t.Errorf("the next fetch is due in %v; want it before the token's end", due)
	}
}

// What is known of a secret is read as it was written, and of anything else nothing is.
func FuzzTrial(f *testing.F) {
	f.Add(1, 40001, int64(1764400000), false, true, "0f1e2d")
	f.Add(0, 45009, int64(1764400000), true, false, "")
	f.Add(-1, 0, int64(-5), false, false, "a b")
	f.Fuzz(func(t *testing.T, refusals, errcode int, until int64, resting, worked bool, hash string) {
		want := token.Trial{Refusals: refusals, Errcode: errcode, Until: fromUnix(until), Resting: resting, Worked: worked, Secret: hash}
		text := trialText(want)
		got := readTrial(text)
		isHash := !strings.ContainsFunc(hash, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
		if isHash && refusals >= 0 && until >= 0 && until <= largest/1000 && !got.SameTrial(want) {
			t.Errorf("%q: got %+v; want %+v", text, got, want)
		}
		if again := readTrial(trialText(got)); !again.SameTrial(got) {
			t.Errorf("%q: got %+v, and of that %+v", text, got, again)
		}
		for _, odd := range []string{hash, text + "x", "1", "1 2 3", "-1 2 3 true true a"} {
			if got := readTrial(odd); got.Refusals < 0 {
				t.Errorf("%q: got %+v", odd, got)
			}
		}
	})
}
