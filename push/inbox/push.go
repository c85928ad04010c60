// Package inbox keeps pushes that WeChat need not wait for until they are delivered: in
// memory, in files, or in another Store, which replicas may share. What it has taken it
// delivers in the order in which it came, for each account and forward, at least once.
package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// Sentinel errors.
var (
	// ErrFull says that a push would not leave the inbox within its limit. WeChat keeps
	// it, if it is told so.
	ErrFull = errors.New("the inbox of pushes is full")

	// ErrDamaged says that a record is not what was written.
	ErrDamaged = errors.New("the record of a push is damaged")

	// ErrNewer says that the record of a push is of a later version of wxproxy, for which it
	// is left alone.
	ErrNewer = errors.New("the record of a push is of a later version of wxproxy")

	// ErrClosed says that the record of a push is encrypted with a key that is not there.
	ErrClosed = errors.New("the record of a push cannot be opened")
)

// A Push is a message or an event of WeChat's, verified and decrypted.
type Push struct {
	ID          string // the same for each repetition and copy
	Account     string // its name
	AppID       string
	Forward     string // the name of the forward that it is for
	Type        string // MsgType, or event:NAME
	Received    time.Time
	Attempts    int // with the one under way
	ContentType string
	OpenID      string
	RequestID   string
	Body        []byte // the plain text
	LastError   string // why it could not be delivered last
	Closed      error  // why it cannot be read, for lack of a key; then there is no content
}

// Title returns what logs call the forward: its name, or its URL without a query, which
// may be a secret.
func (p *Push) Title() string {
	if strings.Contains(p.Forward, ":/") {
		before, _, _ := strings.Cut(p.Forward, "?")
		return before
	}
	return p.Forward
}

// A NotSent is why a push was not sent to its program at all. Such an attempt is not counted.
type NotSent struct{ Why error }

// Error implements error.
func (n *NotSent) Error() string { return n.Why.Error() }

// Unwrap returns what is wrong.
func (n *NotSent) Unwrap() error { return n.Why }

// A Failure is a push that could not be delivered, and is not tried any more.
type Failure struct {
	ID        string
	Account   string
	Forward   string // as [Push.Title] has it
	Type      string
	Received  time.Time
	At        time.Time // when it was given up
	Attempts  int
	LastError string
}

// A State is what an inbox has.
type State struct {
	Waiting map[string]int // pushes by account
	Failed  map[string]int // likewise
	Oldest  time.Time      // since when the oldest has been waiting; zero: none is
	Bytes   int64          // of those that wait or have failed
	Max     int64          // that they may take
	Dropped uint64         // failed ones that were removed before their time to make room, by this process
	Lost    uint64         // that waited, and whose records this process could not read
}

// Queue returns the name of the queue that is for a forward's pushes of an account. It
// does not tell the forward, whose name may be a URL with a password.
func Queue(account, forward string) string {
	const unique = 8
	sum := sha256.Sum256([]byte(account + "\x00" + forward))
	return account + ":" + hex.EncodeToString(sum[:unique])
}

const (
	// patience is for how long a push is tried.
	patience = 24 * time.Hour

	// FailedLife is for how long a push is kept that could not be delivered.
	FailedLife = 7 * 24 * time.Hour

	// MaxFailed is how many of them there may be. The oldest are removed first.
	MaxFailed = 10_000

	// LongestBackoff is the longest pause between two attempts.
	LongestBackoff = time.Minute
)

// Backoff returns how long a queue rests after so many failures in a row.
func Backoff(failures int) time.Duration {
	const doublings = 6 // to more than the longest
	return min(time.Second<<min(max(failures-1, 0), doublings), LongestBackoff)
}
