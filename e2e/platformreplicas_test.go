package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
	redis *redistest.Server
	toml  string
	env   []string

	mu        sync.Mutex // guards what follows
	replicas  []*program
	next      int
	forwarded map[string]int // how often a program got an event, by its content
}

func newSaasFleet(t *testing.T, n int, redisArgs ...string) *saasFleet {
	t.Helper()
	f := &saasFleet{t: t, redis: redistest.Start(t, redisArgs...), forwarded: map[string]int{}}
	f.w, f.saas = newSaas(t)
	for _, variable := range redisArgs {
		if !strings.HasPrefix(variable, "-") && strings.Contains(variable, "=") {
			f.env = append(f.env, variable)
		}
	}
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
	for range n {
		f.add()
	}
	return f
}

// add starts a replica.
func (f *saasFleet) add() *program {
	f.t.Helper()
	p := serving(f.t, f.w.URL, f.toml, append([]string{"WXPROXY_PUSH_LISTEN=127.0.0.1:0", "WXPROXY_STORE=redis://" + f.redis.Addr}, f.env...)...)
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

// all waits until each replica has answered a call for an account in this way, and fails
// the test if that took longer than most.
func (f *saasFleet) all(what string, most time.Duration, answered func(*program) bool) {
	f.t.Helper()
	began := time.Now()
	for _, p := range f.replicas {
		p.eventually(what, func() bool { return answered(p) })
	}
	if took := time.Since(began); took > most {
		f.t.Errorf("%s: took %v; want at most %v", what, took, most)
	}
}

// serves reports whether a replica serves an account.
func serves(appID string) func(*program) bool {
	return func(p *program) bool {
		a := p.call("GET", "/@"+appID+userInfo, "")
		return a.code == 200 && strings.Contains(a.body, "OPENID")
	}
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
	f.all("the account is served", 2*time.Second, serves(merchantID))
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
	f.all("the end", 2*time.Second, func(p *program) bool {
		return p.call("GET", "/@"+merchantID+userInfo, "").code == 503 && p.call("GET", userInfo+"&access_token="+virtual[p], "").code == 503
	})
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
		f.all(tt.name+": it is resumed", 15*time.Second, serves(appID))
		f.replicas[0].eventually("the event at the program", func() bool { return f.timesForwarded(authorized.Event) > 0 })
		f.add()
	}
	if c := f.saas.Counts(); c.QueryAuths != 3 || c.RefusedQueryAuths > 1 {
		t.Errorf("got %+v; want three codes redeemed, and at most the one shown again that a killed replica had redeemed", c)
	}
	f.stop()
}

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
			appID := func(i int) string { return fmt.Sprintf("wx%016x", i) }
			for i := range n {
				_, d := f.saas.Authorize(t.Context(), appID(i))
				mustDeliver(t, d)
			}
			for i := range n {
				f.all("served", 5*time.Second, serves(appID(i)))
			}
			tt.away(f)
			late := f.saas.Grant(appID(n))
			if d := f.saas.Push(t.Context(), late.Event); d.Fault == "" {
				t.Error("got success for an event that cannot be stored; want none")
			}
			for i := range n / 2 { // these are refreshed without Redis
				f.saas.RevokeTokens(appID(i))
			}
			for i := range n {
				f.all("served without Redis", 20*time.Second, serves(appID(i)))
			}
			tt.back(f)
			f.replicas[0].eventually("events taken again", func() bool { return f.saas.PushTicket(t.Context()).Fault == "" })
			f.replicas[0].eventually("the event taken", func() bool { return f.saas.Push(t.Context(), late.Event).Fault == "" })
			f.all("the late one served", 15*time.Second, serves(appID(n)))
			f.saas.Change(func(s *platformtest.Settings) { s.Rotate = true })
			for i := range n + 1 {
				f.saas.Expire(appID(i))
			}
			fresh := f.add()
			fresh.eventually("the new replica serves all", func() bool {
				for i := range n + 1 {
					if !serves(appID(i))(fresh) {
						return false
					}
				}
				return true
			})
			for i := range n + 1 {
				f.all("served again", 20*time.Second, serves(appID(i)))
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
