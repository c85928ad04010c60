package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/token"
	"wxproxy/token/store"
)

// A killing is a fleet whose processes are killed while merchants authorize the platform and
// cancel that, and WeChat, which has no success for an event, pushes it again.
type killing struct {
	*saasFleet
	random     *rand.Rand
	authorized map[string]bool
	grants     int // codes that WeChat has given out
	kills      int

	events []platformtest.Event // all

	mu      sync.Mutex           // guards unheard
	unheard []platformtest.Event // those that had no success yet
}

// merchants are so many that each has something happen in every third round or so.
const killedMerchants = 24

// round has some merchants act, each once, and kills a process meanwhile.
func (k *killing) round(replicas int) {
	awaitNextSecond() // of events of the same one the list would decide
	again := k.unheard
	k.unheard = nil
	var pushing sync.WaitGroup
	push := func(e platformtest.Event) {
		wait := time.Duration(k.random.IntN(60)) * time.Millisecond
		pushing.Go(func() {
			time.Sleep(wait)
			if d := k.saas.Push(k.t.Context(), e); d.Fault != "" {
				k.mu.Lock()
				defer k.mu.Unlock()
				k.unheard = append(k.unheard, e)
			}
		})
	}
	for _, e := range again {
		push(e)
	}
	for i := range killedMerchants {
		appID := fmt.Sprintf("wx%016x", i)
		switch n := k.random.IntN(4); {
		case n == 0 && k.authorized[appID]:
			k.authorized[appID] = false
			k.events = append(k.events, k.saas.Revoke(appID))
		case n < 2:
			k.authorized[appID] = true
			k.grants++
			k.events = append(k.events, k.saas.Grant(appID).Event)
		default:
			continue
		}
		push(k.events[len(k.events)-1])
	}
	time.Sleep(time.Duration(k.random.IntN(90)) * time.Millisecond)
	k.kill(k.replicas[k.random.IntN(len(k.replicas))])
	k.kills++
	pushing.Wait()
	for len(k.replicas) < replicas {
		k.add()
	}
}

// mustAgree fails the test unless the processes and the store know what WeChat knows.
func (k *killing) mustAgree() {
	k.t.Helper()
	for _, e := range k.unheard {
		mustDeliver(k.t, k.saas.Push(k.t.Context(), e))
	}
	var all []string
	for i := range killedMerchants {
		all = append(all, fmt.Sprintf("wx%016x", i))
	}
	k.all("as WeChat has it", 20*time.Second, func(p *program, appID string) bool { return serves(p, appID) == k.authorized[appID] }, all...)
	k.replicas[0].eventually("all events at the program", func() bool {
		for _, e := range k.events {
			if k.timesForwarded(e) == 0 {
				return false
			}
		}
		return true
	})
	k.stop()
	twice, shown := 0, map[string]int{}
	for _, e := range k.events {
		twice += k.timesForwarded(e) - 1
	}
	for _, r := range k.w.Requests() {
		if strings.HasPrefix(r.Target, "/cgi-bin/component/api_query_auth") {
			shown[string(r.Body)]++
		}
	}
	again := 0
	for code, n := range shown {
		if again += n - 1; n > 3 {
			k.t.Errorf("got %d requests with %s; want one, and another one after a kill", n, code)
		}
	}
	c := k.saas.Counts()
	k.t.Logf("%d kills, %d events, of which %d were forwarded again, %d codes, of which %d were shown again: %+v", k.kills, len(k.events), twice, k.grants, again, c)
	if most := killedMerchants * k.kills / 4; again > most || twice > most || c.QueryAuths > k.grants {
		k.t.Errorf("got %+v; want only what a kill has interrupted done again", c)
	}
	k.mustStore(all)
}

// mustStore fails the test unless the store has the refresh tokens that WeChat takes.
func (k *killing) mustStore(all []string) {
	k.t.Helper()
	opened, err := store.Open(store.Config{Spec: secret.New(k.store), KeyPrefix: "wxproxy"})
	if err != nil {
		k.t.Fatal(err)
	}
	for _, appID := range all {
		r, err := opened.Load(token.Key{Platform: componentID, AppID: appID})
		switch {
		case !k.authorized[appID]:
			if err == nil && r.State != token.Unauthorized {
				k.t.Errorf("%s: got state %q; want its end stored", appID, r.State)
			}
		case err != nil || !r.Refresh.Equal(k.saas.RefreshToken(appID)):
			k.t.Errorf("%s: the refresh token that WeChat takes is not stored: %v", appID, err)
		}
	}
}

// Whenever processes are killed in a storm of events, no refresh token is lost, no code is
// redeemed twice, and the last event of each account counts.
func TestNothingIsLostOfAPlatformWhenProcessesAreKilled(t *testing.T) {
	t.Parallel()
	const rounds = 6
	for _, tt := range []struct {
		name     string
		replicas int
		fleet    func(*testing.T) *saasFleet
	}{
		{"files", 1, func(t *testing.T) *saasFleet { return newSaasFleetOn(t, "file:"+t.TempDir()) }},
		{"Redis", 2, func(t *testing.T) *saasFleet { return newSaasFleet(t, 0) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := &killing{saasFleet: tt.fleet(t), random: rand.New(rand.NewPCG(18, uint64(tt.replicas))), authorized: map[string]bool{}}
			for range tt.replicas {
				k.add()
			}
			mustDeliver(t, k.saas.PushTicket(t.Context()))
			for range rounds {
				k.round(tt.replicas)
			}
			k.mustAgree()
		})
	}
}
