package token_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/wechat"
)

// Whatever happens at WeChat's, and in whatever order: a caller is left with a
// rejection only if WeChat refused two different tokens that were current, or
// stood by the same one; and when all is well again, calls succeed within five
// seconds.
func TestACallerIsRejectedOnlyByTwoTokensOrOneThatStands(t *testing.T) {
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		for seed := range uint64(15) {
			synctest.Test(t, func(t *testing.T) { sufferAtRandom(t, api, seed) })
		}
	}
}

func sufferAtRandom(t *testing.T, api wechat.API, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	kept := store.NewMemory()
	start := func() *token.Keeper {
		c := newClient(w, api)
		k := newKeeper(w, api, func(o *token.Options) {
			o.Fetch, o.Probe, o.SecretChanged, o.Store = c.Fetch, c.Probe, c.SecretChanged, kept
			if api == wechat.Stable {
				o.Force = c.Force
			}
		})
		k.Start()
		return k
	}
	k, c := start(), caller{wechat: w, api: api}
	defer func() { k.Stop() }()
	var history []string
	var clear []func()
	inject := func(f wechattest.Fault) { clear = append(clear, w.Inject(f)) }
	for range 30 {
		what := random.IntN(9)
		history = append(history, fmt.Sprint(what))
		switch what {
		case 0:
			w.Revoke(appID)
		case 1:
			w.Steal(appID)
		case 2:
			w.Expire(appID)
		case 3:
			inject(wechattest.Fault{Path: "/cgi-bin/user/get", Flap: true, Times: 1 + random.IntN(5)})
		case 4:
			inject(wechattest.Fault{Path: tokenPath(api), Status: http.StatusBadGateway, Times: 1 + random.IntN(4)})
		case 5:
			inject(wechattest.Fault{Path: tokenPath(api), Errcode: -1, Times: 1 + random.IntN(4)})
		case 6:
			inject(wechattest.Fault{Path: "/cgi-bin/user/get", Errcode: 40001, Times: 1 + random.IntN(6)})
		case 7:
			inject(wechattest.Fault{Path: "/cgi-bin/get_api_domain_ip", Flap: true, Times: 3})
		case 8:
			k.Stop()
			k = start()
		}
		for range 1 + random.IntN(5) {
			if problem := c.call(t, k); problem != "" {
				t.Fatalf("%s, seed %d, after %v: %s", api, seed, history, problem)
			}
			time.Sleep(time.Duration(random.Int64N(int64(40 * time.Second))))
		}
	}
	for _, end := range clear {
		end()
	}
	time.Sleep(31 * time.Second) // a token is not replaced twice within 30 s
	for began := time.Now(); ; time.Sleep(500 * time.Millisecond) {
		value, err := k.Token(time.Second)
		if err == nil && callWith(t, w, value) != 0 {
			value, err = k.Replace(value, time.Second)
		}
		if err == nil && callWith(t, w, value) == 0 {
			return
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("%s, seed %d, after %v: no success %v after all was well", api, seed, history, took)
		}
	}
}

func tokenPath(api wechat.API) string {
	if api == wechat.Classic {
		return "/cgi-bin/token"
	}
	return "/cgi-bin/stable_token"
}

// A caller calls WeChat as the proxy does.
type caller struct {
	wechat *wechattest.WeChat
	api    wechat.API
	asked  int       // how often WeChat was asked about tokens
	at     time.Time // when that grew
}

// call makes one call, and returns what must not be.
func (c *caller) call(t *testing.T, k *token.Keeper) (problem string) {
	first, err := k.Token(time.Second)
	c.look()
	if err != nil || callWith(t, c.wechat, first) == 0 {
		return "" // or there is none, and the caller is told so
	}
	second, err := k.Replace(first, time.Minute)
	c.look()
	if err != nil || callWith(t, c.wechat, second) == 0 || second != first {
		return ""
	}
	if since := time.Since(c.at); since > 30*time.Second {
		return fmt.Sprintf("a rejection went to the caller, and WeChat was asked %v ago", since)
	}
	return ""
}

func (c *caller) look() {
	if n := c.wechat.Calls(tokenPath(c.api)) + c.wechat.Calls("/cgi-bin/get_api_domain_ip"); n != c.asked {
		c.asked, c.at = n, time.Now()
	}
}
