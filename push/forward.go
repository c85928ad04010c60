package push

import (
	"context"
	"errors"
	"net/http"
	"time"

	"wxproxy/push/inbox"
	"wxproxy/push/internal/repeat"
	"wxproxy/push/internal/sending"
)

// A result is what became of a push.
type result = repeat.Outcome

// keepPatience is for how long a push waits for the inbox. WeChat waits for 5 s.
const keepPatience = 4 * time.Second

// forward gives a push to the first forward that matches, and copies to the inbox. WeChat
// may leave meanwhile: its repetition gets the answer.
func (r *Receiver) forward(ctx context.Context, p *push) (o result, outcome string) {
	ctx = context.WithoutCancel(ctx)
	first, copies := p.account.choose(p.message.Type)
	if len(copies) > 0 && p.attempt == 1 {
		stored := make(chan struct{})
		go func() {
			defer close(stored)
			defer r.survive(func() {})
			r.copy(ctx, p, copies)
		}()
		defer func() { <-stored }()
	}
	switch {
	case first == nil:
		return result{Status: http.StatusOK}, empty
	case first.Async:
		return r.enqueue(ctx, p, first)
	}
	return r.send(ctx, p, first)
}

// send sends a push to a program, whose reply is the answer.
func (r *Receiver) send(ctx context.Context, p *push, f *forward) (o result, outcome string) {
	reply, err := f.sender.Send(ctx, p.toSend())
	switch {
	case err == nil && reply.Body == nil:
		return result{Status: http.StatusOK}, empty
	case err == nil:
		return result{Status: http.StatusOK, Reply: reply.Body, ContentType: reply.ContentType}, answered
	}
	r.counts.fail(p.account.group(), err.Error())
	r.lines.failed(p, f, err)
	var failure *sending.Failure
	switch {
	case f.Succeeds:
		return result{Status: http.StatusOK}, failed
	case errors.As(err, &failure) && failure.Late:
		return result{Status: http.StatusGatewayTimeout}, failed
	}
	return result{Status: http.StatusBadGateway}, failed
}

// enqueue gives a push to the inbox. Only what is durable there is a success.
func (r *Receiver) enqueue(ctx context.Context, p *push, f *forward) (o result, outcome string) {
	err := r.keep(ctx, p, f)
	if err == nil {
		return result{Status: http.StatusOK}, async
	}
	r.counts.fail(p.account.group(), err.Error())
	r.lines.unkept(p.account.group(), f, err)
	if errors.Is(err, inbox.ErrFull) {
		return result{Status: http.StatusServiceUnavailable}, failed
	}
	return result{Status: http.StatusBadGateway}, failed
}

// copy gives copies of a push to the inbox. One that cannot be kept is dropped.
func (r *Receiver) copy(ctx context.Context, p *push, copies []*forward) {
	for _, f := range copies {
		if err := r.keep(ctx, p, f); err != nil {
			r.counts.drop(p.account.group())
			r.lines.dropped(p.account.group(), f, err)
		}
	}
}

// errNoInbox says that there is nothing to keep pushes in.
var errNoInbox = errors.New("there is no inbox")

// keep makes a push durable.
func (r *Receiver) keep(ctx context.Context, p *push, f *forward) error {
	if r.inbox == nil {
		return errNoInbox
	}
	ctx, cancel := context.WithTimeout(ctx, keepPatience)
	defer cancel()
	return r.inbox.Add(ctx, &inbox.Push{
		ID: p.id, Account: p.waitsAs(), AppID: p.account.appID(), Forward: f.Name, Type: p.message.Type, Received: p.received,
		ContentType: p.contentType, OpenID: p.openID, RequestID: p.requestID, Body: p.plain,
	})
}

// toSend returns a push as it is sent.
func (p *push) toSend() *sending.Push {
	return &sending.Push{
		ID: p.id, Attempt: p.attempt, Account: p.account.title(), AppID: p.account.appID(), Inside: p.account.ID, Token: p.account.Token,
		OpenID: p.openID, RequestID: p.requestID, ContentType: p.contentType, Message: p.message, IsEvent: p.isEvent,
		IsWeCom: p.account.IsWeCom, Plain: p.plain,
	}
}
