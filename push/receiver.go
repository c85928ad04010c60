// Package push is what WeChat calls: it verifies and decrypts messages and events, passes
// them on to programs, and gives WeChat their replies. ServeHTTP is the life of a push.
package push

import (
	"fmt"
	"log/slog"
	"sync/atomic"

	"wxproxy/internal/secret"
	"wxproxy/push/internal/envelope"
	"wxproxy/push/internal/repeat"
	"wxproxy/push/internal/sending"
)

// A Receiver takes pushes. Its methods may be called concurrently.
type Receiver struct {
	inbox   Inbox
	repeats *repeat.Repeats
	log     *slog.Logger
	lines   lines
	counts  counts
	large   chan struct{} // holds one for each large body that is in memory

	now atomic.Pointer[configuration]
}

// A configuration is what a Receiver does at present. It is replaced, not edited.
type configuration struct {
	accounts map[string]*account // platforms too, but not who has authorized them
	forwards []*forward
}

// An account is an Account with its keys, and with the forwards that are for it; or a
// platform; or an account that has authorized one, which is made when it is needed.
type account struct {
	Account
	keys     []*envelope.Key // the present one first
	forwards []*forward

	isPlatform bool
	events     Events   // of the platform
	owner      *account // the platform that it has authorized; nil: none
	authorizer string   // its app id; empty: it has authorized none
}

// issuer returns who pushes.
func (a *account) issuer() string {
	if a.IsWeCom {
		return "WeCom"
	}
	return "WeChat"
}

// A forward is a Forward with what sends to it.
type forward struct {
	Forward
	sender *sending.Sender
}

// New returns a Receiver that knows no account yet.
func New(o Options) *Receiver {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Receiver{inbox: o.Inbox, repeats: repeat.New(o.Replicas), log: o.Log, lines: newLines(o.Log), large: make(chan struct{}, maxLarge)}
	r.counts.begin()
	r.now.Store(&configuration{})
	return r
}

// Use has the Receiver do what c says from the next push on. If there is a mistake, it
// goes on as before.
func (r *Receiver) Use(c Config) error {
	next := &configuration{accounts: map[string]*account{}}
	for i, f := range c.Forwards {
		if f.Name == "" {
			f.Name = f.URL
		}
		one, err := newForward(f, c)
		if err != nil {
			return fmt.Errorf("forward %d: %w", i+1, err)
		}
		next.forwards = append(next.forwards, one)
	}
	for _, a := range c.Accounts {
		one, err := newAccount(a)
		if err != nil {
			return fmt.Errorf("account %q: %w", a.Name, err)
		}
		one.forwards = next.forwardsFor(one)
		next.accounts[a.Name] = one
	}
	for _, p := range c.Platforms {
		one, err := newPlatform(p)
		if err != nil {
			return fmt.Errorf("platform %q: %w", p.Name, err)
		}
		one.forwards = next.forwardsFor(one)
		next.accounts[p.Name] = one
	}
	for _, f := range r.now.Swap(next).forwards {
		f.sender.Close()
	}
	return nil
}

func newForward(f Forward, c Config) (*forward, error) {
	switch {
	case f.Timeout > 0:
	case f.Async, f.Copy:
		f.Timeout = DefaultInboxTimeout
	default:
		f.Timeout = DefaultTimeout
	}
	sender, err := sending.New(sending.Config{URL: f.URL, Timeout: f.Timeout, Token: f.Token, AESKey: f.AESKey, Roots: c.Roots})
	return &forward{Forward: f, sender: sender}, err
}

func newAccount(a Account) (*account, error) {
	one := &account{Account: a}
	for _, text := range []secret.Secret{a.Key, a.KeyOld} {
		if text.Empty() {
			continue
		}
		key, err := envelope.NewKey(text)
		if err != nil {
			return nil, err
		}
		one.keys = append(one.keys, key)
	}
	return one, nil
}

// Close closes what rests, and has the log say what its lines counted since the last one,
// as the process is about to end.
func (r *Receiver) Close() {
	for _, f := range r.now.Load().forwards {
		f.sender.Close()
	}
	r.lines.flush()
}
