package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/trace"
	"wxproxy/proxy/upstream"
)

const (
	callersTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersParent = "00-" + callersTrace + "-00f067aa0ba902b7-01"
	ownParent     = "00-" + callersTrace + "-1111111111111111-01"
)

// traceLines returns what WeChat is sent of a trace, line by line.
func traceLines(fields string) (found []string) {
	for line := range strings.Lines(fields) {
		if strings.HasPrefix(strings.ToLower(line), "trace") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestWithoutTracingTheCallersTraceGoesOnAndIsLogged(t *testing.T) {
	rows := []struct {
		name   string
		fields []string
		passed int    // how many of the fields WeChat reads
		want   string // the trace_id
	}{
		{"a traceparent", []string{"traceparent: " + callersParent}, 1, callersTrace},
		{"in another spelling", []string{"TraceParent:\t" + callersParent + " "}, 1, callersTrace},
		{"with a tracestate", []string{"traceparent: " + callersParent, "tracestate: a=1", "tracestate: b=2"}, 3, callersTrace},
		{"none", nil, 0, ""},
		{"a bad one", []string{"traceparent: 00-x"}, 1, ""},
		{"two of them", []string{"traceparent: " + callersParent, "traceparent: " + callersParent}, 2, ""},
		{"a secret", []string{"traceparent: 00-" + strings.Repeat("5ec7e75e", 4) + "-00f067aa0ba902b7-01"}, 1, ""},
		{"one that ends here", []string{"Connection: traceparent", "traceparent: " + callersParent}, 0, callersTrace},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var log bytes.Buffer
			u := &recorder{answers: []string{rawtest.OKBody}}
			c := config(u)
			c.LogAccess, c.Log = true, slog.New(slog.NewJSONHandler(&log, nil))
			c.IsSecret = func(word []byte) bool { return string(word) == strings.Repeat("5ec7e75e", 4) }
			handle(t, New(c), rawtest.Get("/p", row.fields...))
			var line map[string]any
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("%v in %s", err, log.String())
			}
			if id, found := line["trace_id"]; found != (row.want != "") || found && id != row.want {
				t.Errorf("got trace_id %v; want %q", id, row.want)
			}
			if got := traceLines(u.got[0].fields); len(got) != row.passed {
				t.Errorf("got %q at WeChat; want %d lines", got, row.passed)
			}
			for _, line := range traceLines(u.got[0].fields) {
				if !strings.Contains(strings.Join(row.fields, "\n"), line) {
					t.Errorf("got %q at WeChat; want the caller's line, byte for byte", line)
				}
			}
		})
	}
}

// spans is a Tracer that keeps what it is told.
type spans struct {
	mu        sync.Mutex // guards what follows
	from      []trace.Headers
	ended     []trace.Request
	unsampled bool
}

func (s *spans) Begin(from trace.Headers, at time.Time) trace.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.IsZero() {
		panic("BUG: a request that never came")
	}
	s.from = append(s.from, from)
	return oneSpan{s}
}

type oneSpan struct{ *spans }

func (s oneSpan) Headers() trace.Headers {
	return trace.Headers{Traceparent: ownParent, Tracestate: "own=1"}
}
func (s oneSpan) IsRecorded() bool { return !s.unsampled }
func (s oneSpan) End(r trace.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, r)
}

// slowTokens take a while to hand out a token.
type slowTokens struct{ *fixedTokens }

const tokenTime = 20 * time.Millisecond

func (s slowTokens) Token(wait time.Duration) (string, error) {
	time.Sleep(tokenTime)
	return s.fixedTokens.Token(wait)
}

func (s slowTokens) Replace(refused string, wait time.Duration) (string, error) {
	time.Sleep(tokenTime)
	return s.fixedTokens.Replace(refused, wait)
}

func TestASpanTellsOfARequest(t *testing.T) {
	const wechatTime = 10 * time.Millisecond
	tokens := slowTokens{&fixedTokens{token: "old", replacement: "new"}}
	u := &recorder{answers: []string{rawtest.RefusedBody, `{"errcode":45009,"errmsg":"x"}`}}
	slow := upstreamFunc(func(m *upstream.Message, resp *fasthttp.Response) error {
		time.Sleep(wechatTime)
		return u.Send(m, resp)
	})
	var log bytes.Buffer
	told := &spans{}
	c := config(slow, shopWith(tokens)...)
	c.Clients = []Client{keyed("orders", "orders-key-orders-key-orders-key")}
	c.Tracer, c.LogAccess, c.Log = told, true, slog.New(slog.NewJSONHandler(&log, nil))
	handle(t, New(c), rawtest.Get("/cgi-bin/user/info?openid=o&access_token=theirs", "traceparent: "+callersParent, "X-A: b", "tracestate: a=1", "TRACESTATE: b=2",
		"Authorization: Bearer orders-key-orders-key-orders-key"))

	if len(told.from) != 1 || told.from[0] != (trace.Headers{Traceparent: callersParent, Tracestate: "a=1,b=2"}) {
		t.Errorf("got spans that began with %+v", told.from)
	}
	if len(told.ended) != 1 {
		t.Fatalf("got %d spans; want 1", len(told.ended))
	}
	got := told.ended[0]
	if got.TokenWait < 2*tokenTime || got.AtWeChat < 2*wechatTime {
		t.Errorf("got %v for tokens and %v at WeChat; want both attempts in either", got.TokenWait, got.AtWeChat)
	}
	got.TokenWait, got.AtWeChat = 0, 0
	if want := (trace.Request{
		Account: "shop", Client: "orders", Method: "GET", Path: "/cgi-bin/user/info", IsKnown: true, Status: 200, Errcode: 45009, Attempts: 2,
	}); got != want {
		t.Errorf("got\n%+v; want\n%+v", got, want)
	}
	for _, sent := range u.got {
		if lines := traceLines(sent.fields); strings.Join(lines, "\n") != "traceparent: "+ownParent+"\ntracestate: own=1" || !strings.Contains(sent.fields, "X-A: b\r\n") {
			t.Errorf("got %q at WeChat; want the proxy's own span and the other headers", sent.fields)
		}
	}
	if !strings.Contains(log.String(), `"trace_id":"`+callersTrace+`"`) {
		t.Errorf("got no trace_id in %s", log.String())
	}
}

func TestASpanTellsHowARequestFailed(t *testing.T) {
	secret := strings.Repeat("5ec7e75e", 4)
	rows := []struct {
		name, request string
		err           error
		want          trace.Request
	}{
		{"refused", "/@nobody/p", nil, trace.Request{Method: "GET", Path: "/p", Status: 404, Errcode: -40400, Refusal: "unknown_account"}},
		{"a path that hides a secret", "/@nobody/x/" + secret + "/y%3dz", nil, trace.Request{Method: "GET", Path: "/x/***/y***", Status: 404, Errcode: -40400, Refusal: "unknown_account"}},
		{"WeChat is away", "/p?x=" + secret, upstream.ErrUnreachable, trace.Request{
			Account: "shop", Method: "GET", Path: "/p", IsKnown: true, Status: 502, Errcode: -50200, Attempts: 1, Refusal: "upstream_unreachable"}},
		{"a path that is not UTF-8", "/\xe4p\xff", nil, trace.Request{Method: "GET", Path: "/?p?", Status: 400, Errcode: -40000, Refusal: "bad_request"}},
		{"a path that is long", "/" + strings.Repeat("x/", 500), nil, trace.Request{
			Account: "shop", Method: "GET", Path: ("/" + strings.Repeat("x/", 500))[:maxSpanPath], IsKnown: true, Status: 200, Attempts: 1}},
		{"a panic", "/p", errors.New("panic"), trace.Request{
			Account: "shop", Method: "GET", Path: "/p", IsKnown: true, Status: 500, Errcode: -50000, Attempts: 1, Refusal: "internal_error"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			told := &spans{}
			c := config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
				if row.want.Status == 500 {
					panic("BUG: in a test")
				}
				resp.SetBodyString(rawtest.OKBody)
				return row.err
			}))
			c.Tracer = told
			handle(t, New(c), rawtest.Get(row.request))
			if len(told.ended) != 1 {
				t.Fatalf("got %d spans; want 1", len(told.ended))
			}
			got := told.ended[0]
			got.AtWeChat, got.TokenWait = 0, 0
			if got != row.want {
				t.Errorf("got\n%+v; want\n%+v", got, row.want)
			}
		})
	}
}

func TestWhatIsNoCallMakesNoSpan(t *testing.T) {
	told := &spans{}
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.Tracer = told
	p := New(c)
	handle(t, p, rawtest.Get("/wxproxy/healthz"))
	told.unsampled = true
	handle(t, p, rawtest.Get("/p"))
	if len(told.ended) != 0 {
		t.Errorf("got %+v; want nothing of health, nor of what is not sampled", told.ended)
	}
}

// What cannot be read has no trace, whatever the request before it on the same connection
// had.
func TestAnUnreadableRequestIsInNoTrace(t *testing.T) {
	var log bytes.Buffer
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.Log, c.LogAccess = slog.New(slog.NewJSONHandler(&log, nil)), true
	p := New(c)
	x := p.begin(bareCtx(t, rawtest.Get("/p", "traceparent: "+callersParent)), 0)
	if err := x.readHeader(); err != nil || x.traceID() != callersTrace {
		t.Fatalf("got %q, %v", x.traceID(), err)
	}
	x.begin(bareCtx(t, "GET /p HTTP/1.1\r\nHost: x\r\n\r\n"), 0)
	if id := x.traceID(); id != "" {
		t.Errorf("got %q; want none", id)
	}
}

func TestASecretInATracestateIsFoundPercentEncodedToo(t *testing.T) {
	for _, value := range []string{"configured", encoded("configured"), strings.ReplaceAll(encoded("configured"), "%", "%25")} {
		told := &spans{}
		c := config(&recorder{answers: []string{rawtest.OKBody}})
		c.Tracer = told
		c.IsSecret = func(word []byte) bool { return string(word) == "configured" }
		handle(t, New(c), rawtest.Get("/p", "traceparent: "+callersParent, "tracestate: a="+value))
		if len(told.from) != 1 || told.from[0] != (trace.Headers{Traceparent: callersParent}) {
			t.Errorf("%s: got spans that began with %+v; want no tracestate", value, told.from)
		}
	}
}
