package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	data "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"wxproxy/internal/wechattest"
)

const (
	callersTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersParent = "00-" + callersTrace + "-00f067aa0ba902b7-01"
)

// A collector takes spans by OTLP, as an OpenTelemetry collector does.
type collector struct {
	*httptest.Server
	mu    sync.Mutex // guards what follows
	keys  []string
	spans []*spans.Span
	said  strings.Builder // all that was sent
}

func startCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var got data.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &got) != nil {
			t.Errorf("got %v, %q", err, body)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.keys = append(c.keys, r.URL.Path+" "+r.Header.Get("X-Key"))
		c.said.Write(body)
		for _, of := range got.GetResourceSpans() {
			fmt.Fprintf(&c.said, "\n%v\n", of)
			for _, s := range of.GetScopeSpans() {
				c.spans = append(c.spans, s.GetSpans()...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// environment has wxproxy send spans at once.
func (c *collector) environment() []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_EXPORTER_OTLP_HEADERS=x-key=" + canaryAdminKey}
}

// attributesOf returns what a span tells.
func attributesOf(s *spans.Span) map[string]string {
	told := map[string]string{}
	for _, a := range s.GetAttributes() {
		_, told[a.GetKey()], _ = strings.Cut(a.GetValue().String(), ":")
	}
	return told
}

func TestARequestIsASpanThatWeChatIsToldOf(t *testing.T) {
	t.Parallel()
	w, c := startWeChat(t), startCollector(t)
	p := serving(t, w.URL, "[log]\naccess = true\n"+fourLines, c.environment()...)
	p.awaitReady()
	w.Record()
	w.Expire(appID)
	p.mustSucceed("traceparent: "+callersParent, "tracestate: theirs=1")
	p.stop() // which sends what is left

	if len(c.spans) != 1 || c.keys[0] != "/v1/traces "+canaryAdminKey {
		t.Fatalf("got %d spans from %q; want 1 with the key", len(c.spans), c.keys)
	}
	got := c.spans[0]
	told := attributesOf(got)
	for key, want := range map[string]string{
		"wxproxy.account": `"shop"`, "url.path": `"/cgi-bin/user/info"`, "http.request.method": `"GET"`, "http.response.status_code": "200",
		"wxproxy.errcode": "0", "wxproxy.attempts": "2", "wxproxy.client": `""`,
	} {
		if told[key] != want {
			t.Errorf("%s: got %q; want %q", key, told[key], want)
		}
	}
	for _, key := range []string{"wxproxy.token_wait", "wxproxy.upstream_time"} {
		if told[key] == "" || told[key] == "0" {
			t.Errorf("%s: got %q; want some time", key, told[key])
		}
	}
	trace, id := fmt.Sprintf("%x", got.GetTraceId()), fmt.Sprintf("%x", got.GetSpanId())
	if trace != callersTrace || fmt.Sprintf("%x", got.GetParentSpanId()) != "00f067aa0ba902b7" || got.GetKind() != spans.Span_SPAN_KIND_SERVER || got.GetName() != "GET /cgi-bin/user/info" {
		t.Errorf("got %v; want one of the caller's trace", got)
	}
	calls := 0
	for _, r := range w.Requests() {
		if strings.HasPrefix(r.Target, "/cgi-bin/user/info") {
			calls++
			if all := strings.Join(r.Header.Values("Traceparent"), " "); all != "00-"+trace+"-"+id+"-01" || r.Header.Get("Tracestate") != "theirs=1" {
				t.Errorf("got %q, %q at WeChat; want the span %s", all, r.Header.Values("Tracestate"), id)
			}
		}
	}
	if lines := p.logged("request"); calls != 2 || len(lines) != 1 || lines[0]["trace_id"] != callersTrace {
		t.Errorf("got %d calls and the lines %v; want 2, and one line with the trace", calls, lines)
	}
}

func TestWithoutACollectorTheCallersTraceGoesOn(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, "[log]\naccess = true\n"+fourLines, "OTEL_SERVICE_NAME=x", "OTEL_TRACES_SAMPLER=always_on")
	p.awaitReady()
	w.Record()
	p.mustSucceed("traceparent: "+callersParent, "tracestate: theirs=1")
	p.mustSucceed()
	p.stop()
	var passed []string
	for _, r := range w.Requests() {
		if strings.HasPrefix(r.Target, "/cgi-bin/user/info") {
			passed = append(passed, r.Header.Get("Traceparent")+" "+r.Header.Get("Tracestate"))
		}
	}
	if fmt.Sprint(passed) != fmt.Sprint([]string{callersParent + " theirs=1", " "}) {
		t.Errorf("got %q at WeChat", passed)
	}
	if lines := p.logged("request"); len(lines) != 2 || lines[0]["trace_id"] != callersTrace || lines[1]["trace_id"] != nil {
		t.Errorf("got %v; want the trace in the first line alone", lines)
	}
}

// Whatever callers confuse, and whatever fails, no span holds a secret.
func TestNoSecretIsInASpan(t *testing.T) {
	t.Parallel()
	w, c := startWeChat(t, wechattest.App{ID: appID, Secret: canarySecret}), startCollector(t)
	p := startCanary(t, w.URL, canaryConfig, c.environment()...)
	p.awaitReady()
	s := &silence{t: t}
	for _, path := range []string{userInfo + "&access_token=" + canaryOfCaller + "&x=" + canaryOfCaller, login + "?js_code=" + canaryOfCaller, send + "?x=" + canaryOfCaller} {
		s.hear(p.call("GET", path, "", byClient, "traceparent: "+callersParent))
	}
	w.Inject(wechattest.Fault{Path: "/cgi-bin/user/*", Errcode: 40001, Times: 2})
	s.hear(p.call("GET", userInfo, "", byClient))
	s.badRequests(p)
	s.misplaced(p, w.Tokens(appID))
	for _, secret := range append(w.Tokens(appID), canaryClientKey, canaryAdminKey) {
		s.hear(p.call("GET", userInfo, "", byClient, "traceparent: "+callersParent, "tracestate: a="+secret))
		s.hear(p.call("GET", userInfo, "", byClient, "traceparent: "+secret))
	}
	p.stop()
	if len(c.spans) < 20 {
		t.Errorf("got %d spans; want to have looked at many", len(c.spans))
	}
	s.said.WriteString(c.said.String())
	s.mustHold(p)
}

// A collector that hangs or is away fails no request and does not hold up the end.
func TestACollectorInTroubleHarmsNoRequest(t *testing.T) {
	t.Parallel()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(release) })
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Header.Get("X-Key"), http.StatusForbidden)
	}))
	t.Cleanup(refuses.Close)
	for name, url := range map[string]string{"it is away": "http://" + gone.Addr().String(), "it hangs": hangs.URL, "it refuses and quotes": refuses.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWeChat(t)
			p := serving(t, w.URL, fourLines, "OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_BSP_MAX_QUEUE_SIZE=16", "OTEL_EXPORTER_OTLP_HEADERS=x-key="+canaryAdminKey)
			p.awaitReady()
			for range 200 {
				p.mustSucceed()
			}
			began := time.Now()
			p.stop()
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("got an end after %v; want two seconds for the spans at most", took)
			}
			said := len(p.logged("spans could not be sent to the OTLP collector; answers were not affected")) +
				len(p.logged("spans were dropped: the OTLP collector does not take as many as there are; answers were not affected")) +
				len(p.logged("the last spans could not be sent to the OTLP collector in time"))
			if said < 1 || said > 4 {
				t.Errorf("got %d lines about it; want few", said)
			}
			if strings.Contains(p.stderr.String(), canaryAdminKey) {
				t.Error("got the key for the collector in the log")
			}
		})
	}
}

func TestCheckSaysWhereSpansGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), fourLines)
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector.example:4318/?key=" + canaryAdminKey}
	checked := runs(t, exitOK, launch{args: []string{"check"}, dir: dir, env: env})
	if out := checked.stdout.String(); !strings.Contains(out, "\nspans     go to http://collector.example:4318/v1/traces\n") {
		t.Errorf("got %s; want where spans go", out)
	}
}

func TestAMistakeAboutTracingIsAWarning(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	p.awaitReady()
	p.mustSucceed()
	const want = "environment: no spans are sent: OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\"; it has to be http/protobuf"
	if lines := p.logged("configuration"); len(lines) != 1 || !strings.HasPrefix(lines[0]["warning"].(string), want) {
		t.Errorf("got %v; want %q", lines, want)
	}
	checked := runs(t, exitOK, launch{args: []string{"check"}, dir: p.cmd.Dir, env: p.cmd.Env})
	if !strings.Contains(checked.stderr.String(), "warning: "+want) {
		t.Errorf("got %s; want the same from check", checked.stderr.String())
	}
}
