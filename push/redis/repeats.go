package redis

import (
	"context"
	"crypto/rand"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/lograte"
	"wxproxy/internal/secret"
	"wxproxy/push/internal/repeat"
	tokens "wxproxy/token/store/redis"
)

var (
	//go:embed claim.lua
	claimLua string
	//go:embed keep.lua
	keepLua string
	//go:embed settle.lua
	settleLua string
)

// Repeats is what replicas tell each other of pushes that WeChat repeats, a
// [repeat.Shared]: a hash PREFIX:push:repeat:ID for each push of the last minute.
type Repeats struct {
	link   *tokens.Store
	log    *slog.Logger
	failed lograte.Line // about what cannot be shared

	claim, keep, settle *redis.Script
}

var _ repeat.Shared = (*Repeats)(nil)

// NewRepeats returns the Repeats in the Redis of link, which need not be there yet.
func NewRepeats(link *tokens.Store, log *slog.Logger) *Repeats {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Repeats{link: link, log: log, claim: redis.NewScript(claimLua), keep: redis.NewScript(keepLua), settle: redis.NewScript(settleLua)}
}

// name returns the name of a push in Redis.
func (r *Repeats) name(id string) string { return r.link.Prefix() + ":push:repeat:" + id }

// Claim implements [repeat.Shared].
func (r *Repeats) Claim(ctx context.Context, id string, joined int) (c repeat.Claim, err error) {
	var answer []any
	err = r.use(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		answer, err = r.claim.Run(ctx, client, []string{r.name(id)}, rand.Text(), joined, repeat.Lease.Milliseconds(), repeat.Life.Milliseconds()).Slice()
		return err
	})
	const parts = 4
	switch {
	case err != nil:
		return c, err
	case len(answer) != parts:
		return c, errAnswer
	}
	numbers := numbersIn(answer, parts)
	c = repeat.Claim{Mine: numbers[0] == 1, Attempt: int(numbers[1]), Outcome: repeat.Outcome{Status: int(numbers[2])}}
	if sealed, _ := answer[3].(string); sealed != "" {
		c.Outcome, err = r.open(id, sealed, c.Outcome.Status)
	}
	return c, err
}

// Renew implements [repeat.Shared].
func (r *Repeats) Renew(ctx context.Context, id string, attempt int) error {
	return r.use(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		return r.keep.Run(ctx, client, []string{r.name(id)}, attempt, repeat.Lease.Milliseconds()).Err()
	})
}

// Settle implements [repeat.Shared].
func (r *Repeats) Settle(ctx context.Context, id string, attempt int, o repeat.Outcome) error {
	reply := ""
	if o.Reply != nil {
		reply = r.link.Sealer().Seal(r.name(id), secret.New(o.ContentType+"\n"+string(o.Reply)))
	}
	return r.use(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		return r.settle.Run(ctx, client, []string{r.name(id)}, attempt, o.Status, reply, repeat.Life.Milliseconds()).Err()
	})
}

// open returns the outcome with the reply that was stored.
func (r *Repeats) open(id, sealed string, status int) (o repeat.Outcome, err error) {
	opened, err := r.link.Sealer().Open(r.name(id), sealed)
	contentType, reply, ok := strings.Cut(opened.Reveal(), "\n")
	if err == nil && !ok {
		err = errAnswer
	}
	if err != nil {
		r.say(err, "let all replicas have the same encryption_key; while it is changed, also the old one as encryption_key_old")
		return o, fmt.Errorf("reading what another replica has answered: %w", err)
	}
	return repeat.Outcome{Status: status, ContentType: contentType, Reply: []byte(reply)}, nil
}

func (r *Repeats) use(ctx context.Context, ask func(context.Context, redis.UniversalClient) error) error {
	err := r.link.Use(ctx, ask)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		r.say(err, remedyFor(err))
	}
	return err
}

// say logs that each replica knows its own repetitions, once a minute.
func (r *Repeats) say(err error, remedy string) {
	r.failed.Note(func(count int) {
		r.log.Warn("replicas do not know of each other's pushes: one that WeChat repeats to another replica may be forwarded twice",
			"err", err, "remedy", remedy, "count", count)
	})
}
