package push

import (
	"log/slog"
	"strconv"

	"wxproxy/internal/lograte"
)

// maxLines is how many accounts, forwards and reasons have a line of their own at a time.
const maxLines = 100

// lines are the lines of the log that WeChat, strangers and programs can cause. None has
// a message's content.
type lines struct {
	log    *slog.Logger
	byName *lograte.Lines
}

func newLines(log *slog.Logger) lines {
	return lines{log: log, byName: lograte.NewLines(maxLines, func(count int) {
		log.Warn("further pushes were refused or failed", "count", count)
	})}
}

// refused says that a push was not taken.
func (l lines) refused(account string, why refusal) {
	l.byName.Note("refused "+account+" "+strconv.Itoa(int(why)), func(count int) {
		reason, remedy := why.words()
		l.log.Warn("a push was refused", "account", account, "reason", reason, "remedy", remedy, "count", count)
	})
}

// failed says that a program did not take a push.
func (l lines) failed(account string, f *forward, err error) {
	l.byName.Note("failed "+account+" "+f.Name+" "+err.Error(), func(count int) {
		l.log.Warn("a push could not be forwarded", "account", account, "forward", f.title(), "err", err, "count", count)
	})
}

// dropped says that a copy was lost.
func (l lines) dropped(account string, f *forward, err error) {
	l.byName.Note("dropped "+account+" "+f.Name, func(count int) {
		l.log.Warn("the copy of a push was dropped", "account", account, "forward", f.title(), "err", err, "count", count,
			"remedy", "see that the inbox has room (push.inbox_max), and that token.store can be written")
	})
}

// flush has the log say what the lines counted since the last one.
func (l lines) flush() { l.byName.Flush() }
