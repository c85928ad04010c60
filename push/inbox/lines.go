package inbox

import (
	"fmt"

	"wxproxy/internal/lograte"
)

// LostRemedy says what to do about a record that cannot be read.
const LostRemedy = "look at the disk, or at who else writes into token.store"

// NewLostLines returns the lines that name each damaged record, as many in a minute as are
// put aside.
func NewLostLines() *lograte.Lines {
	lines := lograte.NewLines(1, nil) // all have the same name
	lines.First = maxAside
	return lines
}

// say logs that a push could not be delivered, once a minute for each queue.
func (b *Inbox) say(e *Entry, wasSent bool) {
	remedy := "look at the program of the forward"
	if !wasSent {
		remedy = "do what err says, and reload"
	}
	b.lines.Note(e.Queue, func(count int) {
		b.log.Warn("a push could not be delivered, and is tried again", "account", e.Account, "forward", e.Title(), "type", e.Type,
			"push_id", e.ID, "attempt", e.Attempts, "err", e.LastError, "count", count,
			"remedy", remedy+"; those behind it wait, and it is tried for a day")
	})
}

// sayGivenUp logs that a push is not tried any more, once a minute for each queue: all of
// a queue can be too old at the same time.
func (b *Inbox) sayGivenUp(e *Entry, wasSent bool) {
	remedy := "mend the program of the forward"
	if !wasSent {
		remedy = "do what err says"
	}
	b.lines.Note("given up "+e.Queue, func(count int) {
		b.log.Error("a push could not be delivered, and is kept as failed", "account", e.Account, "forward", e.Title(), "type", e.Type,
			"push_id", e.ID, "attempts", e.Attempts, "err", e.LastError, "count", count,
			"remedy", remedy+", then POST /pushes/failed/ID/retry on the admin listener, within 7 days")
	})
}

// words returns what an error says, within a bound.
func words(err error) string {
	const longest = 300
	return fmt.Sprintf("%.*s", longest, err.Error())
}
