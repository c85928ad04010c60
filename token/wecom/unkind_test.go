package wecom

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
)

// An unkindWeCom counts the secrets that it is shown as WeCom does: whatever becomes of its
// answers. It knows no secret that is right until it is mended.
type unkindWeCom struct {
	answer func(*http.Request) (*http.Response, error)

	mu     sync.Mutex
	mended bool
	shown  map[string][]time.Time // by secret
	all    []time.Time
}

func (w *unkindWeCom) RoundTrip(req *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	w.mu.Lock()
	corpSecret, mended := req.URL.Query().Get("corpsecret"), w.mended
	w.shown[corpSecret] = append(w.shown[corpSecret], time.Now())
	w.all = append(w.all, time.Now())
	w.mu.Unlock()
	if mended {
		return says(`{"errcode":0,"errmsg":"ok","access_token":"token","expires_in":7200}`), nil
	}
	return w.answer(req)
}

func says(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
}

func refuses(errcode int) *http.Response {
	return says(fmt.Sprintf(`{"errcode":%d,"errmsg":"refused, hint: [1614140502_160_3d52], from ip: , more info at https://open.work.weixin.qq.com"}`, errcode))
}

// most returns how many of the times are within an hour.
func most(times []time.Time) (n int) {
	for i, from := range times {
		j := i
		for j < len(times) && times[j].Sub(from) < time.Hour {
			j++
		}
		n = max(n, j-i)
	}
	return n
}

// after returns what answers so late.
func after(d func() time.Duration, then func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d()):
			return then(req)
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
}

func wrongly(*http.Request) (*http.Response, error) { return refuses(40001), nil }

// unkindAnswers are what WeCom, or what stands before it, may answer to a wrong secret, and
// how often an account shows one within an hour at most.
var unkindAnswers = []struct {
	name   string
	answer func(*http.Request) (*http.Response, error)
	each   int
}{
	{"after 3 to 9 seconds", after(func() time.Duration { return 3*time.Second + rand.N(6*time.Second) }, wrongly), 4},
	{"too late", after(func() time.Duration { return 15 * time.Second }, wrongly), 70},
	{"late or too late", after(func() time.Duration { return rand.N(15 * time.Second) }, wrongly), 10},
	{"cut off", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, 70},
	{"a page", func(*http.Request) (*http.Response, error) { return says(`<html>busy</html>`), nil }, 70},
	{"a page now and then", func(*http.Request) (*http.Response, error) {
		if rand.N(3) == 0 {
			return says(`<html>busy</html>`), nil
		}
		return refuses([]int{40001, 40013, 40091}[rand.IntN(3)]), nil
	}, 10},
	{"too often", func(*http.Request) (*http.Response, error) { return refuses(45009), nil }, 1},
}

// However WeCom answers, all wrong secrets of a process together are shown 100 times within
// an hour at most, whatever callers, operators and reloads do; and when it is well again, all
// accounts are.
func TestWrongSecretsAreShownSeldomWhateverTheAnswers(t *testing.T) {
	for _, row := range unkindAnswers {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { mustShowSeldom(t, row.answer, row.each) })
		})
	}
}

func mustShowSeldom(t *testing.T, answer func(*http.Request) (*http.Response, error), each int) {
	const accounts = 30 // which would show 120 at a pace of their own
	w := &unkindWeCom{answer: answer, shown: map[string][]time.Time{}}
	kept := store.NewMemory()
	g := guard(kept)
	started := func(n int) *token.Keeper {
		c := &Client{HTTP: &http.Client{Transport: w}, URL: "https://qyapi.weixin.qq.com", CorpID: "ww1", Guard: g, Key: token.Key{AppID: fmt.Sprint("ww1.", n)}}
		c.Secret = func() (secret.Secret, error) { return secret.New(fmt.Sprint("wrong-", n)), nil }
		return keeper(c, kept)
	}
	keepers := make([]*token.Keeper, accounts)
	for n := range keepers {
		keepers[n] = started(n)
		keepers[n].Start()
	}
	for minute := range 33 {
		var callers sync.WaitGroup
		for n, k := range keepers {
			callers.Go(func() {
				for range 2 { // a storm, and an operator
					_, _ = k.Token(time.Second)
					time.Sleep(4 * time.Second)
				}
				if n%3 == minute%3 {
					_, _ = k.Refresh("", time.Second)
				}
			})
		}
		callers.Wait()
		for n, k := range keepers { // a reload
			if n%5 == minute%5 {
				keepers[n] = started(n)
				keepers[n].Inherit(k)
				keepers[n].Start()
				k.Stop()
			}
		}
		time.Sleep(2 * time.Minute)
	}
	w.mu.Lock()
	if n := most(w.all); n > mostWrong || n == 0 {
		t.Errorf("%d wrong secrets were shown within an hour; want %d at most", n, mostWrong)
	}
	for corpSecret, times := range w.shown {
		if n := most(times); n > each {
			t.Errorf("%s was shown %d times within an hour; want %d at most", corpSecret, n, each)
		}
	}
	w.mended = true
	w.mu.Unlock()
	time.Sleep(130 * time.Minute) // two pauses of an hour
	for n, k := range keepers {
		if value, err := k.Token(0); err != nil {
			t.Errorf("account %d, when WeCom is well again: got %q, %v; want a token", n, value, err)
		}
		k.Stop()
	}
}

// When answers come again, accounts that never worked do not wait for an hour: a secret
// that proves right was never a wrong one.
func TestAccountsComeBackSoonAfterLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const accounts = 50
		w := &unkindWeCom{answer: func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, shown: map[string][]time.Time{}}
		kept := store.NewMemory()
		g := guard(kept)
		keepers := make([]*token.Keeper, accounts)
		for n := range keepers {
			c := &Client{HTTP: &http.Client{Transport: w}, URL: "https://qyapi.weixin.qq.com", CorpID: "ww1", Guard: g, Key: token.Key{AppID: fmt.Sprint("ww1.", n)}}
			c.Secret = func() (secret.Secret, error) { return secret.New(fmt.Sprint("right-", n)), nil }
			keepers[n] = keeper(c, kept)
			keepers[n].Start()
		}
		time.Sleep(10 * time.Minute)
		w.mu.Lock()
		w.mended = true
		w.mu.Unlock()
		time.Sleep(10 * time.Minute)
		for n, k := range keepers {
			if _, err := k.Token(0); err != nil {
				t.Errorf("account %d: got %v; want a token", n, err)
			}
			k.Stop()
		}
	})
}

// A process that is killed before the answer has told the store that the secret was shown.
func TestASecretIsShownSeldomByProcessesThatAreKilled(t *testing.T) {
	for name, kept := range stores(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &unkindWeCom{answer: after(func() time.Duration { return time.Hour }, wrongly), shown: map[string][]time.Time{}}
				for range 30 * 60 / 5 { // half an hour
					c := (&fakeWeCom{}).client(guard(kept), "wrong")
					c.HTTP = &http.Client{Transport: w}
					k := keeper(c, kept)
					k.Start()
					time.Sleep(5 * time.Second)
					k.Stop() // which ends the question without an answer
				}
				if n := most(w.all); n > 40 || n < 10 {
					t.Errorf("a secret was shown %d times within half an hour by 360 processes; want one in a minute", n)
				}
			})
		})
	}
}

// A question that was not sent, as there was no connection, is put again at once.
func TestWhatWasNotSentIsNoSecretShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kept := newFake(), store.NewMemory()
		g := guard(kept)
		c := w.client(g, "right")
		away := errors.New("connection refused")
		for _, back := range []bool{false, false, true} {
			c.HTTP = &http.Client{Transport: w}
			if !back {
				c.HTTP = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, away })}
			}
			if err := fetch(c); (err == nil) != back || errors.As(err, new(*token.Paused)) {
				t.Errorf("got %v; want a failure that passes, and a token once there is a connection", err)
			}
		}
		if r, err := kept.Load(c.Key); err != nil || r.Trial.Unanswered != 0 || !r.Trial.Worked {
			t.Errorf("got %+v, %v; want a secret that works", r.Trial, err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }
