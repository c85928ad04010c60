package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest"
)

// A fleet is some replicas of the proxy that share a real Redis.
type fleet struct {
	t        *testing.T
	w        weChat
	redis    *redistest.Server
	replicas []*program
	toml     string

	redisPassword string
}

// inFleets runs a test with each token API. Its fleet has no replicas yet.
func inFleets(t *testing.T, test func(f *fleet)) {
	t.Parallel()
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			test(&fleet{
				t: t, w: startWeChat(t), redis: redistest.Start(t),
				toml: fourLines + "token_api = \"" + api + "\"\n",
			})
		})
	}
}

// add starts replicas that reach Redis at address.
func (f *fleet) add(n int, address string) {
	f.t.Helper()
	for range n {
		f.replicas = append(f.replicas, serving(f.t, f.w.URL, f.toml, "WXPROXY_STORE=redis://"+address))
	}
}

func (f *fleet) awaitReady() {
	f.t.Helper()
	for _, p := range f.replicas {
		p.awaitReady()
	}
}

// fetches returns how many tokens WeChat has handed out.
func (f *fleet) fetches() int {
	n := f.w.Fetches(appID)
	return n.Stable + n.Classic
}

// mustHaveFetched fails the test unless so many tokens were handed out.
func (f *fleet) mustHaveFetched(want int) {
	f.t.Helper()
	if got := f.fetches(); got != want {
		f.t.Errorf("got %d fetches: %+v; want %d", got, f.w.Fetches(appID), want)
	}
}

// stored returns a field of the token in Redis.
func (f *fleet) stored(field string) string {
	client := redis.NewClient(&redis.Options{Addr: f.redis.Addr, Password: f.redisPassword, DisableIdentity: true})
	defer client.Close()
	return client.HGet(context.Background(), "wxproxy:"+appID+":token", field).Val()
}

// awaitStored waits until Redis has the token that WeChat made last.
func (f *fleet) awaitStored() {
	f.t.Helper()
	f.replicas[0].eventually("WeChat's newest token in Redis", func() bool {
		good := f.w.Tokens(appID)
		return len(good) > 0 && f.stored("access_token") == good[len(good)-1]
	})
}

// under runs do while callers call all replicas, and fails the test if a request
// fails.
func (f *fleet) under(do func()) {
	f.t.Helper()
	f.undisturbed(true, do)
}

// undisturbed does so only if the test is to fail then.
func (f *fleet) undisturbed(must bool, do func()) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var callers sync.WaitGroup
	var requests atomic.Int64
	for _, p := range f.replicas {
		callers.Go(func() {
			for ctx.Err() == nil {
				a, err := p.ask("GET", p.proxy+userInfo, "")
				if good := err == nil && a.code == http.StatusOK && strings.Contains(a.body, `"openid"`); !good && must {
					f.t.Errorf("got %d %s, %v; want the user", a.code, a.body, err)
					return
				}
				requests.Add(1)
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	do()
	cancel()
	callers.Wait()
	f.t.Logf("%d requests", requests.Load())
}

func TestReplicasThatStartTogetherFetchOneToken(t *testing.T) {
	inFleets(t, func(f *fleet) {
		f.add(3, f.redis.Addr)
		f.awaitReady()
		f.under(func() { time.Sleep(100 * time.Millisecond) })
		f.mustHaveFetched(1)
		if got, want := f.stored("access_token"), f.w.Tokens(appID)[0]; got != want {
			f.t.Errorf("got another token in Redis than WeChat's")
		}
	})
}

func TestATokenThatDiesIsReplacedOnceForAllReplicas(t *testing.T) {
	inFleets(t, func(f *fleet) {
		f.add(3, f.redis.Addr)
		f.awaitReady()
		f.under(func() {
			f.w.Revoke(appID)
			f.awaitStored()
			time.Sleep(200 * time.Millisecond)
		})
		f.mustHaveFetched(2)
	})
}

func TestAReplicaThatDiesWhileItAsksHoldsNobodyUp(t *testing.T) {
	inFleets(t, func(f *fleet) {
		clear := f.w.Inject(wechattest.Fault{Path: "/cgi-bin/*", Delay: time.Hour})
		f.add(1, f.redis.Addr)
		holder := f.replicas[0]
		holder.eventually("a question at WeChat's", func() bool { return f.w.Calls("/cgi-bin/*") > 0 })
		clear()
		f.replicas = nil
		f.add(2, f.redis.Addr)
		holder.signal(syscall.SIGKILL)
		died := time.Now()
		f.awaitReady()
		if took := time.Since(died); took > 10*time.Second {
			f.t.Errorf("got a token after %v; want one within 10 s", took)
		}
		f.mustHaveFetched(2) // the dead one's, too
	})
}

func TestRedisThatComesBackEmptyIsGivenTheTokenAgain(t *testing.T) {
	inFleets(t, func(f *fleet) {
		f.add(3, f.redis.Addr)
		f.awaitReady()
		f.under(func() {
			f.redis.Stop()
			time.Sleep(2 * time.Second)
			f.redis.Start()
			f.awaitStored()
		})
		f.mustHaveFetched(1)
		f.add(1, f.redis.Addr)
		f.awaitReady()
		f.mustHaveFetched(1)
	})
}

func TestRedisThatComesBackWithAnOldTokenIsGivenTheNewOne(t *testing.T) {
	inFleets(t, func(f *fleet) {
		f.add(3, f.redis.Addr)
		f.awaitReady()
		f.awaitStored()
		f.mustDo("SAVE")
		f.under(func() {
			f.w.Revoke(appID)
			f.awaitStored()
			time.Sleep(300 * time.Millisecond) // until all have it
			generation := f.stored("generation")
			f.redis.Stop()
			f.redis.Start()
			f.awaitStored()
			if got := f.stored("generation"); got < generation {
				f.t.Errorf("got generation %s after %s; want one that rises", got, generation)
			}
		})
		f.mustHaveFetched(2)
	})
}

// mustDo has Redis do something.
func (f *fleet) mustDo(command ...any) {
	f.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: f.redis.Addr})
	defer client.Close()
	if err := client.Do(context.Background(), command...).Err(); err != nil {
		f.t.Fatalf("%v: %v", command, err)
	}
}

func TestNobodyWaitsForARedisThatIsPaused(t *testing.T) {
	inFleets(t, func(f *fleet) {
		f.add(3, f.redis.Addr)
		f.awaitReady()
		f.under(func() {
			f.redis.Pause()
			time.Sleep(30 * time.Second)
			f.redis.Resume()
			time.Sleep(3 * time.Second)
		})
		f.mustHaveFetched(1)
	})
}

// Three classic tokens cannot be good at a time, so that without Redis replicas
// take them from each other; with it they have one again soon.
func TestATokenThatDiesWhileRedisIsAwayIsReplaced(t *testing.T) {
	inFleets(t, func(f *fleet) {
		f.add(3, f.redis.Addr)
		f.awaitReady()
		f.redis.Pause()
		stable := strings.Contains(f.toml, "stable")
		f.undisturbed(stable, func() {
			f.w.Revoke(appID)
			time.Sleep(5 * time.Second)
			f.redis.Resume()
			// Nobody knows which of several tokens fetched in the same moment is the newest.
			f.replicas[0].eventually("a token that WeChat honours in Redis", func() bool {
				return slices.Contains(f.w.Tokens(appID), f.stored("access_token"))
			})
			time.Sleep(3 * time.Second)
		})
		f.under(func() { time.Sleep(100 * time.Millisecond) })
		if n := f.fetches(); n > 4 {
			f.t.Errorf("got %d fetches; want one at the start and one of each replica", n)
		}
	})
}

func TestAReplicaThatIsCutOffServesOnAndCatchesUp(t *testing.T) {
	inFleets(t, func(f *fleet) {
		link := redistest.NewLink(f.t, f.redis.Addr)
		f.add(2, f.redis.Addr)
		f.add(1, link.Addr)
		f.awaitReady()
		f.under(func() {
			link.Cut()
			f.w.Steal(appID)
			time.Sleep(5 * time.Second)
			link.Heal()
			time.Sleep(5 * time.Second)
		})
		if n := f.fetches(); n > 3 {
			f.t.Errorf("got %d fetches: %+v; want no more than one from each side", n, f.w.Fetches(appID))
		}
	})
}

func TestClocksTenMinutesApartMakeNoDifference(t *testing.T) {
	t.Parallel()
	library := shiftLibrary(t)
	for _, shift := range []string{"600", "-600"} {
		t.Run(shift+" s", func(t *testing.T) {
			t.Parallel()
			f := &fleet{t: t, w: startWeChat(t), toml: fourLines, redis: redistest.Start(t, "LD_PRELOAD="+library, "CLOCK_SHIFT="+shift)}
			expires := time.Now().Add(2 * time.Hour)
			f.add(3, f.redis.Addr)
			f.awaitReady()
			f.w.Revoke(appID)
			f.under(f.awaitStored)
			f.mustHaveFetched(2)
			seconds, _ := strconv.Atoi(shift)
			stored, err := strconv.ParseInt(f.stored("expires_at"), 10, 64)
			if off := time.Unix(stored, 0).Sub(expires) - time.Duration(seconds)*time.Second; err != nil || off.Abs() > time.Minute {
				t.Errorf("got an expires_at that is off by %v; want it by the clock of Redis", off)
			}
			for _, p := range f.replicas {
				var status struct {
					Accounts []struct {
						ExpiresIn int `json:"expires_in"`
					}
				}
				if err := json.Unmarshal([]byte(p.mustAsk("GET", p.admin+"/status", "").body), &status); err != nil {
					t.Fatal(err)
				}
				if left := status.Accounts[0].ExpiresIn; left < 7000 || left > 7200 {
					t.Errorf("got %d s to live; want about 7200", left)
				}
			}
		})
	}
}

func TestARollingRestartFetchesNothing(t *testing.T) {
	inFleets(t, func(f *fleet) {
		f.add(3, f.redis.Addr)
		f.awaitReady()
		for i := range 3 {
			old := f.replicas[i]
			rest := &fleet{t: f.t, w: f.w, redis: f.redis}
			for _, p := range f.replicas {
				if p != old {
					rest.replicas = append(rest.replicas, p)
				}
			}
			rest.under(func() {
				old.stop()
				f.replicas[i] = serving(f.t, f.w.URL, f.toml, "WXPROXY_STORE=redis://"+f.redis.Addr)
				f.replicas[i].awaitReady()
			})
		}
		f.mustHaveFetched(1)
	})
}
