// Package waiting keeps the events of one account that were not acted upon or not forwarded
// yet, as its record in the store has them: durable, and in order.
package waiting

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"wxproxy/internal/secret"
)

const (
	// seenFor is for how long an event is known that was seen.
	seenFor = 10 * time.Minute

	maxSeen   = 64       // events of one account in seenFor
	maxEvents = 16       // of one account at a time
	maxBytes  = 20 << 10 // of their bodies; a file of the store has room for 64 KiB, encoded twice
)

// ErrFull says that too many events of one account wait. WeChat keeps another one, if it is
// told so.
var ErrFull = errors.New("too many events of this account wait")

// An Event is one that waits.
type Event struct {
	Hash        string    `json:"h"` // of Body
	InfoType    string    `json:"i"`
	Created     time.Time `json:"c"`
	Code        string    `json:"a,omitempty"`
	CodeEnds    time.Time `json:"e,omitzero"`
	Received    time.Time `json:"r"`
	ID          string    `json:"p,omitempty"`
	ContentType string    `json:"t,omitempty"`
	RequestID   string    `json:"q,omitempty"`
	Body        []byte    `json:"b"`

	Acted    bool      `json:"d,omitempty"` // what it says was done, or can no longer be
	Sent     bool      `json:"s,omitempty"` // it was forwarded
	Failures int       `json:"f,omitempty"`
	Next     time.Time `json:"n,omitzero"` // when it is tried again
}

// A Queue is what waits of one account.
type Queue struct {
	Events []Event `json:"w,omitempty"`
	Seen   []Seen  `json:"k,omitempty"`
}

// Seen is an event that was taken.
type Seen struct {
	Hash string    `json:"h"`
	At   time.Time `json:"t"`
}

// Read returns the queue in a record, and an error if that is not one.
func Read(text secret.Secret) (q Queue, err error) {
	if text.Empty() {
		return q, nil
	}
	decoded, err := base64.RawStdEncoding.DecodeString(text.Reveal())
	if err == nil {
		err = json.Unmarshal(decoded, &q)
	}
	if err != nil {
		return Queue{}, errors.New("the waiting events of an account are damaged") // err may quote one
	}
	return q, nil
}

// Write returns the queue as a record has it.
func (q *Queue) Write(now time.Time) secret.Secret {
	q.Seen = slices.DeleteFunc(q.Seen, func(s Seen) bool { return now.Sub(s.At) > seenFor })
	if len(q.Events) == 0 && len(q.Seen) == 0 {
		return secret.Secret{}
	}
	text, err := json.Marshal(q)
	if err != nil {
		panic("BUG: waiting events cannot be written") // err may quote one
	}
	return secret.New(base64.RawStdEncoding.EncodeToString(text))
}

// Has reports whether an event was taken within the last ten minutes, or waits.
func (q *Queue) Has(hash string, now time.Time) bool {
	return q.Find(hash) != nil || slices.ContainsFunc(q.Seen, func(s Seen) bool { return s.Hash == hash && now.Sub(s.At) <= seenFor })
}

// Find returns the event of this hash that waits; nil if none does.
func (q *Queue) Find(hash string) *Event {
	for i := range q.Events {
		if q.Events[i].Hash == hash {
			return &q.Events[i]
		}
	}
	return nil
}

// Add adds an event.
func (q *Queue) Add(e Event) error {
	bytes := len(e.Body) + len(e.Code) + len(e.ContentType)
	for _, other := range q.Events {
		bytes += len(other.Body) + len(other.Code) + len(other.ContentType)
	}
	if len(q.Events) >= maxEvents || bytes > maxBytes {
		return ErrFull
	}
	q.Events = append(q.Events, e)
	q.Seen = append(q.Seen, Seen{e.Hash, e.Received})
	q.Seen = q.Seen[max(len(q.Seen)-maxSeen, 0):]
	return nil
}

// NextToAct returns the first event that was not acted upon; nil if there is none.
func (q *Queue) NextToAct() *Event {
	for i := range q.Events {
		if !q.Events[i].Acted {
			return &q.Events[i]
		}
	}
	return nil
}

// NextToSend returns the first event that was not forwarded, if it was acted upon or has
// waited long enough; nil if there is none.
func (q *Queue) NextToSend(now time.Time, patience time.Duration) *Event {
	for i := range q.Events {
		if e := &q.Events[i]; !e.Sent {
			if e.Acted || now.Sub(e.Received) >= patience {
				return e
			}
			return nil
		}
	}
	return nil
}

// Tidy removes what was acted upon and forwarded, and reports whether something waits.
func (q *Queue) Tidy() bool {
	q.Events = slices.DeleteFunc(q.Events, func(e Event) bool { return e.Acted && e.Sent })
	return len(q.Events) > 0
}
