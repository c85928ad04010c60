package tracing

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	data "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"wxproxy/proxy/trace"
)

const (
	callersTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersParent = "00-" + callersTrace + "-00f067aa0ba902b7-01"
)

// A collector takes spans.
type collector struct {
	*httptest.Server
	mu       sync.Mutex // guards what follows
	requests []*http.Request
	spans    []*data.Span
	resource map[string]string
}

func startCollector(t *testing.T) *collector {
	c := &collector{resource: map[string]string{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(r.Body); err != nil {
				t.Error(err)
				return
			}
		}
		read, err := io.ReadAll(body)
		var got data.TracesData
		if err != nil || proto.Unmarshal(read, &got) != nil {
			t.Errorf("got %v, %q", err, read)
		}
		c.take(r, &got)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(r *http.Request, got *data.TracesData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, r)
	for _, of := range got.GetResourceSpans() {
		for _, a := range of.GetResource().GetAttributes() {
			c.resource[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, s := range of.GetScopeSpans() {
			c.spans = append(c.spans, s.GetSpans()...)
		}
	}
}

// newTracer returns a Tracer that runs, of an environment with these variables.
func newTracer(t *testing.T, log *slog.Logger, variables map[string]string) *Tracer {
	t.Helper()
	for name, value := range variables {
		t.Setenv(name, value)
	}
	tracer, err := New("v1", log)
	if err != nil || tracer == nil {
		t.Fatalf("got %v, %v; want a tracer", tracer, err)
	}
	tracer.Start()
	t.Cleanup(tracer.Close)
	return tracer
}

func TestASpanComesToTheCollector(t *testing.T) {
	for _, compression := range []string{"none", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			c := startCollector(t)
			tracer := newTracer(t, slog.New(slog.DiscardHandler), map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20key,x-tenant=one", "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
				"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test", "OTEL_SERVICE_NAME": "wx-east",
			})
			began := time.Now().Add(-time.Second)
			s := tracer.Begin(trace.Headers{Traceparent: callersParent, Tracestate: "a=1"}, began)
			if h := s.Headers(); h.TraceID() != callersTrace || h.Traceparent == callersParent || h.Tracestate != "a=1" || !strings.HasSuffix(h.Traceparent, "-01") {
				t.Errorf("got %+v; want the caller's trace and a new span", h)
			}
			s.End(trace.Request{Account: "shop", Client: "orders", Method: "GET", Path: "/p", IsKnown: true, Status: 502, Errcode: -50200, Attempts: 1,
				TokenWait: 250 * time.Millisecond, AtWeChat: 500 * time.Millisecond, Refusal: "upstream_unreachable"})
			tracer.Close()
			if len(c.spans) != 1 {
				t.Fatalf("got %d spans; want 1", len(c.spans))
			}
			got := c.spans[0]
			attributes := map[string]string{}
			for _, a := range got.GetAttributes() {
				attributes[a.GetKey()] = a.GetValue().String()
			}
			for key, want := range map[string]string{
				"http.request.method": `string_value:"GET"`, "url.path": `string_value:"/p"`, "http.response.status_code": "int_value:502",
				"wxproxy.account": `string_value:"shop"`, "wxproxy.client": `string_value:"orders"`, "wxproxy.errcode": "int_value:-50200",
				"wxproxy.attempts": "int_value:1", "wxproxy.token_wait": "double_value:0.25", "wxproxy.upstream_time": "double_value:0.5",
				"error.type": `string_value:"upstream_unreachable"`,
			} {
				if attributes[key] != want {
					t.Errorf("%s: got %s; want %s", key, attributes[key], want)
				}
			}
			if got.GetName() != "GET /p" || got.GetKind() != data.Span_SPAN_KIND_SERVER || got.GetStatus().GetCode() != data.Status_STATUS_CODE_ERROR ||
				got.GetStartTimeUnixNano() != uint64(began.UnixNano()) || len(got.GetParentSpanId()) != 8 {
				t.Errorf("got %v", got)
			}
			r := c.requests[0]
			if r.URL.Path != "/v1/traces" || r.Header.Get("Authorization") != "Bearer key" || r.Header.Get("X-Tenant") != "one" || r.Header.Get("Content-Type") != "application/x-protobuf" {
				t.Errorf("got %s %v", r.URL, r.Header)
			}
			if c.resource["service.name"] != "wx-east" || c.resource["service.version"] != "v1" || c.resource["deployment.environment.name"] != "test" {
				t.Errorf("got %v", c.resource)
			}
		})
	}
}

func TestNothingIsMadeUnlessAsked(t *testing.T) {
	for _, variables := range []map[string]string{
		{},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "True"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
		{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x", "OTEL_TRACES_SAMPLER": "x"},
	} {
		t.Run("", func(t *testing.T) {
			for name, value := range variables {
				t.Setenv(name, value)
			}
			if tracer, err := New("", nil); tracer != nil || err != nil {
				t.Errorf("%v: got %v, %v; want nothing", variables, tracer, err)
			}
		})
	}
}

func TestWhereSpansGo(t *testing.T) {
	for _, row := range []struct {
		name, all, traces, want string
	}{
		{"of everything", "http://c:4318", "", "http://c:4318/v1/traces"},
		{"below a path", "https://c/otlp/", "", "https://c/otlp/v1/traces"},
		{"of traces", "", "http://c:4318/x", "http://c:4318/x"},
		{"of both", "http://all", "http://c:4318/v1/traces", "http://c:4318/v1/traces"},
		{"IPv6, with a key", "", "http://[::1]:4318/v1?key=x", "http://[::1]:4318/v1?key=x"},
	} {
		l := lookup(func(name string) (string, bool) {
			value := map[string]string{of("ENDPOINT")[0]: row.traces, of("ENDPOINT")[1]: row.all}[name]
			return value, value != ""
		})
		if s, err := l.read(); err != nil || s.endpoint != row.want || s.queue != 2048 || s.timeout != 10*time.Second {
			t.Errorf("%s: got %+v, %v; want %s", row.name, s, err, row.want)
		}
	}
}

func TestMistakesAreNamedAndQuoteNoSecret(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(noPEM, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, value, want string }{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "is no URL such as"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector", "is no URL such as"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://:4318", "is no URL such as"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://me:canary@collector", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://canary\x7f", "is no URL such as"},
		{"OTEL_TRACES_EXPORTER", "zipkin", `is "zipkin"`},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "4318"},
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "http/protobuf"},
		{"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip or none"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "canary", "NAME=VALUE"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a b=canary", "NAME=VALUE"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "=canary", "NAME=VALUE"},
		{"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=canary%zz", "NAME=VALUE"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=canary%0a", "NAME=VALUE"},
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "whole number"},
		{"OTEL_BSP_MAX_QUEUE_SIZE", "0", "whole number"},
		{"OTEL_BSP_SCHEDULE_DELAY", "99999999", "whole number"},
		{"OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file", "no such file"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", noPEM, "no certificate"},
		{"OTEL_EXPORTER_OTLP_CLIENT_KEY", noPEM, "OTEL_EXPORTER_OTLP_CLIENT_KEY"},
	} {
		l := lookup(func(name string) (string, bool) {
			if name == row.name {
				return row.value, true
			}
			return map[string]string{of("ENDPOINT")[1]: "http://collector:4318"}[name], true
		})
		_, err := l.read()
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), strings.TrimPrefix(row.name, "OTEL_EXPORTER_OTLP_TRACES_")) && !strings.Contains(err.Error(), "HEADERS") {
			t.Errorf("%s=%s: got %v; want %q", row.name, row.value, err, row.want)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", row.name, err)
		}
	}
}

func TestASamplersArgumentIsChecked(t *testing.T) {
	for arg, want := range map[string]bool{"": true, "0": true, "0.25": true, "1": true, "2": false, "-1": false, "x": false, "NaN": false} {
		l := lookup(func(name string) (string, bool) {
			return map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": arg}[name], true
		})
		if err := l.checkSampler(nil); (err == nil) != want {
			t.Errorf("%q: got %v", arg, err)
		}
	}
}

// A log that can be read while it is written.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A collector that hangs holds up nobody: spans beyond the queue are dropped, counted, and
// Close gives up in time.
func TestACollectorThatHangsHoldsUpNobody(t *testing.T) {
	hung := make(chan struct{})
	c := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hung }))
	t.Cleanup(c.Close)
	t.Cleanup(func() { close(hung) })
	var said log
	tracer := newTracer(t, slog.New(slog.NewJSONHandler(&said, nil)), map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4",
	})
	began := time.Now()
	for range 1000 {
		tracer.Begin(trace.Headers{}, began).End(trace.Request{Method: "GET"})
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("got %v for 1000 spans; want no waiting", took)
	}
	began = time.Now()
	tracer.Close()
	if took := time.Since(began); took > flushTime+5*time.Second {
		t.Errorf("got an end after %v; want %v", took, flushTime)
	}
	text := said.String()
	if n := strings.Count(text, "spans were dropped"); n != 2 || !strings.Contains(text, `"spans":991`) || !strings.Contains(text, "in time") {
		t.Errorf("got %d lines about drops in %s; want one at once and one with the count, and one about the end", n, text)
	}
}

func TestWhatTheCollectorRefusesIsSaidOnceAndTriedAgainIfThatMayHelp(t *testing.T) {
	for _, row := range []struct {
		name     string
		status   int
		attempts int32
		fails    bool
	}{
		{"too busy, at first", http.StatusServiceUnavailable, 2, false},
		{"a wrong key", http.StatusUnauthorized, 1, true},
		{"it is elsewhere", http.StatusTemporaryRedirect, 1, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			var attempts atomic.Int32
			c := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				if attempts.Add(1) == 1 {
					w.WriteHeader(row.status)
					io.WriteString(w, strings.Repeat("because ", 1000))
				}
			}))
			t.Cleanup(c.Close)
			var said log
			tracer := newTracer(t, slog.New(slog.NewJSONHandler(&said, nil)), map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL + "?key=canary", "OTEL_BSP_SCHEDULE_DELAY": "1",
			})
			tracer.Begin(trace.Headers{}, time.Now()).End(trace.Request{Method: "GET"})
			for deadline := time.Now().Add(20 * time.Second); attempts.Load() < row.attempts && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			tracer.Close()
			text := said.String()
			if attempts.Load() != row.attempts || strings.Contains(text, "could not be sent") != row.fails || strings.Contains(text, "canary") || len(text) > 1000 {
				t.Errorf("got %d attempts and %s", attempts.Load(), text)
			}
		})
	}
}

func TestSamplingIsTheCallersUnlessTheSamplerSaysOtherwise(t *testing.T) {
	for _, row := range []struct {
		sampler string
		from    string
		want    bool
	}{
		{"", callersParent, true},
		{"", strings.TrimSuffix(callersParent, "1") + "0", false},
		{"", "", true},
		{"always_off", callersParent, false},
		{"parentbased_always_off", callersParent, true},
		{"parentbased_always_off", "", false},
	} {
		t.Run(row.sampler, func(t *testing.T) {
			tracer := newTracer(t, slog.New(slog.DiscardHandler), map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": startCollector(t).URL, "OTEL_TRACES_SAMPLER": row.sampler})
			s := tracer.Begin(trace.Headers{Traceparent: row.from}, time.Now())
			if s.IsRecorded() != row.want || strings.HasSuffix(s.Headers().Traceparent, "-01") != row.want || s.Headers().TraceID() == "" {
				t.Errorf("got %v, %+v; want %v", s.IsRecorded(), s.Headers(), row.want)
			}
			s.End(trace.Request{Method: "GET"})
		})
	}
}
