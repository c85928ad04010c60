// Package event reads the events that WeChat sends to a third-party platform.
//
// They are XML, but not all well-formed: of the samples in WeChat's manual some end with
// <xml> instead of </xml>, or have another start tag in the place of an end tag. Who has the
// key has written an event, so that reading it leniently opens nothing to strangers.
package event

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"wxproxy/internal/secret"
)

// The InfoTypes that a platform acts upon. Others may have an authorization code, too.
const (
	Ticket           = "component_verify_ticket"
	Authorized       = "authorized"
	UpdateAuthorized = "updateauthorized"
	Unauthorized     = "unauthorized"
)

// ErrNone says that a text is no event of a platform's.
var ErrNone = errors.New("it is no event of a third-party platform")

// An Event is what a platform is told.
type Event struct {
	AppID      string // the component's
	Created    time.Time
	InfoType   string // as WeChat spells it
	Authorizer string // the account that it is about; empty: none
	Code       secret.Secret
	CodeEnds   time.Time // when the code can no longer be redeemed; zero if that is not said
	Ticket     secret.Secret
}

// maxText is how long a value that is used may be. WeChat's are shorter than 256 bytes.
const maxText = 1024

// Read returns the event that a text is.
func Read(plain []byte) (Event, error) {
	values, ok := scan(plain, ofEvents)
	if !ok || values["InfoType"] == "" {
		return Event{}, ErrNone
	}
	e := Event{
		AppID:      values["AppId"],
		InfoType:   values["InfoType"],
		Authorizer: values["AuthorizerAppid"],
		Code:       secret.New(values["AuthorizationCode"]),
		Ticket:     secret.New(values["ComponentVerifyTicket"]),
	}
	if e.Authorizer == "" {
		e.Authorizer = values["appid"]
	}
	if e.Code.Empty() {
		e.Code = secret.New(values["auth_code"])
	}
	created, err := strconv.ParseInt(values["CreateTime"], 10, 64)
	if err != nil || created <= 0 || created > farFuture {
		return Event{}, ErrNone
	}
	e.Created = time.Unix(created, 0)
	e.CodeEnds = codeEnds(values["AuthorizationCodeExpiredTime"], e.Created)
	return e, nil
}

const (
	farFuture  = 1 << 36 // the year 4147
	isAbsolute = 1e9     // in seconds: a time, and no duration
)

// codeEnds returns when a code ends. WeChat's manual has seconds, its samples a moment.
func codeEnds(text string, created time.Time) time.Time {
	seconds, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || seconds <= 0 || seconds > farFuture:
		return time.Time{}
	case seconds >= isAbsolute:
		return time.Unix(seconds, 0)
	}
	return created.Add(time.Duration(seconds) * time.Second)
}

// IsKept reports whether a platform acts upon the event, so that it must be durable.
func (e *Event) IsKept() bool {
	switch e.InfoType {
	case Ticket:
		return !e.Ticket.Empty()
	case Authorized, UpdateAuthorized, Unauthorized:
		return IsAppID(e.Authorizer)
	}
	return strings.HasPrefix(e.InfoType, "notify_") && IsAppID(e.Authorizer) && !e.Code.Empty()
}

// IsAppID reports whether text may be the app id of an account, under which a store keeps
// it.
func IsAppID(text string) bool {
	const longest = 64
	return text != "" && len(text) <= longest && !strings.ContainsFunc(text, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_'
	})
}

// A Message is a message or an event of a user's.
type Message struct{ To, From, Type, Event, Content string }

// ReadMessage returns the message that a text is, and reports whether it is one. Its
// Content is at most 1024 bytes.
func ReadMessage(plain []byte) (m Message, ok bool) {
	values, ok := scan(plain, ofMessages)
	m = Message{To: values["ToUserName"], From: values["FromUserName"], Type: values["MsgType"], Event: values["Event"], Content: values["Content"]}
	return m, ok && m.Type != ""
}

// Hash returns what tells one event from others, however often it is sent.
func Hash(plain []byte) string {
	const enough = 16
	sum := sha256.Sum256(plain)
	return hex.EncodeToString(sum[:enough])
}
