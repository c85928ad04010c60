package wecom

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

const (
	// firstPause is how long a secret that WeCom has refused is not shown again, which
	// doubles with each refusal up to longestPause.
	firstPause   = 5 * time.Minute
	longestPause = time.Hour

	// rest is how long an application is left alone that has asked too often.
	rest = time.Hour

	// mostWrong is how many wrong secrets are shown within an hour. WeCom was seen to ban
	// an address after 2,000, and says only that several are enough.
	mostWrong = 100
	window    = time.Hour
)

// errManyWrong is why an account that never worked has no token.
var errManyWrong = fmt.Errorf("WeCom has refused %d secrets within an hour, and bans this machine's IP address for all accounts when there are many: those that never worked wait", mostWrong)

// A Guard keeps wrong secrets from being shown to WeCom again and again, by whatever
// account, reload or caller: WeCom counts them against the IP address, and then bans all
// that call from there. There is one in a process.
type Guard struct {
	store token.PlatformStore // nil: a restart forgets
	log   *slog.Logger

	mu       sync.Mutex             // guards what follows and is not held during I/O
	trials   map[token.Key]trial    // what is known of each account
	refused  map[string]token.Trial // what is known of each secret that is not to be shown, whoever has it
	wrong    []time.Time            // when secrets were refused last, mostWrong at most, in their order
	underWay int                    // questions
}

// A trial is what a Guard knows of an account.
type trial struct {
	token.Trial
	reason string // of the last refusal, in WeCom's words
}

// NewGuard returns a Guard that keeps what it knows in the store as well, which may be nil.
func NewGuard(store token.PlatformStore, log *slog.Logger) *Guard {
	return &Guard{store: store, log: log, trials: map[token.Key]trial{}, refused: map[string]token.Trial{}}
}

// hashOf returns what a secret of a corp is known by. It is as long as nobody finds another
// secret with the same, and of a random secret it tells nothing.
func hashOf(corpID string, corpSecret secret.Secret) string {
	sum := sha256.Sum256([]byte("wxproxy, a secret of WeCom's\n" + corpID + "\n" + corpSecret.Reveal()))
	return hex.EncodeToString(sum[:16])
}

// A turn is the permission to show a secret once.
type turn struct {
	guard  *Guard
	key    token.Key
	hash   string
	before trial
	left   bool
}

// begin returns the turn of an account to show the secret of a hash, or as a
// [*token.Paused] why it has none.
func (g *Guard) begin(ctx context.Context, key token.Key, hash string) (*turn, error) {
	known := g.recall(ctx, key, hash)
	if err := ctx.Err(); err != nil { // the store may not have answered
		return nil, asking.Failed(issuerName, "token", asking.NotSent(err))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	ofSecret := g.refused[hash]
	switch {
	case now.Before(known.Until) && (known.Resting || known.Secret == hash):
		return nil, known.paused()
	case now.Before(ofSecret.Until): // another account has it, or had, as one that was renamed
		return nil, trial{Trial: ofSecret}.paused()
	case !known.Worked && g.count(now)+g.underWay >= mostWrong:
		return nil, &token.Paused{Cause: errManyWrong, Until: g.free(now)}
	}
	g.underWay++
	return &turn{guard: g, key: key, hash: hash, before: known}, nil
}

// paused returns why nothing is asked.
func (t trial) paused() error {
	reason := t.reason
	if reason == "" {
		reason = "as it has answered before"
	}
	what := "the same secret is not shown again"
	if t.Resting {
		what = "nothing is asked"
	}
	return &token.Paused{Until: t.Until, Cause: &token.Refusal{
		By: issuerName, Code: t.Errcode, Reason: fmt.Sprintf("%s; %s until %s", reason, what, t.Until.UTC().Format(time.RFC3339)),
	}}
}

// count returns how many secrets were refused in the last hour. The caller holds g.mu.
func (g *Guard) count(now time.Time) int {
	for len(g.wrong) > 0 && now.Sub(g.wrong[0]) >= window {
		g.wrong = g.wrong[1:]
	}
	return len(g.wrong)
}

// free returns when an account that never worked may try again. The caller holds g.mu.
func (g *Guard) free(now time.Time) time.Time {
	const moment = 5 * time.Second // for what is under way
	if len(g.wrong) < mostWrong {
		return now.Add(moment)
	}
	return g.wrong[0].Add(window)
}

// leave ends the turn, if it has no other end.
func (t *turn) leave() {
	t.guard.mu.Lock()
	defer t.guard.mu.Unlock()
	if !t.left {
		t.left = true
		t.guard.underWay--
	}
}

// end ends the turn with what WeCom answered, and returns err, as a [*token.Paused] if
// WeCom is not to be asked the same soon.
func (t *turn) end(ctx context.Context, err error) error {
	refusal, refused := errors.AsType[*token.Refusal](err)
	now, next := time.Now(), t.before.Trial
	switch {
	case err == nil:
		next = token.Trial{Secret: t.hash, Worked: true}
	case refused && isWrongSecret(refusal.Code):
		if next.Secret != t.hash {
			next.Refusals = 0
		}
		next.Refusals++
		next.Secret, next.Errcode, next.Resting = t.hash, refusal.Code, false
		next.Until = inSeconds(now.Add(pauseAfter(next.Refusals, rand.Float64())))
	case refused && refusal.Code == tooOften:
		next.Errcode, next.Resting, next.Until = refusal.Code, true, inSeconds(now.Add(rest))
	default:
		return err
	}
	t.note(next, refusal, now)
	t.guard.keep(ctx, t.key, next)
	if err == nil {
		return nil
	}
	return &token.Paused{Cause: err, Until: next.Until, Asked: true}
}

// note keeps in memory what WeCom answered, nil for a token, and ends the turn.
func (t *turn) note(next token.Trial, refusal *token.Refusal, now time.Time) {
	g, told := t.guard, trial{Trial: next}
	g.mu.Lock()
	defer g.mu.Unlock()
	for hash, other := range g.refused {
		if !now.Before(other.Until) {
			delete(g.refused, hash)
		}
	}
	delete(g.refused, t.hash)
	if refusal != nil {
		told.reason = refusal.Reason
	}
	if refusal != nil && !next.Resting {
		g.refused[t.hash] = next
		g.count(now)
		g.wrong = append(g.wrong, now)
		g.wrong = g.wrong[max(0, len(g.wrong)-mostWrong):]
	}
	g.trials[t.key] = told
	g.underWay--
	t.left = true
}
