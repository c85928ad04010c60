package event

import (
	"bytes"
	"errors"
	"time"
)

// A Push is an event that WeChat has pushed, verified and decrypted.
type Push struct {
	ID          string // the same for each repetition
	AppID       string // of the account that it is about; empty: of the platform
	Type        string // "info:INFOTYPE"
	Received    time.Time
	ContentType string
	RequestID   string
	Body        []byte // the plain text
}

// A Taken says what has become of an event.
type Taken int

// What may become of an event.
const (
	PassOn    Taken = iota // it is none that a platform acts upon: it is forwarded as any push
	Kept                   // it is durable, and is forwarded when it was acted upon
	NewTicket              // it was a ticket, which is durable, and the newest; programs may get a placeholder
	Repeated               // it was kept before, or is a ticket that is not the newest
)

// ErrForeign says that an event is for another platform.
var ErrForeign = errors.New("the event is for another platform")

// PlaceholderTicket is what programs get in the place of a ticket.
const PlaceholderTicket = "ticket@@@wxproxy"

// WithPlaceholder returns the event of a ticket for programs: SDKs start only with some
// ticket, and need no good one. nil: it is no such event.
func WithPlaceholder(plain []byte) []byte {
	e, err := Read(plain)
	if err != nil || e.InfoType != Ticket || e.Ticket.Empty() || !bytes.Contains(plain, []byte(e.Ticket.Reveal())) {
		return nil
	}
	return bytes.ReplaceAll(plain, []byte(e.Ticket.Reveal()), []byte(PlaceholderTicket))
}
