package token

import (
	"errors"
	"time"
)

// ErrNotStored tells that a Store has no record of an account.
var ErrNotStored = errors.New("no token stored")

// ErrAway tells that a Store is out of reach.
var ErrAway = errors.New("the token store is out of reach")

// ErrDamaged tells that a Store has a record that no wxproxy wrote, which it replaces.
var ErrDamaged = errors.New("it is damaged")

// ErrNewer tells that a Store has a record of a later version of wxproxy, which is left
// as it is.
var ErrNewer = errors.New("it is of a later version of wxproxy")

// ErrLeased tells that another replica is asking.
var ErrLeased = errors.New("another replica is asking")

// LeaseLife is how long a replica that dies while it asks WeChat keeps the
// others from asking.
const LeaseLife = 5 * time.Second

// A Key names what a Store keeps a Record of.
type Key struct {
	Platform string // the component's app id, of a platform itself or an account that authorized it; else empty
	AppID    string
	Ticket   string // the type of the ticket; empty: the token
}

// A Record is what is kept of a token, or a ticket.
type Record struct {
	Token   Token  // empty if there is none
	Durable        // what outlives it
	Notice  Notice // zero in a store of one process
}

// A Durable is the part of a record that has a life of its own: a token that expires
// or is replaced does not end it.
type Durable struct {
	Spent Spent
	Until time.Time // a store keeps it so long at least; zero: as long as the token
	Granted
}

// A Notice is what processes that share a Store tell each other of WeChat's.
type Notice struct {
	Generation   int64     // how often the record was written
	FetchedAt    time.Time // when the token was asked for; zero if none was
	TrustedUntil time.Time // until then the token is good although it was refused
	Next         time.Time // when the process that wrote the record asks again
	Refusal      *Refusal  // of the last fetch, if another process would get it, too
	Failures     int       // of this kind, in a row
	Added        Spent     // of the record's what was spent since it was written; counts only
}

// A Store keeps a Record of each account's token and tickets. It may be slow or
// fail: a [Keeper] then goes on without it.
type Store interface {
	// Load returns the record that was saved last, or ErrNotStored. A token that
	// has expired is never in it, but the durable part is. Errors hold nothing of
	// what is stored.
	Load(key Key) (Record, error)

	// Save replaces the stored record but what is Granted, which stays, and returns
	// the one that is stored now: r, or in a store that is shared one of another process
	// with a newer token.
	Save(key Key, r Record) (Record, error)
}

// A Remover is a Store that can forget.
type Remover interface {
	// Remove removes the record of key, if there is one. Another process that still has
	// the account may store it again.
	Remove(key Key) error
}
