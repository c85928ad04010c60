package push

import (
	"context"
	"errors"

	"wxproxy/push/inbox"
	"wxproxy/push/internal/message"
	"wxproxy/push/internal/sending"
)

// These errors say that the configuration has changed since a push was kept.
var (
	errNoAccount = errors.New("its account is not configured any more: configure it again under this name")
	errNoForward = errors.New("its forward is not configured any more: configure one of this name again")
)

// Deliver sends a push from the inbox to its program, whose reply nobody needs. It
// returns nil when the program has taken it.
func (r *Receiver) Deliver(ctx context.Context, p *inbox.Push) error {
	now := r.now.Load()
	a, f := now.accounts[p.Account], now.byName[p.Forward]
	var err error
	switch {
	case a == nil:
		err = errNoAccount
	case f == nil:
		err = errNoForward
	default:
		err = deliver(ctx, p, a, f)
	}
	if err != nil {
		r.counts.fail(p.Account, err.Error())
	}
	return err
}

func deliver(ctx context.Context, p *inbox.Push, a *account, f *forward) error {
	read, err := message.Read(p.Body)
	if err != nil { // it could be read when it was kept: this version is another one
		read = message.Message{Format: message.FormatOf(p.Body)}
	}
	return f.sender.Deliver(ctx, &sending.Push{
		ID: p.ID, Attempt: p.Attempts, Account: p.Account, AppID: p.AppID, Token: a.Token, OpenID: p.OpenID,
		RequestID: p.RequestID, ContentType: p.ContentType, Message: read, Plain: p.Body,
	})
}
