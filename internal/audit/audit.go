// Package audit has the log say who did what only operators and few programs may, or
// tried to. Its lines name keys by their settings and hold no secret.
package audit

import (
	"context"
	"log/slog"
	"strings"

	"wxproxy/internal/lograte"
)

// What is done, or tried.
const (
	RealToken      = "real_token" // asked for WeChat's own token
	Refresh        = "refresh"
	RefreshByForce = "refresh_by_force"
	Reload         = "reload"
	Recover        = "recover"    // had a platform's list of authorizers read
	RetryPush      = "retry_push" // had a push delivered that could not be
	AskRid         = "ask_rid"    // had WeChat asked about a call
	Profile        = "profile"    // asked for a profile of the process, which can hold secrets
	Read           = "read"       // asked for the status, the metrics or the page
	WrongKey       = "wrong_key"  // showed a key that is nobody's
)

// What came of it.
const (
	Done    = "done"
	Failed  = "failed"
	Unasked = "not_asked" // nothing was wrong, and WeChat was not asked
	Refused = "refused"
)

// Where it was done.
const (
	Proxy = "proxy" // at the callers' listener
	Admin = "admin"
)

// An Entry is one line.
type Entry struct {
	Action   string
	Key      string // the setting of the operators' key that was shown, as "admin.key"; empty: none was
	Client   string // the program that asked the proxy; empty: it has no name
	Account  string
	Address  string
	Outcome  string
	Listener string // empty: it came over none
}

// isOfStranger reports whether somebody without any right was refused. Such a caller can
// make up any number of addresses.
func (e *Entry) isOfStranger() bool { return e.Outcome == Refused && e.Key == "" && e.Client == "" }

// maxLines is how many lines that programs cause are told apart in a minute, and how many
// that strangers do.
const maxLines = 200

// A Log takes entries. A nil one drops them.
type Log struct {
	log       *slog.Logger
	known     *lograte.Lines // about those who had the right to what they did, or a key
	strangers *lograte.Lines // so that they do not hide what the others did
}

// New returns a Log whose lines go to log, whatever its level: what somebody did is no
// warning, and who wants to know has a setting for it.
func New(log *slog.Logger) *Log {
	log = slog.New(everyLevel{log.Handler()})
	lines := func(of string) *lograte.Lines {
		return lograte.NewLines(maxLines, func(count int) { log.Info("audit", "action", "others", "of", of, "count", count) })
	}
	return &Log{log, lines("known"), lines("strangers")}
}

// An everyLevel takes lines of every level.
type everyLevel struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (everyLevel) Enabled(context.Context, slog.Level) bool { return true }

// Did writes what an operator did.
func (l *Log) Did(e Entry) {
	if l != nil {
		l.write(e, 1)
	}
}

// Often writes what anybody can do again and again: at once the first time, then at
// most once a minute with how often it was done.
func (l *Log) Often(e Entry) {
	if l == nil {
		return
	}
	lines := l.known
	if e.isOfStranger() {
		lines = l.strangers
	}
	name := strings.Join([]string{e.Action, e.Key, e.Client, e.Account, e.Address, e.Outcome, e.Listener}, "\n")
	lines.Note(name, func(count int) { l.write(e, count) })
}

// Flush writes the counts that wait for their minute to end, as the process ends before
// that.
func (l *Log) Flush() {
	if l != nil {
		l.known.Flush()
		l.strangers.Flush()
	}
}

func (l *Log) write(e Entry, count int) {
	l.log.Info("audit", "action", e.Action, "key", e.Key, "client", e.Client, "account", e.Account,
		"address", e.Address, "outcome", e.Outcome, "count", count, "listener", e.Listener)
}
