// Package history keeps what came of an account's fetches in the last week, in the store
// where tokens are, so that it outlives the process and replicas share it.
package history

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

const (
	// Kept is for how long an event is kept.
	Kept = 7 * 24 * time.Hour

	// Most is how many events of an account are kept: one that works has about 90 in a week.
	Most = 100

	// maxErrmsg is how many bytes of an errmsg are kept.
	maxErrmsg = 160

	// maxBytes is how long all events of an account may be, in JSON.
	maxBytes = 24 << 10
)

// An Event is what came of a fetch, or of several in a row that failed in the same way.
type Event struct {
	At      time.Time     `json:"at"`      // of the first
	LastAt  time.Time     `json:"last_at"` // of the last
	Times   int           `json:"times"`
	Outcome token.Outcome `json:"outcome"`
	Reason  string        `json:"reason"` // why it was fetched: start, due, refused, asked or forced
	Ticket  string        `json:"ticket,omitempty"`
	Errcode int           `json:"errcode,omitempty"`
	Errmsg  string        `json:"errmsg,omitempty"`
	Process string        `json:"process,omitempty"` // the name of the machine
}

// eventOf returns what a report says.
func eventOf(r token.Report, process string) Event {
	at := r.At.UTC().Truncate(time.Second)
	e := Event{At: at, LastAt: at, Times: 1, Outcome: r.Outcome, Reason: r.Reason, Ticket: r.Ticket, Process: process}
	if r.Outcome != token.OutcomeRefreshed {
		e.Errcode, e.Errmsg = r.Problem.Code, short(r.Problem.Reason)
	}
	return e
}

// short returns the beginning of a text, in whole characters.
func short(text string) string {
	if len(text) <= maxErrmsg {
		return text
	}
	end := maxErrmsg
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:end] + "…"
}

// repeats reports whether e is what before was, once more.
func (e *Event) repeats(before *Event) bool {
	return e.Outcome == token.OutcomeFailed && before.Outcome == token.OutcomeFailed && e.Errcode == before.Errcode &&
		e.Ticket == before.Ticket && e.Process == before.Process && (e.Errcode != 0 || e.Errmsg == before.Errmsg)
}

// with returns events, the oldest first, with more behind them, without what is too old and
// no more than may be kept.
func with(events, more []Event, now time.Time) []Event {
	for _, e := range more {
		if n := len(events); n > 0 && e.repeats(&events[n-1]) {
			last := &events[n-1]
			last.Times, last.LastAt, last.Errmsg, last.Reason = last.Times+e.Times, e.LastAt, e.Errmsg, e.Reason
			continue
		}
		events = append(events, e)
	}
	events = slices.DeleteFunc(events, func(e Event) bool { return now.Sub(e.LastAt) > Kept })
	return events[max(0, len(events)-Most):]
}

// keyOf returns where the events of an account are in a store.
func keyOf(appID string) token.Key { return token.Key{AppID: appID, Ticket: Record} }

// Record is the name of the record that an account's events have in a store, in the place of
// a ticket's type.
const Record = "history"

// read returns the events that a record has. What cannot be read is none.
func read(r *token.Record) (events []Event) {
	text, err := base64.StdEncoding.DecodeString(r.Events.Reveal())
	if err != nil || json.Unmarshal(text, &events) != nil {
		return nil
	}
	return events
}

// write has the record hold events, of which the oldest are left out if they are too long.
func write(r *token.Record, events []Event) error {
	for {
		text, err := json.Marshal(events)
		if err != nil {
			return err
		}
		if len(text) <= maxBytes {
			r.Events = secret.New(base64.StdEncoding.EncodeToString(text))
			return nil
		}
		events = events[(len(events)+1)/2:]
	}
}
