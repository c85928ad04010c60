package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest"
)

// ends reports whether a replica says that a merchant has to authorize again.
func ends(p *program, appID string) bool {
	a, err := p.ask("GET", p.proxy+"/@"+appID+userInfo, "")
	return err == nil && a.code == 503
}

// A replica that has met an error of Redis knows within two seconds what came to another one
// meanwhile, and soon after if it has lost its connections without a word. The machine may be slow.
func TestAReplicaHearsWhatItMissed(t *testing.T) {
	t.Parallel()
	f := newSaasFleet(t, 1)
	link := redistest.NewLink(t, f.redis.Addr)
	f.store = "redis://" + link.Addr
	poor := f.add()
	mustDeliver(t, f.saas.PushTicket(t.Context()))
	for name, tt := range map[string]struct {
		trouble func(name string)
		within  time.Duration
	}{
		"an error of Redis": {func(name string) {
			f.redis.MustDo("REPLICAOF", "127.0.0.1", "1")
			f.to(poor)
			if d := f.saas.Push(t.Context(), f.saas.Grant(name).Event); d.Fault == "" {
				t.Error("got success for an event that cannot be stored")
			}
			f.redis.MustDo("REPLICAOF", "NO", "ONE")
		}, 3 * time.Second},
		"listeners that are thrown out": {func(string) { f.redis.MustDo("CLIENT", "KILL", "TYPE", "pubsub") }, 3 * time.Second},
		"connections that are lost":     {func(string) { link.Lose() }, 6 * time.Second},
	} {
		wx := func(n int) string { return fmt.Sprintf("wx%x%02d", name[len(name)-7:], n) }
		f.to(f.replicas[0])
		_, d := f.saas.Authorize(t.Context(), wx(1))
		mustDeliver(t, d)
		f.all("served before "+name, 5*time.Second, serves, wx(1))
		awaitNextSecond()
		tt.trouble(wx(3))
		f.to(f.replicas[0])
		mustDeliver(t, f.saas.Cancel(t.Context(), wx(1)))
		f.to(f.replicas[0])
		_, d = f.saas.Authorize(t.Context(), wx(2))
		mustDeliver(t, d)
		f.all("the end after "+name, tt.within, ends, wx(1))
		f.all("another merchant after "+name, tt.within, serves, wx(2))
	}
	f.stop()
}

// A code that a killed replica had redeemed for a program is refused by WeChat, and its merchant
// is served all the same.
func TestWhatAKilledReplicaRedeemedForAProgramIsFound(t *testing.T) {
	t.Parallel()
	const queryAuth = "/cgi-bin/component/api_query_auth"
	f := newSaasFleet(t, 2)
	mustDeliver(t, f.saas.PushTicket(t.Context()))
	clear := f.w.Inject(wechattest.Fault{Path: queryAuth, Delay: time.Hour})
	authorized, dying := f.saas.Grant(merchantID), f.replicas[0]
	show := fmt.Sprintf(`{"component_appid":%q,"authorization_code":%q}`, componentID, authorized.Code)
	asked := f.w.Calls(queryAuth)
	go func() { _, _ = dying.ask("POST", dying.proxy+queryAuth, show) }()
	dying.eventually("a question at WeChat's", func() bool { return f.w.Calls(queryAuth) > asked })
	f.kill(dying)
	clear()
	other := f.replicas[0]
	var last answer
	other.eventually("WeChat's refusal", func() bool {
		last = other.call("POST", queryAuth, show)
		return last.code == 200
	})
	if want := `"errcode":610`; !strings.Contains(last.body, want) {
		t.Errorf("got %d %s; want WeChat's refusal", last.code, last.body)
	}
	f.all("the merchant is served", 2*time.Second, serves, merchantID)
	f.stop()
}

// With a store that starts empty nobody is told that a merchant is unknown before WeChat's list
// was read, which the first ticket has done at once.
func TestWithMemoryTheFirstTicketHasTheListRead(t *testing.T) {
	t.Parallel()
	f := newSaasFleetOn(t, "memory:")
	f.add()
	mustDeliver(t, f.saas.PushTicket(t.Context()))
	_, d := f.saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	f.all("served", 2*time.Second, serves, merchantID)
	f.replicas[0].signal(syscall.SIGTERM)
	<-f.replicas[0].ended
	f.replicas = nil
	p := f.add()
	p.call("GET", "/@"+merchantID+userInfo, "").mustBe(t, 503, "no_ticket")
	mustDeliver(t, f.saas.PushTicket(t.Context()))
	f.all("served again", 2*time.Second, serves, merchantID)
	p.call("GET", "/@wx9999999999999999"+userInfo, "").mustBe(t, 404, "unknown_account")
	f.stop()
}
