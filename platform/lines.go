package platform

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// linesAMinute is how many lines that say the same of accounts are written in a minute: a
	// hundred thousand may fail at once, all for one reason.
	linesAMinute = 100

	maxKinds = 64 // of lines that are counted apart
)

// lines is where the lines about accounts go to. The others are not bounded: a platform has few.
type lines struct {
	slog.Handler
	counts *lineCounts
	is     bool // of an account, as With has said
}

// lineCounts are how many lines there were in the present minute.
type lineCounts struct {
	all   slog.Handler // what tells of those that were left out
	mu    sync.Mutex   // guards kinds
	kinds map[lineKind]int
}

// A lineKind is of lines that say the same of different accounts.
type lineKind struct {
	level   slog.Level
	message string
	errcode int64
}

func newLines(to slog.Handler) *lines {
	return &lines{Handler: to, counts: &lineCounts{all: to, kinds: map[lineKind]int{}}}
}

// WithAttrs implements [slog.Handler].
func (l *lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := lines{l.Handler.WithAttrs(attrs), l.counts, l.is}
	for _, a := range attrs {
		next.is = next.is || a.Key == "account"
	}
	return &next
}

// WithGroup implements [slog.Handler].
func (l *lines) WithGroup(name string) slog.Handler {
	return &lines{l.Handler.WithGroup(name), l.counts, l.is}
}

// Handle implements [slog.Handler].
func (l *lines) Handle(ctx context.Context, line slog.Record) error {
	is, kind := l.is, lineKind{line.Level, line.Message, 0}
	line.Attrs(func(a slog.Attr) bool {
		is = is || a.Key == "account"
		if a.Key == "errcode" && a.Value.Kind() == slog.KindInt64 {
			kind.errcode = a.Value.Int64()
		}
		return true
	})
	if is && !l.counts.allow(kind) {
		return nil
	}
	return l.Handler.Handle(ctx, line)
}

// allow counts a line, and reports whether it is to be written.
func (c *lineCounts) allow(kind lineKind) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, isKnown := c.kinds[kind]; !isKnown && len(c.kinds) >= maxKinds {
		kind = lineKind{level: slog.LevelWarn, message: "others"}
	}
	if len(c.kinds) == 0 {
		time.AfterFunc(time.Minute, c.flush)
	}
	c.kinds[kind]++
	return c.kinds[kind] <= linesAMinute
}

// flush tells of the lines that were left out, and begins another minute.
func (c *lineCounts) flush() {
	c.mu.Lock()
	kinds := c.kinds
	c.kinds = map[lineKind]int{}
	c.mu.Unlock()
	for kind, n := range kinds {
		if n <= linesAMinute || !c.all.Enabled(context.Background(), kind.level) {
			continue
		}
		line := slog.NewRecord(time.Now(), kind.level, "the same was said of further accounts of a platform", 0)
		line.AddAttrs(slog.String("line", kind.message), slog.Int64("errcode", kind.errcode), slog.Int("count", n-linesAMinute),
			slog.String("remedy", "as that line says; GET /platforms/NAME/authorizers?state=failing has all accounts"))
		_ = c.all.Handle(context.Background(), line)
	}
}
