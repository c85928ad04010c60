package token_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// A hub does what Redis does for replicas, by the same rules as the scripts, in a
// bubble: a real one has no place there.
type hub struct {
	mu      sync.Mutex // guards what follows
	records map[token.Key]token.Record
	leases  map[token.Key]time.Time // until when
	members []*member
	calls   int
	damaged error // why no record can be read, until one is written
}

// A member is a replica's way to the hub.
type member struct {
	hub  *hub
	look map[token.Key]func(int64)
	all  map[string]func(token.Key) // by the platform that is followed
	away bool                       // guarded by hub.mu
	dead bool                       // its leases are never given back
	deaf bool                       // it gets leases, and no record; guarded by hub.mu
}

func newHub() *hub {
	return &hub{records: map[token.Key]token.Record{}, leases: map[token.Key]time.Time{}}
}

func (h *hub) join() *member {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := &member{hub: h, look: map[token.Key]func(int64){}, all: map[string]func(token.Key){}}
	h.members = append(h.members, m)
	return m
}

// reach begins a call of the hub.
func (m *member) reach() error {
	time.Sleep(time.Millisecond)
	m.hub.mu.Lock()
	if m.away {
		m.hub.mu.Unlock()
		time.Sleep(500 * time.Millisecond)
		return fmt.Errorf("%w: a test", token.ErrAway)
	}
	m.hub.calls++
	return nil
}

func (m *member) Load(key token.Key) (token.Record, error) {
	if err := m.reach(); err != nil {
		return token.Record{}, err
	}
	defer m.hub.mu.Unlock()
	if m.deaf {
		return token.Record{}, fmt.Errorf("%w: a test", token.ErrAway)
	}
	if err := m.hub.damaged; err != nil {
		return token.Record{}, err
	}
	r, ok := m.hub.records[key]
	if !ok {
		return token.Record{}, token.ErrNotStored
	}
	if !time.Now().Before(r.Token.Expires) {
		r.Token = token.Token{}
	}
	return r, nil
}

func (m *member) Save(key token.Key, r token.Record) (token.Record, error) {
	if err := m.reach(); err != nil {
		return r, err
	}
	defer m.hub.mu.Unlock()
	if errors.Is(m.hub.damaged, token.ErrDamaged) {
		m.hub.damaged = nil
	}
	stored := m.hub.records[key]
	added := r.Notice.Added
	r.Notice.Added = token.Spent{}
	spent := r.Spent
	if stored.Spent.Day == spent.Day {
		spent.Fetches = max(spent.Fetches-added.Fetches, stored.Spent.Fetches) + added.Fetches
		spent.Forced = max(spent.Forced-added.Forced, stored.Spent.Forced) + added.Forced
	}
	r.Spent = spent
	if stored.Notice.Generation != r.Notice.Generation && !stored.Notice.FetchedAt.Before(r.Notice.FetchedAt) {
		stored.Spent = spent
		m.hub.records[key] = stored
		return stored, nil
	}
	r.Notice.Generation, r.Granted = max(r.Notice.Generation, stored.Notice.Generation)+1, stored.Granted
	m.put(key, r)
	return r, nil
}

// put stores r and tells the others. The caller holds the hub's mutex.
func (m *member) put(key token.Key, r token.Record) {
	m.hub.records[key] = r
	for _, other := range m.hub.members {
		if other == m || other.away {
			continue
		}
		if look := other.look[key]; look != nil {
			go look(r.Notice.Generation)
		}
		if look := other.all[key.Platform]; look != nil && key.Ticket == "" {
			go look(key)
		}
	}
}

func (m *member) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	if err := m.reach(); err != nil {
		return token.Record{}, err
	}
	defer m.hub.mu.Unlock()
	before := m.hub.records[key]
	r := before
	if !time.Now().Before(r.Token.Expires) {
		r.Token = token.Token{}
	}
	if !change(&r) {
		return r, nil
	}
	if !r.Token.Value.Equal(before.Token.Value.Reveal()) {
		r.Notice = token.Notice{FetchedAt: r.Notice.FetchedAt, Next: r.Token.Expires.Add(-token.RotationWindow)}
	}
	r.Notice.Generation = before.Notice.Generation + 1
	m.put(key, r)
	return r, nil
}

func (m *member) Each(platform string, look func(token.Key, token.Record, error) error) error {
	if err := m.reach(); err != nil {
		return err
	}
	all := maps.Clone(m.hub.records)
	m.hub.mu.Unlock()
	for key, r := range all {
		if key.Platform != platform || key.AppID == platform || key.Ticket != "" {
			continue
		}
		if err := look(key, r, nil); err != nil {
			return err
		}
	}
	return nil
}

func (m *member) Follow(platform string, look func(token.Key)) (end func()) {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.all[platform] = look
	go look(token.Key{})
	return func() {
		m.hub.mu.Lock()
		defer m.hub.mu.Unlock()
		delete(m.all, platform)
	}
}

func (m *member) Lease(key token.Key) (func(), error) {
	if err := m.reach(); err != nil {
		return nil, err
	}
	defer m.hub.mu.Unlock()
	const life = 5 * time.Second
	if time.Now().Before(m.hub.leases[key]) {
		return nil, token.ErrLeased
	}
	if m.dead {
		m.hub.leases[key] = time.Now().Add(life)
		return func() {}, nil
	}
	m.hub.leases[key] = time.Now().Add(time.Hour) // it is renewed
	return func() {
		m.hub.mu.Lock()
		defer m.hub.mu.Unlock()
		delete(m.hub.leases, key)
	}, nil
}

func (m *member) Watch(key token.Key, look func(int64)) (end func()) {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.look[key] = look
	return func() {
		m.hub.mu.Lock()
		defer m.hub.mu.Unlock()
		delete(m.look, key)
	}
}

// poll has the replica hear of every record, as it does every 30 s.
func (m *member) poll() {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	for key, look := range m.look {
		if !m.away {
			go look(m.hub.records[key].Notice.Generation)
		}
	}
}

// A crew is some replicas in a bubble.
type crew struct {
	w       *wechattest.WeChat
	api     wechat.API
	wrong   map[int]bool // replicas with a wrong AppSecret
	hub     *hub
	members []*member
	wires   []*wire
	keepers []*token.Keeper
	log     *journal // nil: nowhere
}

// A journal is the log of all replicas, one line at a time.
type journal struct {
	full chan struct{} // if there is one, it takes nothing before that is closed

	mu   sync.Mutex // guards text
	text strings.Builder
}

func (j *journal) Write(line []byte) (int, error) {
	if j.full != nil {
		<-j.full
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// A wire is a replica's way to WeChat.
type wire struct {
	w *wechattest.WeChat

	mu   sync.Mutex    // guards what follows
	hold time.Duration // how long the next answer of the token API takes to be read
	lost bool          // that question does not arrive
}

func (l *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	hold, lost := l.hold, l.lost
	if strings.HasSuffix(r.URL.Path, "token") {
		l.hold, l.lost = 0, false
	} else {
		hold, lost = 0, false
	}
	l.mu.Unlock()
	if lost {
		time.Sleep(hold)
		return nil, context.DeadlineExceeded
	}
	resp, err := l.w.RoundTrip(r)
	time.Sleep(hold)
	return resp, err
}

func newCrew(w *wechattest.WeChat, api wechat.API, n int, wrong ...int) *crew {
	c := &crew{w: w, api: api, hub: newHub(), wrong: map[int]bool{}}
	for _, i := range wrong {
		c.wrong[i] = true
	}
	for range n {
		c.members, c.keepers, c.wires = append(c.members, c.hub.join()), append(c.keepers, nil), append(c.wires, &wire{w: w})
		c.start(len(c.keepers) - 1)
	}
	return c
}

// start starts replica i.
func (c *crew) start(i int) {
	client := newClient(c.wires[i], c.api)
	if c.wrong[i] {
		client.Secret = func() (secret.Secret, error) { return secret.New("another"), nil }
	}
	c.keepers[i] = newKeeper(c.w, c.api, func(o *token.Options) {
		o.Fetch, o.Probe, o.Store, o.Shared = client.Fetch, client.Probe, c.members[i], c.members[i]
		o.SecretChanged = client.SecretChanged
		if c.log != nil {
			o.Log = slog.New(slog.NewTextHandler(c.log, nil))
		}
		if c.api == wechat.Stable {
			o.Force = client.Force
		}
	})
	c.keepers[i].Start()
}

func (c *crew) stop() {
	for _, k := range c.keepers {
		k.Stop()
	}
}

func (c *crew) fetches() int {
	f := c.w.Fetches(appID)
	return f.Stable + f.Classic
}

func eachAPI(t *testing.T, test func(t *testing.T, api wechat.API)) {
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		t.Run(string(api), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, api) })
		})
	}
}

func TestFiveReplicasFetchNoMoreThanOne(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, api, 5)
		defer c.stop()
		const life, lead = 2 * time.Hour, 5 * time.Minute
		began := time.Now()
		for time.Since(began) < 24*time.Hour {
			for _, k := range c.keepers {
				if code := call(t, w, k); code != 0 {
					t.Fatalf("after %v: got errcode %d", time.Since(began), code)
				}
			}
			time.Sleep(20 * time.Second)
		}
		if got, most := c.fetches(), int(24*time.Hour/(life-lead))+1; got > most {
			t.Errorf("got %d fetches in a day; want at most %d, as one alone needs", got, most)
		}
		for i, k := range c.keepers {
			const today = 4 // in Beijing's day, which began 16 hours after the test
			if s := k.Status(); s.Rejections > 0 || s.FetchesToday < today || s.FetchesToday > today+1 {
				t.Errorf("replica %d: got %d rejections, %d fetches today; want none, and those of all", i, s.Rejections, s.FetchesToday)
			}
		}
		t.Logf("%d fetches, %d calls of the store", c.fetches(), c.hub.calls)
	})
}

func TestADeadTokenIsReplacedOnceForFiveReplicas(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, api, 5)
		defer c.stop()
		time.Sleep(time.Second)
		for round := range 5 {
			w.Revoke(appID)
			var callers sync.WaitGroup
			for _, k := range c.keepers {
				callers.Go(func() {
					if code := call(t, w, k); code != 0 {
						t.Errorf("got errcode %d", code)
					}
				})
			}
			callers.Wait()
			if got := c.fetches(); got != round+2 {
				t.Errorf("got %d fetches after %d deaths; want one each, and one at the start", got, round+1)
			}
			time.Sleep(31 * time.Second)
		}
	})
}

func TestOneReplicaAsksWhetherARefusedTokenIsGood(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, api, 5)
		defer c.stop()
		time.Sleep(time.Second)
		before := c.fetches()
		for _, k := range c.keepers {
			value, err := k.Token(time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if other, err := k.Replace(value, time.Minute); err != nil || other != value {
				t.Errorf("got another token, %v; want WeChat's word that it is good", err)
			}
			time.Sleep(time.Second)
		}
		if got := c.fetches() - before; got > 1 || w.Calls("/cgi-bin/get_api_domain_ip") > 1 {
			t.Errorf("got %d fetches and %d probes; want one look for all", got, w.Calls("/cgi-bin/get_api_domain_ip"))
		}
	})
}

func TestARefusalToIssueATokenIsKnownToAll(t *testing.T) {
	for _, row := range []struct {
		errcode int
		shared  bool
	}{{45009, true}, {50002, true}, {-1, true}, {40125, false}, {40164, false}, {89503, false}} {
		t.Run(fmt.Sprint(row.errcode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
				w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Errcode: row.errcode})
				c := newCrew(w, wechat.Stable, 5)
				defer c.stop()
				time.Sleep(900 * time.Millisecond)
				want := 1
				if !row.shared {
					want = 5
				}
				if got := w.Calls("/cgi-bin/stable_token"); got != want {
					t.Errorf("got %d questions; want %d", got, want)
				}
				for _, k := range c.keepers {
					_, err := k.Token(0)
					var refusal *token.Refusal
					if !errors.As(err, &refusal) || refusal.Code != row.errcode {
						t.Errorf("got %v; want errcode %d", err, row.errcode)
					}
				}
			})
		})
	}
}

func TestAnOperatorEndsTheBackOffOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		mend := w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Errcode: 50004})
		c := newCrew(w, wechat.Stable, 3)
		defer c.stop()
		time.Sleep(10 * time.Minute)
		c.keepers[1].Stop()
		c.start(1) // which finds the refusal in the store
		time.Sleep(10 * time.Second)
		mend()
		if _, err := c.keepers[1].Refresh("", time.Minute); err != nil {
			t.Errorf("got %v; want WeChat to be asked", err)
		}
		time.Sleep(time.Second)
		for i, k := range c.keepers {
			if s := k.Status(); s.State != token.StateFresh {
				t.Errorf("got %s of replica %d; want what one got for all", s.State, i)
			}
		}
	})
}

func TestAWrongSecretIsItsReplicasOwn(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, api, 3, 2)
		defer c.stop()
		time.Sleep(31 * time.Second) // until the token is no longer young
		for death := range 3 {
			w.Kill(appID)
			value, err := c.keepers[2].Token(time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.keepers[2].Replace(value, time.Minute); err == nil {
				t.Errorf("death %d: got a token for a wrong secret", death)
			}
			if s := c.keepers[2].Status(); api == wechat.Stable && s.State != token.StateGone {
				t.Errorf("death %d: got %s; want to be told that the token is dead", death, s.State)
			}
			for i, k := range c.keepers {
				time.Sleep(10 * time.Millisecond) // until what one stored is announced
				if code := call(t, w, k); code != 0 {
					t.Errorf("death %d: got errcode %d of replica %d; want the one with a wrong secret to keep nobody from asking", death, code, i)
				}
				if s := k.Status(); s.State != token.StateFresh || s.LastError != nil {
					t.Errorf("death %d: got %s, %v of replica %d; want all well", death, s.State, s.LastError, i)
				}
			}
			time.Sleep(31 * time.Second)
		}
	})
}

func TestReplicasWithAWrongSecretBackOffEachForItself(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, api, 5, 0, 1, 2, 3, 4)
		defer c.stop()
		path, most := "/cgi-bin/stable_token", 0
		if api == wechat.Classic {
			path = "/cgi-bin/token"
		}
		for _, after := range []time.Duration{50 * time.Second, 80 * time.Second, 150 * time.Second, 5 * time.Minute} {
			time.Sleep(after)
			most += len(c.keepers)
			if got := w.Calls(path); got != most {
				t.Errorf("got %d questions; want %d: each replica asks 1, 2, 4 minutes after it was refused", got, most)
			}
		}
	})
}

// What there is none of is nobody's: two empty tokens are the same.
func TestNoTokenIsTakenOverFromNobody(t *testing.T) {
	for name, test := range map[string]struct {
		errcode  int
		replicas int
	}{
		"an AppSecret that is wrong, in WeChat's usual words": {40125, 1},
		"an AppSecret that is wrong, in others":               {40001, 1},
		"a refusal that all replicas are told":                {45009, 1},
		"the same, and three replicas":                        {45009, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
				w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Errcode: test.errcode})
				c := &crew{w: w, api: wechat.Stable, hub: newHub(), log: new(journal)}
				for i := range test.replicas {
					c.members, c.keepers, c.wires = append(c.members, c.hub.join()), append(c.keepers, nil), append(c.wires, &wire{w: c.w})
					c.start(i)
				}
				for range 5 {
					time.Sleep(time.Minute)
					c.members[0].poll()
				}
				c.stop()
				if got := c.log.String(); strings.Contains(got, "taken over") || !strings.Contains(got, "token not refreshed") {
					t.Errorf("got %s; want refusals alone", got)
				}
			})
		})
	}
}

func TestATokenOfAnotherReplicaIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crew{w: wechattest.New(wechattest.App{ID: appID, Secret: appSecret}), api: wechat.Stable, hub: newHub(), log: new(journal)}
		for i := range 2 {
			c.members, c.keepers, c.wires = append(c.members, c.hub.join()), append(c.keepers, nil), append(c.wires, &wire{w: c.w})
			c.start(i)
			time.Sleep(time.Minute)
			c.members[0].poll()
		}
		c.stop()
		if got := strings.Count(c.log.String(), "taken over"); got != 1 {
			t.Errorf("got %d lines in %s; want 1", got, c.log)
		}
	})
}

// A damaged record is said so once, and written anew at once by a replica that has the
// token; one that another key would open is not.
func TestADamagedRecordIsReplacedAndSaidOnce(t *testing.T) {
	for _, row := range []struct {
		err  error
		left bool
	}{{token.ErrDamaged, false}, {errors.New("it was encrypted with another key"), true}} {
		synctest.Test(t, func(t *testing.T) {
			c := &crew{w: wechattest.New(wechattest.App{ID: appID, Secret: appSecret}), api: wechat.Stable, hub: newHub(), log: new(journal)}
			c.members, c.keepers, c.wires = append(c.members, c.hub.join()), append(c.keepers, nil), append(c.wires, &wire{w: c.w})
			c.start(0)
			defer c.stop()
			time.Sleep(time.Minute)
			c.hub.mu.Lock()
			c.hub.damaged = row.err
			c.hub.mu.Unlock()
			for range 3 {
				c.members[0].look[token.Key{AppID: appID}](0)
				time.Sleep(time.Second)
			}
			c.hub.mu.Lock()
			left := c.hub.damaged != nil
			c.hub.damaged = nil
			c.hub.mu.Unlock()
			if said := strings.Count(c.log.String(), "stored token ignored"); said != 1 || left != row.left {
				t.Errorf("%v: got %d lines in %s, and left %v; want one, and left %v", row.err, said, c.log, left, row.left)
			}
		})
	}
}

// An earlier version of the program stores what is only its own.
func TestAWrongSecretInTheStoreIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, wechat.Stable, 1)
		defer c.stop()
		time.Sleep(31 * time.Second) // until the token is no longer young
		earlier, key := c.hub.join(), token.Key{AppID: appID}
		r, err := earlier.Load(key)
		if err != nil {
			t.Fatal(err)
		}
		r.Notice.Refusal, r.Notice.Failures, r.Notice.Next = &token.Refusal{Code: 40125, Reason: "x"}, 5, time.Now().Add(30*time.Minute)
		if _, err := earlier.Save(key, r); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.Kill(appID)
		if code := call(t, w, c.keepers[0]); code != 0 || c.keepers[0].Status().LastError != nil {
			t.Errorf("got errcode %d; want another's wrong secret to be of no account", code)
		}
	})
}

func TestAForcedRefreshIsSpentByAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, wechat.Stable, 5)
		defer c.stop()
		time.Sleep(time.Second)
		for i := range 60 {
			w.Kill(appID)
			for _, k := range c.keepers {
				call(t, w, k)
			}
			if forced := w.Fetches(appID).Forced; forced > 20 {
				t.Fatalf("got %d forced refreshes after %d deaths; want 20 a day at most", forced, i+1)
			}
			time.Sleep(31 * time.Second)
		}
		if forced := w.Fetches(appID).Forced; forced != 20 {
			t.Errorf("got %d forced refreshes; want 20", forced)
		}
	})
}

func TestWhatWasSpentOutlivesTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, wechat.Stable, 3)
		defer c.stop()
		time.Sleep(31 * time.Second) // until the token is no longer young
		key := token.Key{AppID: appID}
		for death := range 5 {
			w.Kill(appID)
			for _, k := range c.keepers {
				call(t, w, k)
			}
			time.Sleep(31 * time.Second)
			c.hub.mu.Lock()
			clear(c.hub.records)
			c.hub.mu.Unlock()
			for _, m := range c.members {
				m.poll()
			}
			time.Sleep(5 * time.Second)
			r, err := c.hub.members[0].Load(key)
			if want := w.Fetches(appID); err != nil || r.Spent.Forced != death+1 || r.Spent.Fetches != want.Stable {
				t.Errorf("death %d: got %+v, %v in the store; want %+v", death, r.Spent, err, want)
			}
			for i, k := range c.keepers {
				if got, want := k.Status().FetchesToday, w.Fetches(appID).Stable; got != want {
					t.Errorf("death %d: got %d fetches today of replica %d; want %d", death, got, i, want)
				}
			}
		}
	})
}

func TestAReplicaThatDiesHoldingTheLeaseHoldsNobodyUp(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, api, 3)
		defer c.stop()
		time.Sleep(time.Second)
		corpse := c.hub.join()
		corpse.dead = true
		if _, err := corpse.Lease(token.Key{AppID: appID}); err != nil {
			t.Fatal(err)
		}
		w.Revoke(appID)
		began := time.Now()
		for _, k := range c.keepers {
			if code := call(t, w, k); code != 0 {
				t.Errorf("got errcode %d", code)
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v; want less than 10 s", took)
		}
	})
}

// A replica may hang and renew its lease all the same: its log blocks, or a file.
func TestAReplicaThatHangsAndRenewsItsLeaseHoldsNobodyUp(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, api, 3)
		defer c.stop()
		time.Sleep(31 * time.Second)
		if _, err := c.hub.join().Lease(token.Key{AppID: appID}); err != nil { // and never releases it
			t.Fatal(err)
		}
		w.Revoke(appID)
		for _, k := range c.keepers {
			began := time.Now()
			if code := call(t, w, k); code != 0 {
				t.Errorf("got errcode %d", code)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v; want less than 10 s", took)
			}
		}
		for range 12 * 60 { // it goes on so until the token ends, and beyond
			time.Sleep(10 * time.Second)
			for _, k := range c.keepers {
				if code := call(t, w, k); code != 0 {
					t.Fatalf("got errcode %d", code)
				}
			}
		}
	})
}

// A process that is stopped while it asks, and goes on when others have replaced
// the token, knows nothing better than they.
func TestAReplicaThatWasFrozenTakesNothingBack(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		for _, row := range []struct {
			name string
			hold time.Duration
			lost bool // its question
			deaf bool // it hears of nothing before it goes on
		}{
			{"with an answer", 8 * time.Second, false, false},
			{"with an answer, and hears of the others later", 8 * time.Second, false, true},
			{"with a question that is lost", 12 * time.Second, true, false},
			{"with a question that is lost, and hears of the others later", 12 * time.Second, true, true},
		} {
			w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
			c := newCrew(w, api, 3)
			time.Sleep(31 * time.Second) // until the token is no longer young
			w.Kill(appID)
			c.freeze(0, row.hold, row.lost)
			began := time.Now()
			var callers sync.WaitGroup
			callers.Go(func() {
				if code := call(t, w, c.keepers[0]); code != 0 {
					t.Errorf("%s: got errcode %d when it goes on; want the token that the others have", row.name, code)
				}
			})
			time.Sleep(5 * time.Second)
			c.hub.mu.Lock()
			clear(c.hub.leases) // which the frozen one does not renew
			c.members[0].away = row.deaf
			c.hub.mu.Unlock()
			for _, k := range c.keepers[1:] {
				if code := call(t, w, k); code != 0 {
					t.Errorf("%s: got errcode %d", row.name, code)
				}
			}
			time.Sleep(time.Until(began.Add(row.hold)))
			c.each(func(m *member) { m.away = false })
			callers.Wait()
			time.Sleep(5 * time.Second)
			for i, k := range c.keepers {
				if s := k.Status(); s.State != token.StateFresh || s.LastError != nil || call(t, w, k) != 0 {
					t.Errorf("%s: got %s, %v of replica %d; want all well", row.name, s.State, s.LastError, i)
				}
			}
			want := map[wechat.API]int{wechat.Stable: 4, wechat.Classic: 3}[api] // of the start, of the frozen one, of another one, and its forced one
			if row.lost {
				want--
			}
			if f := w.Fetches(appID); f.Stable+f.Classic != want || f.Forced > 1 {
				t.Errorf("%s: got %+v; want %d fetches", row.name, f, want)
			}
			c.stop()
		}
	})
}

// freeze has replica i be stopped as soon as it has asked for a token.
func (c *crew) freeze(i int, hold time.Duration, lost bool) {
	c.wires[i].mu.Lock()
	defer c.wires[i].mu.Unlock()
	c.wires[i].hold, c.wires[i].lost = hold, lost
}

func TestAStoreThatIsAwayPutsOffWhatCanWait(t *testing.T) {
	for name, disturb := range map[string]func(m *member, isAway bool){
		"as a whole":                       func(m *member, isAway bool) { m.away = isAway },
		"between the lease and the record": func(m *member, isAway bool) { m.deaf = isAway },
	} {
		t.Run(name, func(t *testing.T) {
			eachAPI(t, func(t *testing.T, api wechat.API) {
				c := newCrew(wechattest.New(wechattest.App{ID: appID, Secret: appSecret}), api, 3)
				defer c.stop()
				time.Sleep(time.Second)
				c.each(func(m *member) { disturb(m, true) })
				time.Sleep(2*time.Hour - 90*time.Second) // the token is due, and has a minute left
				if got := c.fetches(); got != 1 {
					t.Errorf("got %d fetches; want to wait for the store", got)
				}
				c.each(func(m *member) { disturb(m, false) })
				time.Sleep(10 * time.Second)
				if got := c.fetches(); got != 2 {
					t.Errorf("got %d fetches; want one when the store is back", got)
				}
			})
		})
	}
}

func TestAStoreThatIsAwayEndsNoToken(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, api, 3)
		defer c.stop()
		time.Sleep(time.Second)
		c.each(func(m *member) { m.away = true })
		for range 3 * 60 * 6 {
			if code := call(t, w, c.keepers[0]); code != 0 {
				t.Fatalf("got errcode %d; want a token although the store is away", code)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

func (c *crew) each(change func(m *member)) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	for _, m := range c.members {
		change(m)
	}
}

// Whatever happens to the replicas, their store and the token: with the stable
// API no request fails while the store can be reached, and ten seconds after all
// is well every replica has the same, good token.
func TestReplicasAgreeInTheEnd(t *testing.T) {
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		for seed := range uint64(20) {
			synctest.Test(t, func(t *testing.T) { disagreeAtRandom(t, api, seed) })
		}
	}
}

func disagreeAtRandom(t *testing.T, api wechat.API, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	c := newCrew(w, api, 3)
	defer c.stop()
	var history []string
	calm := true // since the last change everything was well, and long enough
	for range 40 {
		what := random.IntN(8)
		history = append(history, fmt.Sprint(what))
		i := random.IntN(3)
		switch what {
		case 0:
			w.Revoke(appID)
		case 1:
			w.Steal(appID)
		case 2:
			c.each(func(m *member) { m.away = true })
			calm = false
		case 3:
			c.hub.mu.Lock()
			c.members[i].away = true
			c.hub.mu.Unlock()
			calm = false
		case 4:
			c.hub.mu.Lock()
			clear(c.hub.records)
			c.hub.mu.Unlock()
		case 5:
			c.keepers[i].Stop()
			c.start(i)
		case 6:
			c.each(func(m *member) { m.away = false })
			time.Sleep(time.Minute)
			calm = true
		case 7:
			time.Sleep(time.Duration(random.Int64N(int64(3 * time.Hour))))
		}
		for range 5 {
			for _, k := range c.keepers {
				if code := call(t, w, k); code != 0 && calm && api == wechat.Stable {
					t.Fatalf("%s, seed %d, after %s: got errcode %d", api, seed, strings.Join(history, " "), code)
				}
			}
			for _, m := range c.members {
				m.poll()
			}
			time.Sleep(time.Duration(random.Int64N(int64(20 * time.Second))))
		}
	}
	c.each(func(m *member) { m.away = false })
	time.Sleep(31 * time.Second)
	for range 2 { // the first may find a token dead
		for _, k := range c.keepers {
			call(t, w, k)
		}
		for _, m := range c.members {
			m.poll()
		}
		time.Sleep(5 * time.Second)
	}
	values := map[string]bool{}
	for _, k := range c.keepers {
		value, err := k.Token(time.Second)
		if err != nil || callWith(t, w, value) != 0 {
			t.Errorf("%s, seed %d, after %s: got no good token: %v", api, seed, strings.Join(history, " "), err)
		}
		values[value] = true
	}
	if len(values) != 1 {
		t.Errorf("%s, seed %d, after %s: got %d tokens; want one for all", api, seed, strings.Join(history, " "), len(values))
	}
}

func TestALogThatBlocksHoldsNoLease(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		log := &journal{full: make(chan struct{})}
		c := &crew{w: w, api: api, hub: newHub(), wrong: map[int]bool{}, log: log}
		c.members, c.keepers, c.wires = []*member{c.hub.join()}, make([]*token.Keeper, 1), []*wire{{w: w}}
		c.start(0)
		time.Sleep(5 * time.Second)
		c.hub.mu.Lock()
		if len(c.hub.leases) > 0 || len(c.hub.records) == 0 {
			t.Errorf("got %d leases and %d records; want the token stored and the lease given back", len(c.hub.leases), len(c.hub.records))
		}
		c.hub.mu.Unlock()
		close(log.full)
		c.stop()
	})
}

func TestReplicasReplaceALeakedTokenOnce(t *testing.T) {
	eachAPI(t, func(t *testing.T, api wechat.API) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		c := newCrew(w, api, 5)
		defer c.stop()
		time.Sleep(time.Minute)
		leaked, err := c.keepers[0].Token(time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		before := c.fetches()
		var asking sync.WaitGroup
		for _, k := range c.keepers {
			asking.Go(func() {
				if err := k.ReplaceByForce(time.Minute); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		time.Sleep(time.Second)
		for i, k := range c.keepers {
			if got, err := k.Token(time.Minute); err != nil || got == leaked || call(t, w, k) != 0 {
				t.Errorf("replica %d: got the leaked token: %v, %v; want its successor", i, got == leaked, err)
			}
		}
		if n := c.fetches() - before; n != 1 {
			t.Errorf("WeChat was asked %d times; want once", n)
		}
		var limit *token.Limit
		if err := c.keepers[3].ReplaceByForce(time.Minute); !errors.As(err, &limit) || limit.Retry > 30*time.Second {
			t.Errorf("at once again, at another replica: got %v; want a limit of 30 s", err)
		}
	})
}
