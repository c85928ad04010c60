package main

import (
	"context"
	"log/slog"

	"wxproxy/internal/secret"
)

// A redactedLog takes what is secret of the configuration out of what others said,
// by its value, wherever a line quotes them: the last door, should an error have come
// by another one than those that hide it.
type redactedLog struct {
	slog.Handler
	secrets *knownSecrets
}

// Handle implements [slog.Handler].
func (h redactedLog) Handle(ctx context.Context, line slog.Record) error {
	values := h.secrets.plain()
	if len(values) == 0 {
		return h.Handler.Handle(ctx, line)
	}
	clean := slog.NewRecord(line.Time, line.Level, line.Message, line.PC)
	line.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(redacted(a, values))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs implements [slog.Handler].
func (h redactedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	values, clean := h.secrets.plain(), make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		clean = append(clean, redacted(a, values))
	}
	return redactedLog{h.Handler.WithAttrs(clean), h.secrets}
}

// WithGroup implements [slog.Handler].
func (h redactedLog) WithGroup(name string) slog.Handler {
	return redactedLog{h.Handler.WithGroup(name), h.secrets}
}

// redacted returns a without the values, if it is what somebody else may have said:
// an error, or its words.
func redacted(a slog.Attr, values []string) slog.Attr {
	said := ""
	switch err, isError := a.Value.Any().(error); {
	case isError:
		said = err.Error()
	case a.Key == "err" || a.Key == "errmsg" || a.Key == "reason" || a.Key == "warning":
		said = a.Value.String()
	default:
		return a
	}
	if clean, found := new(secret.Searcher).Replace([]byte(said), "[hidden]", values); found {
		return slog.String(a.Key, string(clean))
	}
	return a
}
