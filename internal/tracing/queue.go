package tracing

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"wxproxy/internal/lograte"
)

// A queue is a batch processor that counts: it drops a span itself, and says so, where
// the batch processor would do it in silence.
type queue struct {
	sdk.SpanProcessor
	size    int64
	waiting atomic.Int64 // spans that are neither sent nor given up
	dropped lograte.Line
	failed  lograte.Line
	log     *slog.Logger
}

// newQueue returns a queue of at most size spans, which exporter sends.
func newQueue(exporter sdk.SpanExporter, size int, log *slog.Logger) *queue {
	q := &queue{size: int64(size), log: log}
	q.SpanProcessor = sdk.NewBatchSpanProcessor(sending{exporter, q}, sdk.WithMaxQueueSize(size))
	return q
}

// OnEnd implements [sdk.SpanProcessor]. It never waits.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if q.waiting.Add(1) > q.size {
		q.waiting.Add(-1)
		q.dropped.Note(func(count int) {
			q.log.Warn("spans were dropped: the OTLP collector does not take as many as there are; answers were not affected", "spans", count)
		})
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// Shutdown implements [sdk.SpanProcessor].
func (q *queue) Shutdown(ctx context.Context) error {
	err := q.SpanProcessor.Shutdown(ctx)
	q.dropped.Flush()
	q.failed.Flush()
	return err
}

// sending is the exporter of a queue.
type sending struct {
	sdk.SpanExporter
	queue *queue
}

// ExportSpans implements [sdk.SpanExporter]. It returns no error: OpenTelemetry would
// write each one to a log of its own.
func (s sending) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	defer s.queue.waiting.Add(-int64(len(spans)))
	if err := s.SpanExporter.ExportSpans(ctx, spans); err != nil {
		s.queue.reportFailure(err)
	}
	return nil
}

// maxReason is how much the log has of why spans could not be sent, which may be the
// collector's whole answer.
const maxReason = 300

func (q *queue) reportFailure(err error) {
	reason := err.Error()
	reason = reason[:min(len(reason), maxReason)]
	q.failed.Note(func(count int) {
		q.log.Warn("spans could not be sent to the OTLP collector; answers were not affected", "batches", count, "err", errors.New(reason))
	})
}
