// Package platform is a third-party platform (开放平台第三方平台): the events that WeChat
// sends it, its component_verify_ticket, its own token, and the tokens of the accounts that
// have authorized it, however many.
//
// What WeChat hands out only once is in the store before anything else happens: an event
// before WeChat gets "success", a refresh token before the token that came with it is used.
package platform

import (
	"context"
	"log/slog"
	"time"

	"wxproxy/internal/background"
	"wxproxy/platform/event"
	"wxproxy/token"
)

// Options say which platform it is, and with what it works.
type Options struct {
	Name   string // of the platform, for its users
	AppID  string // component_appid
	WeChat WeChat
	Issuer *token.Issuer       // what WeChat's answers mean; never nil
	Kinds  Kinds               // how its tokens behave
	Store  token.PlatformStore // what was granted; never nil
	Shared Shared              // the Store, if other processes use it, too; nil: none does

	ReadsList     bool              // the Store starts empty: the list of authorizers is read at the start
	Queue         *background.Queue // of what no caller waits for; nil: it starts at once
	RefreshBefore time.Duration     // so long before its expiry a token is due; 0: five minutes
	Lent          bool              // programs get the tokens to keep them for a while
	PublishCheck  bool              // WeChat's check before a platform is published is answered

	// Forward hands an event to programs, once what it says was acted upon, and returns nil
	// when that is durable. It may be called twice with the same event after a crash.
	// nil: events are forwarded to nobody.
	Forward func(context.Context, Push) error

	Log *slog.Logger // nil: nothing is logged
}

// Kinds say how the tokens of a platform behave. nil: Rotating, and Repeating.
type Kinds struct{ Component, Authorizer token.Kind }

// Shared is a store that replicas share.
type Shared interface {
	token.Sharer
	token.Follower
}

// A Push is an event that WeChat has pushed, verified and decrypted.
type Push struct {
	ID          string // the same for each repetition
	AppID       string // of the account that it is about, if any; else the component's
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

// Read returns what an event says, or an error if it is none. It reads what is not
// well-formed XML, too.
func Read(plain []byte) (event.Event, error) { return event.Read(plain) }
