package push

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"

	"wxproxy/internal/lograte"
	"wxproxy/push/inbox"
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
func (l lines) refused(a *account, why refusal) {
	account := a.group()
	l.byName.Note("refused "+account+" "+strconv.Itoa(int(why)), func(count int) {
		reason, remedy := why.words(a)
		l.log.Warn("a push was refused", "account", account, "reason", reason, "remedy", remedy, "count", count)
	})
}

// failed says that a program did not take a push.
func (l lines) failed(p *push, f *forward, err error) {
	remedy := "look at the program of the forward: " + p.account.issuer() + " sends the push again, three times within 15 s at most"
	if f.Succeeds {
		remedy = "look at the program of the forward: this push is lost to it, as on_failure says"
	}
	account := p.account.group()
	l.byName.Note("failed "+account+" "+f.Name+" "+kindOf(err), func(count int) {
		l.log.Warn("a push could not be forwarded", "account", account, "forward", f.title(), "type", p.message.Type,
			"push_id", p.id, "err", err, "count", count, "remedy", remedy)
	})
}

// unkept says that a push could not be put into the inbox.
func (l lines) unkept(account string, f *forward, err error) {
	remedy := "see what the log says of token.store, in which the inbox is"
	if errors.Is(err, inbox.ErrFull) {
		remedy = "see why the programs do not take what waits, or raise push.inbox_max"
	}
	l.byName.Note("unkept "+account+" "+f.Name+" "+kindOf(err), func(count int) {
		l.log.Warn("a push could not be put into the inbox, and WeChat is told to send it again",
			"account", account, "forward", f.title(), "err", err, "remedy", remedy, "count", count)
	})
}

// unstored says that a platform could not make an event durable.
func (l lines) unstored(platform string, err error) {
	l.byName.Note("unstored "+platform+" "+kindOf(err), func(count int) {
		l.log.Error("an event of a platform could not be stored, and WeChat is told to send it again", "account", platform, "err", err,
			"remedy", "see what the log says of token.store, which has to be writable", "count", count)
	})
}

// delayed says that an event which its platform has kept could not be put into the inbox.
func (l lines) delayed(platform string, f *forward, err error) {
	l.byName.Note("delayed "+platform+" "+f.Name+" "+kindOf(err), func(count int) {
		l.log.Warn("an event of a platform could not be put into the inbox, and waits", "account", platform, "forward", f.title(), "err", err,
			"remedy", "see that the inbox has room (push.inbox_max), and that token.store can be written", "count", count)
	})
}

// kindOf returns the part of an error's words that is the same each time. What follows a
// colon may not be: an address's port, the name of a file, the time.
func kindOf(err error) string {
	kind, _, _ := strings.Cut(err.Error(), ":")
	return kind
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
