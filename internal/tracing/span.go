package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	otel "go.opentelemetry.io/otel/trace"

	"wxproxy/proxy/trace"
)

// Begin implements [trace.Tracer].
func (t *Tracer) Begin(from trace.Headers, at time.Time) trace.Span {
	ctx := context.Background()
	if from.Traceparent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: from.Traceparent, tracestate: from.Tracestate})
	}
	ctx, s := t.tracer.Start(ctx, "request", otel.WithSpanKind(otel.SpanKindServer), otel.WithTimestamp(at))
	named := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, named)
	return span{s, trace.Headers{Traceparent: named[traceparent], Tracestate: named[tracestate]}}
}

// The headers by which a span is named.
const (
	traceparent = "traceparent"
	tracestate  = "tracestate"
)

// A span is one of OpenTelemetry's.
type span struct {
	otel.Span
	named trace.Headers
}

// Headers implements [trace.Span].
func (s span) Headers() trace.Headers { return s.named }

// IsRecorded implements [trace.Span].
func (s span) IsRecorded() bool { return s.IsRecording() }

// End implements [trace.Span]. What OpenTelemetry has a name for is called so. An answer of
// WeChat's with an errcode is no error of the server that this span is of.
func (s span) End(r trace.Request) {
	name := r.Method
	if r.IsKnown {
		name += " " + r.Path
	}
	s.SetName(name)
	s.SetAttributes(
		attribute.String("http.request.method", r.Method),
		attribute.String("url.path", r.Path),
		attribute.Int("http.response.status_code", r.Status),
		attribute.String("wxproxy.account", r.Account),
		attribute.String("wxproxy.client", r.Client),
		attribute.Int("wxproxy.errcode", r.Errcode),
		attribute.Int("wxproxy.attempts", r.Attempts),
		attribute.Float64("wxproxy.token_wait", r.TokenWait.Seconds()),
		attribute.Float64("wxproxy.upstream_time", r.AtWeChat.Seconds()),
	)
	if r.Refusal != "" {
		s.SetAttributes(attribute.String("error.type", r.Refusal))
	}
	if r.Status >= 500 {
		s.SetStatus(codes.Error, r.Refusal)
	}
	s.Span.End()
}
