// Package tracing sends a span of each request to an OpenTelemetry collector. It alone
// knows OpenTelemetry.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Check returns what is wrong with the variables of the environment, if they ask for
// spans.
func Check() error {
	_, err := New("", nil)
	return err
}

// Endpoint returns where the environment has spans sent, without what may be a key in it;
// empty if it asks for none, or is wrong.
func Endpoint() string {
	t, err := New("", nil)
	if err != nil || t == nil {
		return ""
	}
	address, _, _ := strings.Cut(t.endpoint, "?")
	return address
}

// A Tracer sends spans.
type Tracer struct {
	settings
	log      *slog.Logger
	client   *client // nil: not started
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New returns the Tracer that the environment asks for, nil if it asks for none. It sends
// nothing before Start.
func New(version string, log *slog.Logger) (*Tracer, error) {
	l := lookup(os.LookupEnv)
	if !l.asksForSpans() {
		return nil, nil
	}
	s, err := l.read()
	if err != nil {
		return nil, err
	}
	about, err := resource.New(context.Background(), resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "wxproxy"), attribute.String("service.version", version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithResource(about))
	return &Tracer{settings: s, log: log, provider: provider, tracer: provider.Tracer("wxproxy")}, nil
}

// Secrets returns what the collector is sent and no log may hold.
func (t *Tracer) Secrets() []string { return t.secrets }

// Start begins to send.
func (t *Tracer) Start() {
	t.client = newClient(t.settings)
	t.provider.RegisterSpanProcessor(newQueue(otlptrace.NewUnstarted(t.client), t.queue, t.log))
}

// flushTime is how long Close waits for the last spans to be sent.
const flushTime = 2 * time.Second

// Close sends what is left, for which there are two seconds.
func (t *Tracer) Close() {
	if t.client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	defer t.client.close()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("the last spans could not be sent to the OTLP collector in time", "err", err)
	}
}
