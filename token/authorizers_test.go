package token_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/grants"
	"wxproxy/token/wechat"
)

// A merchant's account at WeChat, which replaces the refresh token at each refresh, and ends
// the one before at once.
type merchant struct {
	mu      sync.Mutex // guards what follows
	issued  int
	refresh string
	ends    map[string]time.Time // of access tokens
	asked   int
	refused int
}

func (m *merchant) ask(_ context.Context, appID string, refresh secret.Secret) (token.Grant, error) {
	time.Sleep(50 * time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked++; !refresh.Equal(m.refresh) {
		m.refused++
		return token.Grant{}, &token.Refusal{API: "api_authorizer_token", Code: wechat.RefreshInvalid, Reason: "refresh_token is invalid"}
	}
	for value, end := range m.ends {
		if soon := time.Now().Add(5 * time.Minute); soon.Before(end) {
			m.ends[value] = soon
		}
	}
	m.issued++
	value := fmt.Sprint("token-", m.issued)
	m.refresh = fmt.Sprint("refresh-", m.issued)
	m.ends[value] = time.Now().Add(2 * time.Hour)
	return token.Grant{AppID: appID, Token: token.Token{Value: secret.New(value), Expires: time.Now().Add(2 * time.Hour)}, Refresh: secret.New(m.refresh)}, nil
}

func (m *merchant) honours(value string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Before(m.ends[value])
}

func (m *merchant) probe(_ context.Context, t secret.Secret) token.Verdict {
	if m.honours(t.Reveal()) {
		return token.Alive
	}
	return token.Dead
}

// revoke ends all access tokens.
func (m *merchant) revoke() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.ends)
}

// Three replicas refresh an account's token for a day in turn. WeChat replaces the refresh
// token each time, and no replica is ever left with one that is dead.
func TestReplicasRefreshAnAuthorizerTogether(t *testing.T) {
	const replicas, revocations = 3, 5
	synctest.Test(t, func(t *testing.T) {
		m := &merchant{refresh: "refresh-0", ends: map[string]time.Time{}}
		key := token.Key{Platform: "wxcomponent", AppID: "wxshop"}
		shared := newHub()
		if _, err := shared.join().Amend(key, func(r *token.Record) bool { r.Refresh = secret.New("refresh-0"); return true }); err != nil {
			t.Fatal(err)
		}
		means := &grants.Means{Ask: m.ask, Recover: func(context.Context, token.Key, secret.Secret, *token.Refusal) (secret.Secret, error) {
			t.Error("the refresh token was lost")
			return secret.Secret{}, token.ErrNotAuthorized
		}}
		keepers := make([]*token.Keeper, replicas)
		for i := range keepers {
			s := shared.join()
			a := &grants.Authorizer{Key: key, Store: s, Means: means}
			keepers[i] = token.NewKeeper(token.Options{
				Name: "wxshop", AppID: key.AppID, Platform: key.Platform, Fetch: a.Fetch, Probe: m.probe, Issuer: wechat.NewAuthorizerIssuer(),
				Store: s, Shared: s, Kind: token.Rotating{},
			})
			keepers[i].Start()
			defer keepers[i].Stop()
		}
		began, revoked := time.Now(), 0
		for time.Since(began) < 24*time.Hour {
			time.Sleep(time.Duration(rand.Int64N(int64(10 * time.Minute))))
			if revoked < revocations && time.Since(began) > time.Duration(revoked+1)*4*time.Hour {
				m.revoke()
				revoked++
			}
			callAll(t, m, keepers)
		}
		if m.refused > 0 || m.asked > 13+revocations+1 {
			t.Errorf("got %d refreshes, %d of them refused; want about one in two hours", m.asked, m.refused)
		}
	})
}

// callAll has a call made at each replica at the same time, and once more if WeChat refuses
// the token.
func callAll(t *testing.T, m *merchant, keepers []*token.Keeper) {
	t.Helper()
	var calls sync.WaitGroup
	for i, k := range keepers {
		calls.Go(func() {
			value, err := k.Token(time.Minute)
			if err == nil && !m.honours(value) {
				value, err = k.Replace(value, time.Minute)
			}
			if err != nil || !m.honours(value) {
				t.Errorf("replica %d: got %q, %v; want a token that WeChat honours", i, value, err)
			}
		})
	}
	calls.Wait()
}

// What WeChat answers while the store is away is stored, and used, when it is back: WeChat
// is not asked again.
func TestAnAuthorizersGrantsOutliveAStoreThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &merchant{refresh: "refresh-0", ends: map[string]time.Time{}}
		key := token.Key{Platform: "wxcomponent", AppID: "wxshop"}
		s := newHub().join()
		if _, err := s.Amend(key, func(r *token.Record) bool { r.Refresh = secret.New("refresh-0"); return true }); err != nil {
			t.Fatal(err)
		}
		a := &grants.Authorizer{Key: key, Store: s, Means: &grants.Means{Ask: m.ask}}
		k := token.NewKeeper(token.Options{
			Name: "wxshop", AppID: key.AppID, Platform: key.Platform, Fetch: a.Fetch, Probe: m.probe, Issuer: wechat.NewAuthorizerIssuer(),
			Store: s, Shared: s, Kind: token.Rotating{},
		})
		k.Start()
		defer k.Stop()
		callAll(t, m, []*token.Keeper{k})
		away := func(is bool) {
			s.hub.mu.Lock()
			defer s.hub.mu.Unlock()
			s.away = is
		}
		time.Sleep(time.Hour)
		away(true)
		m.revoke()
		value, err := k.Token(time.Minute)
		if err == nil {
			value, err = k.Replace(value, 8*time.Second)
		}
		if err == nil && m.honours(value) {
			t.Error("got a token whose refresh token is not stored")
		}
		away(false)
		time.Sleep(2 * time.Minute)
		callAll(t, m, []*token.Keeper{k})
		if m.refused > 0 || m.asked > 2 {
			t.Errorf("got %d refreshes, %d refused; want the second to be kept in memory", m.asked, m.refused)
		}
		if r, err := s.Load(key); err != nil || !r.Refresh.Equal("refresh-2") || !r.RefreshBefore.Equal("refresh-1") {
			t.Errorf("got %q, %v; want the last one", r.Refresh.Reveal(), err)
		}
	})
}
