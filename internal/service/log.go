package service

import (
	"context"
	"io"
	"log/slog"
	"os"

	"wxproxy/config"
	"wxproxy/internal/logqueue"
	"wxproxy/internal/secret"
)

// NewLog returns the log of a process that has not read its configuration.
func NewLog(out io.Writer) *slog.Logger {
	log, _ := newLog(config.Default().Log, out, new(knownSecrets))
	return log
}

// newLog returns the log that the configuration asks for, text for people at a
// terminal, JSON for machines, and its level, which may be set.
func newLog(c config.Log, out io.Writer, secrets *knownSecrets) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(c.Level)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" || c.Format == "auto" && isTerminal(out) {
		return slog.New(redactedLog{slog.NewTextHandler(out, options), secrets}), level
	}
	return slog.New(redactedLog{slog.NewJSONHandler(out, options), secrets}), level
}

func isTerminal(out io.Writer) bool {
	if queue, ok := out.(*logqueue.Queue); ok {
		out = queue.Out()
	}
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// reportDrops has the log say how many of its lines nobody took, and returns what
// counts them.
func (s *Service) reportDrops(out io.Writer) func() uint64 {
	queue, ok := out.(*logqueue.Queue)
	if !ok {
		return func() uint64 { return 0 }
	}
	queue.TellDrops(func(lines uint64) {
		s.log.Error("standard error was not read fast enough: lines of the log were dropped", "lines", lines)
	})
	return queue.Lost
}

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
	if clean, found := new(secret.Searcher).Replace([]byte(said), secret.Mask, values); found {
		return slog.String(a.Key, string(clean))
	}
	return a
}
