package wechattest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
)

const customSend = "/cgi-bin/message/custom/send"

// sendOnce sends a message and returns its errcode, or the error.
func sendOnce(t *testing.T, w *wechattest.WeChat, token string) (int, error) {
	t.Helper()
	resp, err := w.RoundTrip(request(t, http.MethodPost, customSend+"?access_token="+token, "{}"))
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return answer{body: body}.errcode(t), nil
}

func TestAFaultSkipsThenStrikesSoManyTimes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault wechattest.Fault
		want  []int
	}{
		{"always", wechattest.Fault{Errcode: -1}, []int{-1, -1, -1, -1, -1, -1}},
		{"exact path", wechattest.Fault{Path: customSend, Errcode: -1, Times: 1}, []int{-1, 0, 0, 0, 0, 0}},
		{"prefix", wechattest.Fault{Path: "/cgi-bin/message/*", Errcode: -1, Times: 1}, []int{-1, 0, 0, 0, 0, 0}},
		{"another path", wechattest.Fault{Path: "/cgi-bin/message", Errcode: -1}, []int{0, 0, 0, 0, 0, 0}},
		{"skip and times", wechattest.Fault{Errcode: 45009, Skip: 2, Times: 2}, []int{0, 0, 45009, 45009, 0, 0}},
		{"flap", wechattest.Fault{Flap: true}, []int{0, 40001, 0, 40001, 0, 40001}},
		{"flap, shifted and limited", wechattest.Fault{Flap: true, Skip: 1, Times: 2}, []int{0, 0, 40001, 0, 40001, 0}},
		{"flap of another error", wechattest.Fault{Flap: true, Errcode: -1}, []int{0, -1, 0, -1, 0, -1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWeChat()
			token := classic(t, w).Token
			w.Inject(tt.fault)
			var got []int
			for range tt.want {
				errcode, err := sendOnce(t, w, token)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, errcode)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v; want %v", got, tt.want)
			}
			passed := 0
			for _, errcode := range tt.want {
				if errcode == 0 {
					passed++
				}
			}
			if sent := len(w.Sent()); sent != passed {
				t.Errorf("got %d messages sent; want only the %d that passed", sent, passed)
			}
		})
	}
}

func TestAClearedFaultStrikesNoMore(t *testing.T) {
	w := newWeChat()
	token := classic(t, w).Token
	clearFirst := w.Inject(wechattest.Fault{Errcode: 45009})
	clearSecond := w.Inject(wechattest.Fault{Errcode: -1})
	for _, tt := range []struct {
		clear func()
		want  int
	}{{clearFirst, 45009}, {clearSecond, -1}, {clearSecond, 0}} {
		if got, _ := sendOnce(t, w, token); got != tt.want {
			t.Errorf("got %d; want %d", got, tt.want)
		}
		tt.clear()
	}
}

func TestAnAnswerCanBeReplaced(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fault  wechattest.Fault
		status int
		label  string
		body   string
	}{
		{"empty", wechattest.Fault{Empty: true}, 200, "application/json; encoding=utf-8", ""},
		{"status", wechattest.Fault{Status: 502, Body: []byte("<html>")}, 502, "text/html", "<html>"},
		{"body", wechattest.Fault{Body: []byte("{}")}, 200, "application/json; encoding=utf-8", "{}"},
		{"header", wechattest.Fault{Body: []byte("x"), Header: http.Header{"content-type": {"image/gif"}}}, 200, "image/gif", "x"},
		{"flapping status", wechattest.Fault{Status: 500, Flap: true, Skip: -1}, 500, "text/html", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWeChat()
			token := classic(t, w).Token
			w.Inject(tt.fault)
			a := post(t, w, customSend+"?access_token="+token, "{}")
			if a.status != tt.status || string(a.body) != tt.body || a.header.Get("Content-Type") != tt.label {
				t.Errorf("got %d %q %q; want %d %q %q", a.status, a.header.Get("Content-Type"), a.body, tt.status, tt.label, tt.body)
			}
			if sent := w.Sent(); len(sent) != 0 {
				t.Errorf("got %s sent; want no effect", sent)
			}
		})
	}
}

func TestBrokenConnectionsAppearInMemoryAsErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault wechattest.Fault
		want  error
		sent  int
	}{
		{"before the body is read", wechattest.Fault{CloseBefore: true}, syscall.ECONNRESET, 0},
		{"after the effect", wechattest.Fault{CloseAfter: true}, io.ErrUnexpectedEOF, 1},
		{"within the body", wechattest.Fault{Truncate: 5}, io.ErrUnexpectedEOF, 1},
		{"before the first byte of the body", wechattest.Fault{Truncate: -1}, io.ErrUnexpectedEOF, 1},
		{"never, as the body is shorter", wechattest.Fault{Truncate: 1000}, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWeChat()
			token := classic(t, w).Token
			w.Inject(tt.fault)
			if _, err := sendOnce(t, w, token); !errors.Is(err, tt.want) {
				t.Errorf("got %v; want %v", err, tt.want)
			}
			if got := len(w.Sent()); got != tt.sent {
				t.Errorf("got %d messages sent; want %d", got, tt.sent)
			}
		})
	}
}

func TestAResetIsANetworkError(t *testing.T) {
	w := newWeChat()
	w.Inject(wechattest.Fault{CloseBefore: true})
	_, err := w.RoundTrip(request(t, http.MethodGet, "/", ""))
	var network *net.OpError
	if !errors.As(err, &network) {
		t.Errorf("got %v; want a *net.OpError", err)
	}
}

func TestATruncatedAnswerPromisesItsWholeLength(t *testing.T) {
	w := newWeChat()
	token := classic(t, w).Token
	w.Inject(wechattest.Fault{Truncate: 5})
	resp, err := w.RoundTrip(request(t, http.MethodPost, customSend+"?access_token="+token, "{}"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if string(body) != `{"err` || !errors.Is(err, io.ErrUnexpectedEOF) || resp.ContentLength != 27 {
		t.Errorf("got %q of %d, %v; want 5 bytes of 27", body, resp.ContentLength, err)
	}
}

func TestADelayComesAfterTheEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		token := classic(t, w).Token
		w.Inject(wechattest.Fault{Delay: time.Minute})
		start := time.Now()
		if errcode, err := sendOnce(t, w, token); errcode != 0 || err != nil {
			t.Errorf("got %d, %v; want an answer", errcode, err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("got an answer after %v; want a minute", took)
		}

		client := &http.Client{Transport: w, Timeout: time.Second}
		_, err := client.Post(base+customSend+"?access_token="+token, "", strings.NewReader("{}"))
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v; want a time-out", err)
		}
		if got := len(w.Sent()); got != 2 {
			t.Errorf("got %d messages sent; want 2", got)
		}
	})
}

func TestACallerMayGiveUpBeforeTheConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		w.Inject(wechattest.Fault{CloseBefore: true, Delay: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := w.RoundTrip(request(t, http.MethodGet, "/", "").WithContext(ctx))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want the deadline exceeded", err)
		}
	})
}

func TestABodyThatCannotBeReadHasNoEffect(t *testing.T) {
	w := newWeChat()
	token := classic(t, w).Token
	broken := errors.New("broken")
	body := io.MultiReader(strings.NewReader("{}"), readerFunc(func([]byte) (int, error) { return 0, broken }))
	r := httptest.NewRequest(http.MethodPost, base+customSend+"?access_token="+token, body)
	if _, err := w.RoundTrip(r); !errors.Is(err, broken) {
		t.Errorf("got %v; want %v", err, broken)
	}
	if sent := w.Sent(); len(sent) != 0 {
		t.Errorf("got %s sent; want nothing", sent)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestABodyOfUnknownLengthGets412(t *testing.T) {
	for _, length := range []int64{0, -1} {
		w := newWeChat()
		token := classic(t, w).Token
		r := request(t, http.MethodPost, customSend+"?access_token="+token, "{}")
		r.ContentLength = length
		if a := do(t, w, r); a.status != http.StatusPreconditionFailed {
			t.Errorf("ContentLength %d: got %d; want 412", length, a.status)
		}
		if sent := w.Sent(); len(sent) != 0 {
			t.Errorf("got %s sent; want nothing", sent)
		}
	}
}

func TestRequestsAreKeptOnlyOnceRecordIsCalled(t *testing.T) {
	w := newWeChat()
	token := classic(t, w).Token
	if _, err := sendOnce(t, w, token); err != nil {
		t.Fatal(err)
	}
	if got := w.Requests(); len(got) != 0 {
		t.Errorf("got %v; want none", got)
	}
	w.Record()
	w.Inject(wechattest.Fault{Path: "/lost", CloseBefore: true})
	r := request(t, http.MethodPost, "/a%2Fb?x=%41&access_token=1;2", "body")
	r.Header.Set("X-One", "1")
	r.Host = "elsewhere"
	do(t, w, r)
	r.Header.Set("X-One", "2")
	if _, err := w.RoundTrip(request(t, http.MethodGet, "/lost", "")); err == nil {
		t.Error("got an answer; want an error")
	}

	got := w.Requests()
	if len(got) != 2 {
		t.Fatalf("got %d requests; want 2", len(got))
	}
	first := got[0]
	if first.Method != "POST" || first.Target != "/a%2Fb?x=%41&access_token=1;2" || first.Host != "elsewhere" ||
		first.Header.Get("X-One") != "1" || string(first.Body) != "body" || first.Chunked || first.From != "127.0.0.1" {
		t.Errorf("got %+v; want the request as it was sent", first)
	}
	if got[1].Target != "/lost" || got[1].Host != "api.weixin.qq.com" || got[1].Body != nil {
		t.Errorf("got %+v; want the lost request without a body", got[1])
	}
	for path, want := range map[string]int{customSend: 1, "/a%2Fb": 1, "/lost": 1, "/cgi-bin/*": 2, "*": 4, "/nothing": 0} {
		if got := w.Calls(path); got != want {
			t.Errorf("got %d calls of %s; want %d", got, path, want)
		}
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	w := newWeChat()
	resp, err := w.RoundTrip(httptest.NewRequest(http.MethodGet, base+classicTarget, nil))
	if err != nil {
		b.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	target := base + "/cgi-bin/getcallbackip?access_token=" + w.Tokens(appID)[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.RoundTrip(httptest.NewRequest(http.MethodGet, target, nil)); err != nil {
			b.Fatal(err)
		}
	}
}
