package push

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/push/inbox"
	"wxproxy/push/internal/repeat"
)

// A Config is whose pushes are taken, and where they go.
type Config struct {
	Accounts  []Account
	Platforms []Platform
	Forwards  []Forward
	Roots     *x509.CertPool // who vouches for https forwards; nil: the system's
}

// An Account is one whose pushes are taken.
type Account struct {
	Name   string
	ID     string        // what its encrypted pushes are for: an app_id, or a corp_id
	Token  secret.Secret // push_token
	Key    secret.Secret // push_aes_key; empty: its pushes are not encrypted
	KeyOld secret.Secret // push_aes_key_old; empty: there is none

	// IsWeCom says that all is encrypted, the URL check too, and that envelopes have an
	// AgentID, as WeCom has it.
	IsWeCom bool
}

// A Forward is a program that gets pushes.
type Forward struct {
	Name     string        // what waiting pushes remember; empty: the URL
	Account  string        // a name or an app_id, "PLATFORM/*" or "PLATFORM:APPID"; empty: all accounts and platforms
	Match    []string      // MsgType, "event", "event:NAME" or "info:NAME", with '*' at the end for any rest; empty: all
	URL      string        // http, https, or unix:PATH:/path
	Timeout  time.Duration // 0: DefaultTimeout, or DefaultInboxTimeout
	Token    secret.Secret // signs what it gets; empty: the account's
	AESKey   secret.Secret // encrypts what it gets; empty: it gets it in the clear
	Succeeds bool          // on_failure = "success": WeChat does not learn that it failed
	Async    bool          // it gets its pushes from the inbox
	Copy     bool          // it gets a copy from the inbox
}

// How long a program has by default. WeChat waits for 5 s.
const (
	DefaultTimeout      = 4500 * time.Millisecond
	DefaultInboxTimeout = 30 * time.Second
)

// Inbox keeps pushes until they are delivered. *[inbox.Inbox] does.
type Inbox interface {
	// Add returns nil when p is durable, and [inbox.ErrFull] when there is no room.
	Add(ctx context.Context, p *inbox.Push) error
}

// Replicas is what replicas tell each other of pushes that WeChat repeats.
type Replicas = repeat.Shared

// Options are what a Receiver is made with, for its whole life.
type Options struct {
	Inbox    Inbox    // nil: what is async cannot be taken, and copies are dropped
	Replicas Replicas // nil: there are none
	Log      *slog.Logger
}
