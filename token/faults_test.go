package token_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/wechat"
)

// A sufferer is an account with token files to whom anything may happen.
type sufferer struct {
	wechat *wechattest.WeChat
	api    wechat.API
	store  token.Store
	secret atomic.Pointer[string] // in the configuration
	keeper *token.Keeper
	log    bytes.Buffer
	caller caller

	random   *rand.Rand
	history  []string
	ends     []func() // of what lasts
	noAnswer bool     // since the last recovery the token API was away, busy or refused the secret
}

func newSufferer(t *testing.T, api wechat.API, seed uint64) *sufferer {
	kept, err := store.NewFile(t.TempDir(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, first := wechattest.New(wechattest.App{ID: appID, Secret: appSecret}), appSecret
	s := &sufferer{wechat: w, api: api, store: kept, caller: caller{wechat: w, api: api}, random: rand.New(rand.NewPCG(seed, 7))}
	s.secret.Store(&first)
	s.start()
	return s
}

func (s *sufferer) start() {
	c := newClient(s.wechat, s.api)
	c.Secret = func() (secret.Secret, error) { return secret.New(*s.secret.Load()), nil }
	s.keeper = newKeeper(s.wechat, s.api, func(o *token.Options) {
		o.Fetch, o.Probe, o.SecretChanged, o.Store = c.Fetch, c.Probe, c.SecretChanged, s.store
		o.Log = slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if s.api == wechat.Stable {
			o.Force = c.Force
		}
	})
	s.keeper.Start()
}

// happen has one thing go wrong.
func (s *sufferer) happen() {
	names := []string{"steal", "revoke", "expire", "kill", "flap", "closed", "restart", "busy", "away", "secret"}
	what := s.random.IntN(len(names))
	s.history = append(s.history, names[what])
	s.noAnswer = s.noAnswer || what >= 7
	times := 1 + s.random.IntN(5)
	inject := func(f wechattest.Fault) { s.ends = append(s.ends, s.wechat.Inject(f)) }
	switch names[what] {
	case "steal":
		s.wechat.Steal(appID)
	case "revoke":
		s.wechat.Revoke(appID)
	case "expire":
		s.wechat.Expire(appID)
	case "kill":
		s.wechat.Kill(appID)
	case "flap":
		inject(wechattest.Fault{Path: "/cgi-bin/user/get", Flap: true, Times: times})
	case "closed":
		inject(wechattest.Fault{Path: "/cgi-bin/user/get", Errcode: 40001, Times: times})
	case "restart":
		s.keeper.Stop()
		s.start()
	case "busy":
		inject(wechattest.Fault{Path: tokenPath(s.api), Errcode: -1, Times: times})
	case "away":
		inject(wechattest.Fault{Path: tokenPath(s.api), Status: http.StatusBadGateway})
	case "secret":
		next := fmt.Sprintf("canary%026d", len(s.history))
		s.wechat.SetSecret(appID, next)
		s.ends = append(s.ends, func() { s.secret.Store(&next) })
	}
}

// call makes one call as the proxy does, and returns what must not be: a failure
// while WeChat issued tokens, or a rejection of a token that WeChat was not asked
// about within the last 30 s.
func (s *sufferer) call(t *testing.T) (problem string) {
	first, err := s.keeper.Token(time.Minute)
	s.caller.look()
	second, refused := first, err == nil && callWith(t, s.wechat, first) != 0
	if refused {
		second, err = s.keeper.Replace(first, time.Minute)
		s.caller.look()
	}
	if _, unavailable := errors.AsType[*token.Unavailable](err); err != nil && (!s.noAnswer || !unavailable) {
		return fmt.Sprintf("no token although WeChat would have issued one: %v", err)
	}
	asked := time.Since(s.caller.at)
	if refused && err == nil && second == first && asked > 30*time.Second && callWith(t, s.wechat, second) != 0 {
		return fmt.Sprintf("a rejection went to the caller, and WeChat was asked %v ago", asked)
	}
	return ""
}

// recover ends all faults and returns how long it takes until a caller who tries
// twice a second succeeds.
func (s *sufferer) recover(t *testing.T) time.Duration {
	for _, end := range s.ends {
		end()
	}
	s.ends, s.history = nil, append(s.history, "recovery")
	time.Sleep(31 * time.Second) // a token is not replaced twice within 30 s
	for began := time.Now(); ; time.Sleep(500 * time.Millisecond) {
		value, err := s.keeper.Token(time.Second)
		if err == nil && callWith(t, s.wechat, value) != 0 {
			value, err = s.keeper.Replace(value, time.Second)
		}
		took := time.Since(began)
		if err == nil && callWith(t, s.wechat, value) == 0 || took > time.Minute {
			s.noAnswer = false
			return took
		}
	}
}

// Whatever happens to token files, secrets, tokens and WeChat, in whatever
// order: callers get what they can get, it passes within five seconds, and no
// line of the log holds a token or a secret.
func TestAnAccountRecoversFromAnyFaultsInAnyOrder(t *testing.T) {
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		for range 4 {
			seed := rand.Uint64()
			synctest.Test(t, func(t *testing.T) { recoverOften(t, api, seed) })
		}
	}
}

func recoverOften(t *testing.T, api wechat.API, seed uint64) {
	s := newSufferer(t, api, seed)
	defer func() { s.keeper.Stop() }()
	for range 6 {
		for range 1 + s.random.IntN(4) {
			s.happen()
			for range 1 + s.random.IntN(4) {
				if problem := s.call(t); problem != "" {
					t.Fatalf("%s, seed %d, after %v: %s", api, seed, s.history, problem)
				}
				time.Sleep(time.Duration(s.random.Int64N(int64(40 * time.Second))))
			}
		}
		if took := s.recover(t); took > 5*time.Second {
			t.Fatalf("%s, seed %d, after %v: recovery took %v; want 5s at most", api, seed, s.history, took)
		}
	}
	if f := s.wechat.Fetches(appID); f.Forced > 20 {
		t.Errorf("%s, seed %d: got %d forced refreshes; want 20 at most", api, seed, f.Forced)
	}
	s.keeper.Stop()
	for _, hidden := range []string{"canary", wechattest.TokenPrefix} {
		if i := strings.Index(s.log.String(), hidden); i >= 0 {
			t.Fatalf("%s, seed %d: the log holds a secret: %.300s", api, seed, s.log.String()[max(0, i-200):])
		}
	}
}
