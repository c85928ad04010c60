package push

import (
	"context"
	"errors"
	"slices"

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
	a := now.ofWaiting(p)
	err := now.deliver(ctx, p, a)
	switch {
	case err == nil:
	case a == nil:
		r.counts.fail(groupOf(p.Account), err.Error())
	default:
		r.counts.fail(a.group(), err.Error())
	}
	return err
}

// deliver sends a push of an account, nil if it is not configured any more.
func (c *configuration) deliver(ctx context.Context, p *inbox.Push, a *account) error {
	switch {
	case p.Closed != nil:
		return &inbox.NotSent{Why: p.Closed}
	case a == nil:
		return &inbox.NotSent{Why: errNoAccount}
	}
	f := c.named(p, a)
	if f == nil {
		return &inbox.NotSent{Why: errNoForward}
	}
	read, err := message.Read(p.Body)
	if err != nil { // it could be read when it was kept: this version is another one
		read = message.Message{Format: message.FormatOf(p.Body)}
	}
	return f.sender.Deliver(ctx, &sending.Push{
		ID: p.ID, Attempt: p.Attempts, Account: a.title(), AppID: p.AppID, Inside: a.ID, Token: a.Token, OpenID: p.OpenID,
		RequestID: p.RequestID, ContentType: p.ContentType, Message: read, IsEvent: a.isPlatform && isEvent(p.Type),
		IsWeCom: a.IsWeCom, Plain: p.Body,
	})
}

// named returns the forward that a waiting push of an account names: the account's that gets
// an event of its platform's, or that has its pushes from the inbox, or else, since the
// configuration may have changed, any of that name; nil if there is none.
func (c *configuration) named(p *inbox.Push, a *account) (found *forward) {
	isNamed := func(f *forward) bool { return f.Name == p.Forward }
	if a.isPlatform && isEvent(p.Type) {
		getsIt := func(f *forward) bool { return isNamed(f) && f.matches(p.Type) }
		if i := slices.IndexFunc(a.forwards, getsIt); i >= 0 {
			return a.forwards[i]
		}
	}
	for _, f := range slices.Concat(a.forwards, c.forwards) {
		switch {
		case !isNamed(f):
		case f.Async, f.Copy:
			return f
		case found == nil:
			found = f
		}
	}
	return found
}
