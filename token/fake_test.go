package token

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

// What other packages have that import this one: TestMain, in token_test, puts it here.
var (
	IssuerOfWeChat *Issuer
	MemoryStore    func() Store
	FileStore      func(dir string) (Store, error)

	UnreadableSecret error // of a Client whose AppSecret cannot be read
)

// Some of WeChat's numbers, as the Issuer has them.
const (
	fetchesPerDay = 500
	forcedPerDay  = 20
	waiting       = 3 * time.Second
)

// fakeWeChat issues tokens named token-1, token-2, ... as stable_token does, or
// as the classic API does. Package wechattest knows more rules; this one can be
// steered more finely.
type fakeWeChat struct {
	mu      sync.Mutex
	life    time.Duration // 0: two hours
	latency time.Duration
	window  time.Duration // before expiry, in which it rotates; 0: five minutes
	classic bool          // each fetch rotates
	err     error
	panics  any

	issued  int
	current Token
	asked   []time.Time
}

// Fetch is what a Client would ask.
func (w *fakeWeChat) Fetch(ctx context.Context) (Token, error) {
	w.mu.Lock()
	sent := time.Now()
	w.asked = append(w.asked, sent)
	latency := w.latency
	w.mu.Unlock()

	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	if w.panics != nil {
		panic(w.panics)
	}
	if w.err != nil {
		return Token{}, w.err
	}
	if left := time.Until(w.current.Expires); w.classic || left <= w.rotationWindow() && left < w.lifetime() {
		w.rotate()
	}
	remaining := time.Until(w.current.Expires).Truncate(time.Second)
	return Token{Value: w.current.Value, Expires: sent.Add(remaining)}, nil
}

func (w *fakeWeChat) lifetime() time.Duration {
	if w.life == 0 {
		return 2 * time.Hour
	}
	return w.life
}

func (w *fakeWeChat) rotationWindow() time.Duration {
	if w.window == 0 {
		return RotationWindow
	}
	return w.window
}

func (w *fakeWeChat) rotate() {
	w.issued++
	w.current = Token{secret.New(fmt.Sprintf("token-%d", w.issued)), time.Now().Add(w.lifetime())}
}

// change does what a test wants to w.
func (w *fakeWeChat) change(how func(w *fakeWeChat)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	how(w)
}

// revoke makes the current token worthless.
func (w *fakeWeChat) revoke() { w.change(func(w *fakeWeChat) { w.rotate() }) }

// fail makes every fetch end with err; nil ends that.
func (w *fakeWeChat) fail(err error) { w.change(func(w *fakeWeChat) { w.err = err }) }

func (w *fakeWeChat) delay(d time.Duration) { w.change(func(w *fakeWeChat) { w.latency = d }) }

func (w *fakeWeChat) fetches() int { return len(w.times()) }

// times returns when WeChat was asked.
func (w *fakeWeChat) times() []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]time.Time(nil), w.asked...)
}

var errAway = errors.New("connection refused")

// newKeeper returns a Keeper of w that ends with the test. In a bubble the test
// calls stop itself, since cleanups run outside.
func newKeeper(w *fakeWeChat, with ...func(*Options)) *Keeper {
	o := Options{Issuer: IssuerOfWeChat, Name: "shop", AppID: "wx1", Fetch: w.Fetch}
	if w.classic {
		o.Kind = Rotating{}
	}
	for _, change := range with {
		change(&o)
	}
	return NewKeeper(o)
}

// inBubble runs f with a started Keeper of w, which has its first token unless
// WeChat is away.
func inBubble(t *testing.T, w *fakeWeChat, f func(t *testing.T, k *Keeper)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(w)
		defer k.Stop()
		k.Start()
		synctest.Wait()
		f(t, k)
	})
}

func wantToken(t *testing.T, k *Keeper, want string) {
	t.Helper()
	if got, err := k.Token(time.Minute); got != want || err != nil {
		t.Errorf("Token: got %q, %v; want %q", got, err, want)
	}
}

func wantReplaced(t *testing.T, k *Keeper, refused, want string) {
	t.Helper()
	if got, err := k.Replace(refused, time.Minute); got != want || err != nil {
		t.Errorf("Replace(%q): got %q, %v; want %q", refused, got, err, want)
	}
}

func wantFetches(t *testing.T, w *fakeWeChat, want int) {
	t.Helper()
	if got := w.fetches(); got != want {
		t.Errorf("WeChat was asked %d times; want %d", got, want)
	}
}

// wantUnavailable checks that err is an *Unavailable and returns it.
func wantUnavailable(t *testing.T, err error) *Unavailable {
	t.Helper()
	u, ok := errors.AsType[*Unavailable](err)
	if !ok {
		t.Fatalf("got error %v; want an *Unavailable", err)
	}
	return u
}

// counted returns fetch with a call of count before each.
func counted(fetch Fetch, count func()) Fetch {
	return func(ctx context.Context) (Token, error) {
		count()
		return fetch(ctx)
	}
}
