package token

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
)

// Tickets keeps the tickets of one account, such as the one that web pages sign
// with, as a Keeper keeps its token: cached, one fetch at a time, refreshed
// ahead, stored. Only types of tickets that are asked for are fetched.
//
// WeChat repeats a ticket and says each time that it lives 7200 s more. What it
// says last counts, as it does for all that ask WeChat themselves; it is asked
// again from half of a ticket's life on:
// https://developers.weixin.qq.com/community/develop/doc/000e0adca68568abb1ab525365b000
type Tickets struct {
	ask    FetchTicket
	tokens *Keeper

	mu      sync.Mutex // guards what follows and is not held during I/O
	keepers map[string]*Keeper
	stopped bool // and so is every Keeper from its beginning
}

// FetchTicket asks for a ticket of this type with a token. The lifetime of the ticket
// counts from before the question was sent.
type FetchTicket func(ctx context.Context, ticketType, token string) (Token, error)

// NewTickets returns the Tickets of the account that tokens keeps the token of. They
// are stored and logged as that is.
func NewTickets(ask FetchTicket, tokens *Keeper) *Tickets {
	return &Tickets{ask: ask, tokens: tokens}
}

// Ticket returns a ticket of this type that is used at once. It waits for
// one at most that long. The error is an [*Unavailable] or a [*Timeout].
func (t *Tickets) Ticket(ticketType string, wait time.Duration) (string, error) {
	ticket, err := t.keeper(ticketType).Token(wait)
	return ticket, ofTicket(err, ticketType)
}

// Lend returns a ticket of this type and how long it lives, for programs that keep it
// themselves: at least half of its life, unless WeChat has no more to give.
func (t *Tickets) Lend(ticketType string, wait time.Duration) (string, time.Duration, error) {
	ticket, life, err := t.keeper(ticketType).Lend(wait)
	return ticket, life, ofTicket(err, ticketType)
}

// ofTicket has err, which was made for one caller alone, say what is missing.
func ofTicket(err error, ticketType string) error {
	if unavailable, ok := errors.AsType[*Unavailable](err); ok {
		unavailable.Ticket = ticketType
	} else if timeout, ok := errors.AsType[*Timeout](err); ok {
		timeout.Ticket = ticketType
	}
	return err
}

// A TicketStatus tells how a ticket is. It does not hold it.
type TicketStatus struct {
	Type string
	Status
}

// Status returns how the tickets are that somebody asked for, by their type.
func (t *Tickets) Status() []TicketStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]TicketStatus, 0, len(t.keepers))
	for _, ticketType := range slices.Sorted(maps.Keys(t.keepers)) {
		all = append(all, TicketStatus{ticketType, t.keepers[ticketType].Status()})
	}
	return all
}

// Retry has WeChat asked again for the tickets that it failed to answer with,
// because somebody may have repaired something.
func (t *Tickets) Retry() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.keepers {
		k.Retry()
	}
}

// Stop stops the Keepers. Calls for a ticket meanwhile end at once.
func (t *Tickets) Stop() {
	t.mu.Lock()
	t.stopped = true
	keepers := slices.Collect(maps.Values(t.keepers))
	t.mu.Unlock()
	var stopping sync.WaitGroup
	for _, k := range keepers {
		stopping.Go(k.Stop)
	}
	stopping.Wait()
}

func (t *Tickets) keeper(ticketType string) *Keeper {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.keepers[ticketType]
	if !ok {
		o := t.tokens.options
		o.Kind, o.Force, o.Probe, o.SecretChanged, o.Lazy = ticketKind{of: ticketType}, nil, nil, nil, false
		var used atomic.Pointer[secret.Secret] // the token of the last fetch
		o.Fetch = func(ctx context.Context) (Token, error) { return t.fetch(ctx, ticketType, &used) }
		o.Renewed = func() bool { return t.tokens.hasOther(used.Load()) }
		k = NewKeeper(o)
		if k.stopped = t.stopped; !t.stopped {
			k.watch()
		}
		if t.keepers == nil {
			t.keepers = map[string]*Keeper{}
		}
		t.keepers[ticketType] = k
	}
	return k
}

// hasOther reports whether there is a token, and another one than used.
func (k *Keeper) hasOther(used *secret.Secret) bool {
	s := k.state.Load()
	return s.token.ValidAt(time.Now()) && (used == nil || !used.Equal(s.token.Value.Reveal()))
}

// fetch asks WeChat for the ticket, once more if it refuses the token. It notes
// which it used.
func (t *Tickets) fetch(ctx context.Context, ticketType string, used *atomic.Pointer[secret.Secret]) (Token, error) {
	value, err := t.tokens.Token(fetchTimeout)
	if err != nil {
		used.Store(nil)
		return Token{}, err
	}
	use := func(value string) string {
		token := secret.New(value)
		used.Store(&token)
		return value
	}
	ticket, err := t.ask(ctx, ticketType, use(value))
	refusal, refused := errors.AsType[*Refusal](err)
	if !refused || t.tokens.options.Issuer.OfToken(refusal.Code) != Dead {
		return ticket, err
	}
	if value, err = t.tokens.Replace(value, fetchTimeout); err != nil {
		return Token{}, err
	}
	if t.tokens.IsDead(value) {
		return Token{}, refusal
	}
	return t.ask(ctx, ticketType, use(value))
}
