package service

import (
	"context"
	"io"
	"log/slog"
	"os"

	"wxproxy/config"
	"wxproxy/internal/audit"
	"wxproxy/internal/logqueue"
	"wxproxy/internal/origin"
	"wxproxy/internal/secret"
	"wxproxy/proxy"
)

// NewLog returns the log of a process that has not read its configuration.
func NewLog(out io.Writer) *slog.Logger {
	log, _ := newLog(config.Default().Log, out, new(knownSecrets))
	return log
}

// newLog returns the log that the configuration asks for, which is text for people at
// a terminal and JSON for machines, and its level, which a reload sets.
func newLog(c config.Log, out io.Writer, secrets *knownSecrets) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(c.Level)
	options := &slog.HandlerOptions{Level: level}
	if !isJSON(c, out) {
		return slog.New(redactedLog{slog.NewTextHandler(out, options), secrets}), level
	}
	return slog.New(redactedLog{slog.NewJSONHandler(out, options), secrets}), level
}

// isJSON reports whether the log is for machines.
func isJSON(c config.Log, out io.Writer) bool {
	return c.Format != "text" && (c.Format != "auto" || !isTerminal(out))
}

// accessLog returns where the access log is written without slog. Its lines may wait for
// each other; those that say what goes wrong do not.
func (s *Service) accessLog() proxy.AccessLog {
	queue, ok := s.process.Log.(*logqueue.Queue)
	if !ok {
		return proxy.AccessLog{}
	}
	return proxy.AccessLog{Out: queue.Batched(), IsJSON: isJSON(s.atStart.Log, queue)}
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

// reportDrops has the log say how many of its lines were dropped, and why, and returns
// the function that counts them.
func (s *Service) reportDrops(out io.Writer) func() uint64 {
	queue, ok := out.(*logqueue.Queue)
	if !ok {
		return func() uint64 { return 0 }
	}
	queue.TellDrops(func(lines uint64, err error) {
		if err != nil {
			s.log.Error("standard error could not be written to: lines of the log were dropped", "lines", lines, "err", err)
			return
		}
		s.log.Error("standard error was not read fast enough: lines of the log were dropped", "lines", lines)
	})
	return queue.Lost
}

// A redactedLog redacts the secrets of the configuration, by their values, wherever a
// line quotes the words of somebody else. It is the last line of defence: most errors
// are redacted where they arise.
type redactedLog struct {
	slog.Handler
	secrets *knownSecrets
}

// Handle implements [slog.Handler].
func (h redactedLog) Handle(ctx context.Context, line slog.Record) error {
	values := h.secrets.toRedact()
	if len(values) == 0 {
		return h.Handler.Handle(ctx, line)
	}
	redactedLine := slog.NewRecord(line.Time, line.Level, line.Message, line.PC)
	line.Attrs(func(a slog.Attr) bool {
		redactedLine.AddAttrs(redacted(a, values))
		return true
	})
	return h.Handler.Handle(ctx, redactedLine)
}

// WithAttrs implements [slog.Handler].
func (h redactedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	values, safe := h.secrets.toRedact(), make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		safe = append(safe, redacted(a, values))
	}
	return redactedLog{h.Handler.WithAttrs(safe), h.secrets}
}

// WithGroup implements [slog.Handler].
func (h redactedLog) WithGroup(name string) slog.Handler {
	return redactedLog{h.Handler.WithGroup(name), h.secrets}
}

// redacted returns a without the values if somebody else may have worded it: if it is
// an error, or the text of one.
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
	if safe, found := new(secret.Searcher).Replace([]byte(said), secret.Mask, values); found {
		return slog.String(a.Key, string(safe))
	}
	return a
}

// auditFor returns where a setup writes who did what; nil: nowhere.
func (s *Service) auditFor(of *setup) *audit.Log {
	if !of.cfg.Log.Audit {
		return nil
	}
	return s.audit
}

// noteReload writes that a reload was asked for by a signal or, as by says, by
// something else of this machine.
func (s *Service) noteReload(by string, err error) {
	outcome := audit.Done
	if err != nil {
		outcome = audit.Failed
	}
	s.auditFor(s.now.Load()).Did(audit.Entry{Action: audit.Reload, Address: by, Outcome: outcome})
}

// trusted returns the web servers that say where requests come from.
func trusted(cfg *config.Config) origin.Trusted {
	var t origin.Trusted
	for _, text := range cfg.Proxy.TrustedProxies {
		_ = t.Add(text) // it was checked with the configuration
	}
	return t
}
