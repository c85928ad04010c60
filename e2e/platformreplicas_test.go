package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
)

// A saasFleet is some replicas that serve a platform and share a real Redis. What WeChat
// pushes comes to whichever is next.
type saasFleet struct {
	t     *testing.T
	w     weChat
	saas  *platformtest.Platform
	redis *redistest.Server // nil: the store is files
	store string
	toml  string
	env   []string

	mu        sync.Mutex // guards what follows
	replicas  []*program
	next      int
	forwarded map[string]int // how often a program got an event, by its content
}

func newSaasFleet(t *testing.T, n int, redisArgs ...string) *saasFleet {
	t.Helper()
	server := redistest.Start(t, redisArgs...)
	f := newSaasFleetOn(t, "redis://"+server.Addr)
	f.redis = server
	for _, variable := range redisArgs {
		if !strings.HasPrefix(variable, "-") && strings.Contains(variable, "=") {
			f.env = append(f.env, variable)
		}
	}
	for range n {
		f.add()
	}
	return f
}

// newSaasFleetOn returns a fleet without a replica yet that has this store.
func newSaasFleetOn(t *testing.T, store string) *saasFleet {
	t.Helper()
	f := &saasFleet{t: t, store: store, forwarded: map[string]int{}}
	f.w, f.saas = newSaas(t)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.forwarded[string(body)]++
		_, _ = io.WriteString(w, "success")
	}))
	t.Cleanup(receiver.Close)
	f.toml = platformLines + fmt.Sprintf("[[forward]]\naccount = \"saas\"\nurl = %q\nasync = true\n", receiver.URL)
	f.saas.Change(func(s *platformtest.Settings) {
		s.EventURL, s.MessageURL = "http://fleet/push/saas", "http://fleet/push/saas/$APPID$"
		s.Token, s.AESKey, s.Transport = pushToken, pushAESKey, f
	})
	return f
}

// add starts a replica.
func (f *saasFleet) add() *program {
	f.t.Helper()
	p := serving(f.t, f.w.URL, f.toml, append([]string{"WXPROXY_PUSH_LISTEN=127.0.0.1:0", "WXPROXY_STORE=" + f.store}, f.env...)...)
	p.awaitReady()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replicas = append(f.replicas, p)
	return p
}

// kill kills a replica.
func (f *saasFleet) kill(p *program) {
	f.t.Helper()
	f.mu.Lock()
	for i, one := range f.replicas {
		if one == p {
			f.replicas = append(f.replicas[:i:i], f.replicas[i+1:]...)
			break
		}
	}
	f.mu.Unlock()
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// stop stops all replicas.
func (f *saasFleet) stop() {
	f.t.Helper()
	for _, p := range f.replicas {
		p.stop()
	}
}

// RoundTrip brings a push to the replica that is next.
func (f *saasFleet) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	if len(f.replicas) == 0 {
		f.mu.Unlock()
		return nil, syscall.ECONNREFUSED
	}
	p := f.replicas[f.next%len(f.replicas)]
	f.next++
	f.mu.Unlock()
	r = r.Clone(r.Context())
	r.URL.Host = strings.TrimPrefix(p.push, "http://")
	return p.client.Transport.RoundTrip(r)
}

// to has the next push come to a replica.
func (f *saasFleet) to(p *program) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.replicas[f.next%len(f.replicas)] != p {
		f.next++
	}
}

// all waits until each replica answers a call for each account in this way, and fails the
// test if that takes longer than most.
func (f *saasFleet) all(what string, most time.Duration, answered func(*program, string) bool, appIDs ...string) {
	f.t.Helper()
	began := time.Now()
	var waiting sync.WaitGroup
	for _, p := range f.replicas {
		for _, appID := range appIDs {
			waiting.Go(func() {
				for !answered(p, appID) {
					if time.Since(began) > most {
						a, err := p.ask("GET", p.proxy+"/@"+appID+userInfo, "")
						f.t.Errorf("%s: %s not within %v at the replica %s: got %d %v %s, %v", what, appID, most, p.proxy, a.code, a.header, a.body, err)
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
	}
	waiting.Wait()
	f.t.Logf("%s: took %v", what, time.Since(began).Round(time.Millisecond))
	if f.t.Failed() {
		f.t.FailNow()
	}
}

// serves reports whether a replica serves an account.
func serves(p *program, appID string) bool {
	a, err := p.ask("GET", p.proxy+"/@"+appID+userInfo, "")
	return err == nil && a.code == 200 && strings.Contains(a.body, "OPENID")
}

// mustHave fails the test unless all codes were redeemed once, and nothing was refused.
func (f *saasFleet) mustHave(codes int) {
	f.t.Helper()
	if c := f.saas.Counts(); c.QueryAuths != codes || c.RefusedQueryAuths > 0 || c.RefusedRefreshes > 0 || c.ComponentTokens != 1 || c.Starts > 1 {
		f.t.Errorf("got %+v; want %d codes redeemed once each, one component token, and nothing refused", c, codes)
	}
}

// timesForwarded returns how often programs got an event.
func (f *saasFleet) timesForwarded(e platformtest.Event) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.forwarded[string(e.Content)]
}

// An event that comes to one replica, again to the next, and whose code programs show at all
// of them, is acted upon once. When the merchant cancels, none serves the account any longer.
func TestReplicasShareThePlatformsAccounts(t *testing.T) {
	t.Parallel()
	f := newSaasFleet(t, 3)
	mustDeliver(t, f.saas.PushTicket(t.Context()))
	authorized := f.saas.Grant(merchantID)
	var both sync.WaitGroup
	for _, p := range f.replicas {
		both.Go(func() { mustDeliver(t, f.saas.Push(t.Context(), authorized.Event)) })
		both.Go(func() {
			a := p.call("POST", "/cgi-bin/component/api_query_auth", fmt.Sprintf(`{"component_appid":%q,"authorization_code":%q}`, componentID, authorized.Code))
			if !strings.Contains(a.body, "refreshtoken@@@wxproxy") {
				t.Errorf("the code: got %d %s", a.code, a.body)
			}
		})
	}
	both.Wait()
	f.all("the account is served", 2*time.Second, serves, merchantID)
	f.mustHave(1)
	f.replicas[0].eventually("the event at the program", func() bool { return f.timesForwarded(authorized.Event) > 0 })

	virtual := map[*program]string{}
	for _, p := range f.replicas {
		a := p.call("POST", "/cgi-bin/component/api_authorizer_token", fmt.Sprintf(`{"component_appid":%q,"authorizer_appid":%q,"authorizer_refresh_token":"refreshtoken@@@wxproxy"}`, componentID, merchantID))
		var said struct {
			Token string `json:"authorizer_access_token"`
		}
		if err := json.Unmarshal([]byte(a.body), &said); err != nil || said.Token == "" {
			t.Fatalf("got %d %s; want a virtual token", a.code, a.body)
		}
		virtual[p] = said.Token
		p.mustServe("GET", userInfo+"&access_token="+said.Token, "")
	}
	awaitNextSecond()
	mustDeliver(t, f.saas.Cancel(t.Context(), merchantID))
	f.all("the end", 2*time.Second, func(p *program, appID string) bool {
		return p.call("GET", "/@"+appID+userInfo, "").code == 503 && p.call("GET", userInfo+"&access_token="+virtual[p], "").code == 503
	}, merchantID)
	for _, p := range f.replicas {
		p.call("GET", "/@"+merchantID+userInfo, "").mustBe(t, 503, "not_authorized")
	}
	if n := f.timesForwarded(authorized.Event); n != 1 {
		t.Errorf("got the event %d times at the program; want it once", n)
	}
	f.mustHave(1)
	f.stop()
}

// An event that a replica has taken and did not get on with, as it was killed, is resumed by
// another one.
func TestAnotherReplicaResumesWhatAKilledOneHasTaken(t *testing.T) {
	t.Parallel()
	f := newSaasFleet(t, 3)
	mustDeliver(t, f.saas.PushTicket(t.Context()))
	const queryAuth = "/cgi-bin/component/api_query_auth"
	for n, tt := range []struct {
		name  string
		fault wechattest.Fault
		spent int // codes
	}{
		{"when it had success", wechattest.Fault{Path: "nothing"}, 0},
		{"before its code was redeemed", wechattest.Fault{Path: queryAuth, Errcode: -1}, 0},
		{"before it heard what its code yielded", wechattest.Fault{Path: queryAuth, Delay: time.Hour}, 1},
	} {
		appID := fmt.Sprintf("wx%016x", n)
		clear := f.w.Inject(tt.fault)
		authorized, dying := f.saas.Grant(appID), f.replicas[0]
		f.to(dying)
		asked := f.w.Calls(queryAuth)
		mustDeliver(t, f.saas.Push(t.Context(), authorized.Event))
		if tt.fault.Path == queryAuth {
			dying.eventually("a question at WeChat's", func() bool { return f.w.Calls(queryAuth) > asked })
		}
		f.kill(dying)
		clear()
		f.all(tt.name+": it is resumed", 15*time.Second, serves, appID)
		f.replicas[0].eventually("the event at the program", func() bool { return f.timesForwarded(authorized.Event) > 0 })
		f.add()
	}
	if c := f.saas.Counts(); c.QueryAuths != 3 || c.RefusedQueryAuths > 1 {
		t.Errorf("got %+v; want three codes redeemed, and at most the one shown again that a killed replica had redeemed", c)
	}
	f.stop()
}

// inTurn is how long it may take until a token is replaced that WeChat refuses: a rejection
// does so once in 30 s at most.
const inTurn = 40 * time.Second

// Redis that goes away costs no call and no refresh token, whether it comes back with its
// data, without, or paused for a while.
func TestNoRefreshTokenIsLostWithRedis(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		away func(f *saasFleet)
		back func(f *saasFleet)
	}{
		{"with its data", []string{"--appendonly", "yes", "--appendfsync", "always"}, func(f *saasFleet) { f.redis.Stop() }, func(f *saasFleet) { f.redis.Start() }},
		{"empty", nil, func(f *saasFleet) { f.redis.Stop() }, func(f *saasFleet) { f.redis.Start() }},
		{"paused", nil, func(f *saasFleet) { f.redis.Pause() }, func(f *saasFleet) { f.redis.Resume() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newSaasFleet(t, 3, tt.args...)
			mustDeliver(t, f.saas.PushTicket(t.Context()))
			const n = 6
			var all []string
			for i := range n {
				all = append(all, fmt.Sprintf("wx%016x", i))
				_, d := f.saas.Authorize(t.Context(), all[i])
				mustDeliver(t, d)
			}
			f.all("served", 10*time.Second, serves, all[1:]...) // nobody calls for the first
			tt.away(f)
			late := f.saas.Grant(fmt.Sprintf("wx%016x", n))
			if d := f.saas.Push(t.Context(), late.Event); d.Fault == "" {
				t.Error("got success for an event that cannot be stored; want none")
			}
			for _, appID := range all[:n/2] {
				f.saas.RevokeTokens(appID)
			}
			f.all("served without Redis", inTurn, func(p *program, appID string) bool {
				i := slices.Index(all, appID) // one that is refreshed, by one replica: more would take it from each other
				return i < n/2 && p != f.replicas[i] || serves(p, appID)
			}, all...)
			tt.back(f)
			f.replicas[0].eventually("events taken again", func() bool { return f.saas.PushTicket(t.Context()).Fault == "" })
			f.replicas[0].eventually("the event taken", func() bool { return f.saas.Push(t.Context(), late.Event).Fault == "" })
			all = append(all, late.AppID)
			f.all("the late one served", 15*time.Second, serves, late.AppID)
			f.saas.Change(func(s *platformtest.Settings) { s.Rotate = true })
			for _, appID := range all[n/2:] { // the others were replaced less than 30 s ago
				f.saas.Expire(appID)
			}
			f.add()
			f.all("served again, by a new replica, too", inTurn, serves, all...)
			if c := f.saas.Counts(); c.QueryAuths != n+1 || c.RefusedQueryAuths > 0 {
				t.Errorf("got %+v; want each code redeemed once", c)
			}
			f.stop()
		})
	}
}

// However many replicas have no ticket, WeChat is asked for some once in ten minutes.
func TestReplicasAskForTicketsOnceInTenMinutes(t *testing.T) {
	t.Parallel()
	clock := newClock(t)
	f := newSaasFleet(t, 3, clock.env...)
	asked := func() int { return f.w.Calls("/cgi-bin/component/api_start_push_ticket") }
	f.replicas[0].eventually("tickets asked for", func() bool { return asked() > 0 })
	for round := 1; round <= 3; round++ {
		time.Sleep(300 * time.Millisecond)
		if n := asked(); n != round {
			t.Errorf("got %d requests for tickets in round %d; want one each", n, round)
		}
		for _, pass := range []time.Duration{5 * time.Minute, 6 * time.Minute} {
			clock.advance(pass)
			f.w.Advance(pass)
			f.add() // asks at its start
			time.Sleep(100 * time.Millisecond)
			f.replicas[len(f.replicas)-1].call("POST", "/cgi-bin/component/api_create_preauthcode", "{}").mustBe(t, 503, "no_ticket")
		}
		f.replicas[0].eventually("tickets asked for again", func() bool { return asked() > round })
	}
	f.stop()
}
