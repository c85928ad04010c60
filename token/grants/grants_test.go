package grants

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/wechat"
)

var ofShop = token.Key{Platform: component, AppID: "wxshop"}

// A brittle store fails when it is told to.
type brittle struct {
	token.PlatformStore
	mu                sync.Mutex
	loading, amending error
	beforeAmend       func()
}

func (b *brittle) Load(key token.Key) (token.Record, error) {
	b.mu.Lock()
	err := b.loading
	b.mu.Unlock()
	if err != nil {
		return token.Record{}, err
	}
	return b.PlatformStore.Load(key)
}

func (b *brittle) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	b.mu.Lock()
	err, before := b.amending, b.beforeAmend
	b.beforeAmend = nil
	b.mu.Unlock()
	if before != nil {
		before()
	}
	if err != nil {
		return token.Record{}, err
	}
	return b.PlatformStore.Amend(key, change)
}

func (b *brittle) fails(loading, amending error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loading, b.amending = loading, amending
}

// A wechatOfRefreshTokens knows which refresh tokens are good.
type wechatOfRefreshTokens struct {
	good    map[string]string // the refresh token that is answered
	code    int               // of refusals; 0: RefreshInvalid
	err     error
	asked   []string
	issued  int
	onAsk   func()
	recover []secret.Secret // what Recover finds, one after the other
	whys    []*token.Refusal
}

func (w *wechatOfRefreshTokens) means() *Means { return &Means{Ask: w.ask, Recover: w.recovered} }

func (w *wechatOfRefreshTokens) ask(_ context.Context, appID string, refresh secret.Secret) (token.Grant, error) {
	w.asked = append(w.asked, refresh.Reveal())
	if w.onAsk != nil {
		w.onAsk()
	}
	next, ok := w.good[refresh.Reveal()]
	switch {
	case w.err != nil:
		return token.Grant{}, w.err
	case !ok:
		code := w.code
		if code == 0 {
			code = wechat.RefreshInvalid
		}
		return token.Grant{}, &token.Refusal{API: "api_authorizer_token", Code: code}
	}
	w.issued++
	return token.Grant{AppID: appID, Token: token.Token{Value: secret.New("token-" + next), Expires: time.Now().Add(2 * time.Hour)}, Refresh: secret.New(next)}, nil
}

var errNone = errors.New("nothing is found")

func (w *wechatOfRefreshTokens) recovered(_ context.Context, _ token.Key, _ secret.Secret, why *token.Refusal) (secret.Secret, error) {
	w.whys = append(w.whys, why)
	if len(w.recover) == 0 {
		return secret.Secret{}, errNone
	}
	found := w.recover[0]
	w.recover = w.recover[1:]
	return found, nil
}

func authorizer(t *testing.T, w *wechatOfRefreshTokens, granted token.Granted) (*Authorizer, *brittle) {
	t.Helper()
	s := &brittle{PlatformStore: store.NewMemory()}
	if granted.HasGrants() {
		grant(t, s, granted)
	}
	return &Authorizer{Key: ofShop, Store: s, Means: w.means()}, s
}

func grant(t *testing.T, s *brittle, granted token.Granted) {
	t.Helper()
	if _, err := s.PlatformStore.Amend(ofShop, func(r *token.Record) bool { r.Granted = granted; return true }); err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, s *brittle) token.Granted {
	t.Helper()
	r, err := s.PlatformStore.Load(ofShop)
	if err != nil {
		t.Fatal(err)
	}
	return r.Granted
}

func wantFetched(t *testing.T, a *Authorizer, want string) {
	t.Helper()
	if got, err := a.Fetch(t.Context()); err != nil || !got.Value.Equal(want) {
		t.Errorf("got %q, %v; want %q", got.Value.Reveal(), err, want)
	}
}

func wantAsked(t *testing.T, w *wechatOfRefreshTokens, want ...string) {
	t.Helper()
	if got := strings.Join(w.asked, " "); got != strings.Join(want, " ") {
		t.Errorf("WeChat was asked with %s; want %v", got, want)
	}
	w.asked = nil
}

func TestWhateverARefreshAnswersIsStored(t *testing.T) {
	w := &wechatOfRefreshTokens{good: map[string]string{"r1": "r1", "r2": "r2"}}
	a, s := authorizer(t, w, token.Granted{Refresh: secret.New("r1"), AuthorizedAt: time.Unix(1, 0)})
	wantFetched(t, a, "token-r1")
	if g := stored(t, s); !g.Refresh.Equal("r1") || !g.RefreshBefore.Empty() {
		t.Errorf("got %q before %q; want what it was", g.RefreshBefore.Reveal(), g.Refresh.Reveal())
	}
	w.good["r1"] = "r2"
	wantFetched(t, a, "token-r2")
	if g := stored(t, s); !g.Refresh.Equal("r2") || !g.RefreshBefore.Equal("r1") || !g.AuthorizedAt.Equal(time.Unix(1, 0)) {
		t.Errorf("got %q after %q; want the new one, and the one before", g.Refresh.Reveal(), g.RefreshBefore.Reveal())
	}
	wantFetched(t, a, "token-r2")
	wantAsked(t, w, "r1", "r1", "r2")
}

// As long as the new refresh token is in memory alone, the token that came with it is not used.
func TestATokenIsUsedWhenTheNewRefreshTokenIsStored(t *testing.T) {
	w := &wechatOfRefreshTokens{good: map[string]string{"r1": "r2"}}
	a, s := authorizer(t, w, token.Granted{Refresh: secret.New("r1")})
	s.fails(nil, token.ErrAway)
	for range 2 {
		if got, err := a.Fetch(t.Context()); !errors.Is(err, token.ErrUnstored) || !got.Value.Empty() || strings.Contains(err.Error(), "r2") {
			t.Errorf("got %v, %v; want no token", !got.Value.Empty(), err)
		}
	}
	s.fails(nil, nil)
	wantFetched(t, a, "token-r2")
	wantAsked(t, w, "r1") // once in all
	if g := stored(t, s); !g.Refresh.Equal("r2") || !g.RefreshBefore.Equal("r1") {
		t.Errorf("got %+v; want the new one, and the one before", g)
	}
}

func TestTokensAreRefreshedWhileTheStoreIsAway(t *testing.T) {
	w := &wechatOfRefreshTokens{good: map[string]string{"r1": "r1"}}
	a, s := authorizer(t, w, token.Granted{Refresh: secret.New("r1")})
	s.fails(token.ErrAway, token.ErrAway)
	if _, err := a.Fetch(t.Context()); !errors.Is(err, token.ErrAway) || len(w.whys) > 0 {
		t.Errorf("before anything is known: got %v, and %d recoveries", err, len(w.whys))
	}
	s.fails(nil, nil)
	wantFetched(t, a, "token-r1")
	s.fails(token.ErrAway, token.ErrAway)
	wantFetched(t, a, "token-r1")
}

func TestTheRefreshTokenBeforeIsTriedToo(t *testing.T) {
	w := &wechatOfRefreshTokens{good: map[string]string{"r1": "r3"}}
	a, s := authorizer(t, w, token.Granted{Refresh: secret.New("r2"), RefreshBefore: secret.New("r1")})
	wantFetched(t, a, "token-r3")
	wantAsked(t, w, "r2", "r1")
	if g := stored(t, s); !g.Refresh.Equal("r3") || !g.RefreshBefore.Equal("r1") {
		t.Errorf("got %q after %q", g.Refresh.Reveal(), g.RefreshBefore.Reveal())
	}
	for _, code := range []int{wechat.NotAuthorized, 61004, 40001} { // then it would be refused, too
		w := &wechatOfRefreshTokens{good: map[string]string{"r1": "r3"}, code: code}
		a, _ := authorizer(t, w, token.Granted{Refresh: secret.New("r2"), RefreshBefore: secret.New("r1")})
		if _, err := a.Fetch(t.Context()); err == nil {
			t.Errorf("%d: got a token", code)
		}
		wantAsked(t, w, "r2")
	}
}

func TestARefreshTokenIsRecovered(t *testing.T) {
	for _, row := range []struct {
		name    string
		granted token.Granted
		code    int
		found   []string
		asked   string
		token   string // empty: an error
	}{
		{"lost", token.Granted{AuthorizedAt: time.Unix(1, 0)}, 0, []string{"r9"}, "r9", "token-r9"},
		{"never stored", token.Granted{}, 0, []string{"r9"}, "r9", "token-r9"},
		{"superseded", token.Granted{Refresh: secret.New("r1"), RefreshBefore: secret.New("r0")}, 0, []string{"r9"}, "r1 r0 r9", "token-r9"},
		{"and what is found, too", token.Granted{Refresh: secret.New("r1")}, 0, []string{"r2", "r9"}, "r1 r2 r9", "token-r9"},
		{"nothing is found", token.Granted{Refresh: secret.New("r1")}, 0, nil, "r1", ""},
		{"the list says that it is authorized", token.Granted{Refresh: secret.New("r1")}, wechat.NotAuthorized, []string{"r9"}, "r1 r9", "token-r9"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := &wechatOfRefreshTokens{good: map[string]string{"r9": "r9"}, code: row.code}
			for _, found := range row.found {
				w.recover = append(w.recover, secret.New(found))
			}
			a, _ := authorizer(t, w, row.granted)
			got, err := a.Fetch(t.Context())
			if got.Value.Reveal() != row.token || (err == nil) != (row.token != "") {
				t.Errorf("got %q, %v; want %q", got.Value.Reveal(), err, row.token)
			}
			wantAsked(t, w, strings.Fields(row.asked)...)
			if why := w.whys[0]; (why == nil) != row.granted.Refresh.Empty() {
				t.Errorf("got the reason %v", why)
			}
		})
	}
	w := &wechatOfRefreshTokens{recover: []secret.Secret{secret.New("a"), secret.New("b"), secret.New("c"), secret.New("d"), secret.New("e")}}
	a, _ := authorizer(t, w, token.Granted{Refresh: secret.New("r1")})
	if _, err := a.Fetch(t.Context()); !isRefusal(err, wechat.RefreshInvalid) || len(w.asked) > rounds {
		t.Errorf("got %v after %d calls; want an end", err, len(w.asked))
	}
}

func isRefusal(err error, code int) bool {
	refusal, ok := errors.AsType[*token.Refusal](err)
	return ok && refusal.Code == code
}

func TestAnAccountThatHasNotAuthorizedIsNotAskedFor(t *testing.T) {
	for _, state := range []token.Authorization{token.Unauthorized, token.NeedsAuthorization} {
		w := &wechatOfRefreshTokens{good: map[string]string{"r1": "r1"}}
		a, _ := authorizer(t, w, token.Granted{Refresh: secret.New("r1"), State: state})
		if _, err := a.Fetch(t.Context()); !errors.Is(err, token.ErrNotAuthorized) || len(w.asked)+len(w.whys) > 0 {
			t.Errorf("%s: got %v after %d calls", state, err, len(w.asked))
		}
	}
}

// An authorization that is redeemed while WeChat is asked has the last word.
func TestARedemptionBesideARefreshWins(t *testing.T) {
	redeem := func(t *testing.T, s *brittle, state token.Authorization) {
		t.Helper()
		if _, err := s.PlatformStore.Amend(ofShop, func(r *token.Record) bool {
			r.Refresh, r.RefreshBefore, r.State = secret.New("redeemed"), secret.Secret{}, state
			r.Token, r.Notice.FetchedAt = token.Token{Value: secret.New("token-redeemed"), Expires: time.Now().Add(time.Hour)}, time.Now()
			return true
		}); err != nil {
			t.Error(err)
		}
	}
	t.Run("a new refresh token comes late", func(t *testing.T) {
		w := &wechatOfRefreshTokens{good: map[string]string{"r1": "r2"}}
		a, s := authorizer(t, w, token.Granted{Refresh: secret.New("r1")})
		w.onAsk = func() { redeem(t, s, token.Authorized) }
		wantFetched(t, a, "token-redeemed")
		if g := stored(t, s); !g.Refresh.Equal("redeemed") {
			t.Errorf("got %q; want what the code yielded", g.Refresh.Reveal())
		}
	})
	t.Run("the old one is refused", func(t *testing.T) {
		w := &wechatOfRefreshTokens{good: map[string]string{"redeemed": "redeemed"}}
		a, s := authorizer(t, w, token.Granted{Refresh: secret.New("r1")})
		w.onAsk = func() { redeem(t, s, token.Authorized); w.onAsk = nil }
		wantFetched(t, a, "token-redeemed")
		wantAsked(t, w, "r1", "redeemed")
		if len(w.whys) > 0 {
			t.Error("it was to be recovered")
		}
	})
	t.Run("the account ends it", func(t *testing.T) {
		w := &wechatOfRefreshTokens{good: map[string]string{"r1": "r2"}}
		a, s := authorizer(t, w, token.Granted{Refresh: secret.New("r1")})
		w.onAsk = func() { redeem(t, s, token.Unauthorized) }
		if _, err := a.Fetch(t.Context()); !errors.Is(err, token.ErrNotAuthorized) {
			t.Errorf("got %v; want ErrNotAuthorized", err)
		}
	})
}

// What a store has lost, it gets again from who knows it.
func TestALostRecordIsStoredAgain(t *testing.T) {
	w := &wechatOfRefreshTokens{good: map[string]string{"r1": "r1"}}
	a, s := authorizer(t, w, token.Granted{Refresh: secret.New("r1"), AuthorizedAt: time.Unix(7, 0)})
	wantFetched(t, a, "token-r1")
	if err := s.PlatformStore.(token.Remover).Remove(ofShop); err != nil {
		t.Fatal(err)
	}
	wantFetched(t, a, "token-r1")
	if g := stored(t, s); !g.Refresh.Equal("r1") || !g.AuthorizedAt.Equal(time.Unix(7, 0)) || len(w.whys) > 0 {
		t.Errorf("got %+v after %d recoveries; want what it was", g, len(w.whys))
	}
}

func TestATicketThatIsRefusedIsNotShownAgain(t *testing.T) {
	ticket, asked, code := "", 0, 61006
	c := &Component{
		Ticket: func() secret.Secret { return secret.New(ticket) },
		Ask: func(_ context.Context, given secret.Secret) (token.Token, error) {
			asked++
			if given.Equal("good") {
				return token.Token{Value: secret.New("token"), Expires: time.Now().Add(time.Hour)}, nil
			}
			return token.Token{}, &token.Refusal{API: "api_component_token", Code: code, Reason: "no"}
		},
	}
	fetch := func(calls int, code int, renewed bool) {
		t.Helper()
		_, err := c.Fetch(t.Context())
		if !errors.Is(err, token.ErrNoTicket) || asked != calls || code != 0 && !isRefusal(err, code) {
			t.Errorf("ticket %q: got %v after %d calls; want ErrNoTicket after %d", ticket, err, asked, calls)
		}
		if e := wechat.NewComponentIssuer().Explain(err); e.Code != code || e.Class != token.ClassTransient || code != 0 && !e.Local {
			t.Errorf("got %+v", e)
		}
		if got := c.Renewed(); got != renewed {
			t.Errorf("ticket %q: got renewed %v", ticket, got)
		}
	}
	fetch(0, 0, false)
	ticket = "bad"
	if !c.Renewed() {
		t.Error("a ticket came")
	}
	fetch(1, 61006, false)
	fetch(1, 61006, false)
	ticket, code = "worse", 61005
	fetch(2, 61005, false)
	if c.Refusal(secret.New("worse")) == nil || c.Refusal(secret.New("good")) != nil {
		t.Error("the refusal is of the last ticket alone")
	}
	ticket, code = "other", 40125
	if _, err := c.Fetch(t.Context()); !isRefusal(err, 40125) || errors.Is(err, token.ErrNoTicket) || c.Renewed() {
		t.Errorf("got %v; want WeChat's refusal", err)
	}
	ticket = "good"
	if got, err := c.Fetch(t.Context()); err != nil || !got.Value.Equal("token") || c.Renewed() {
		t.Errorf("got %v", err)
	}
}
