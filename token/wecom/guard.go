package wecom

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
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
)

// A Guard keeps wrong secrets from being shown to WeCom again and again, by whatever
// account, reload or caller: WeCom counts them against the IP address, and then bans all
// that call from there. There is one in a process.
type Guard struct {
	store token.PlatformStore // nil: a restart forgets
	log   *slog.Logger

	mu      sync.Mutex               // guards what follows and is not held during I/O
	trials  map[token.Key]trial      // what is known of each account
	refused map[string]token.Trial   // what is known of each secret that is not to be shown, whoever has it
	showing map[string]chan struct{} // closed when the answer is known; of each secret that is shown and not known to be right
	budget
}

// A trial is what a Guard knows of an account.
type trial struct {
	token.Trial
	reason string // of the last refusal, in WeCom's words
}

// NewGuard returns a Guard that keeps what it knows in the store as well, which may be nil.
func NewGuard(store token.PlatformStore, log *slog.Logger) *Guard {
	return &Guard{store: store, log: log, trials: map[token.Key]trial{}, refused: map[string]token.Trial{}, showing: map[string]chan struct{}{}}
}

// hashOf returns what a secret of a corp is known by. It is as long as nobody finds another
// secret with the same, and of a random secret it tells nothing.
func hashOf(corpID string, corpSecret secret.Secret) string {
	sum := sha256.Sum256([]byte("wxproxy, a secret of WeCom's\n" + corpID + "\n" + corpSecret.Reveal()))
	return hex.EncodeToString(sum[:16])
}

// begin returns the turn of an account to show the secret of a hash, or as a
// [*token.Paused] why it has none. Of a secret of which nothing good is known the store
// has that it was shown, before it is.
func (g *Guard) begin(ctx context.Context, key token.Key, hash string) (*turn, error) {
	known := g.recall(ctx, key, hash)
	if err := ctx.Err(); err != nil { // the store may not have answered
		return nil, asking.Failed(issuerName, "token", asking.NotSent(err))
	}
	t, mayBeWrong := &turn{guard: g, key: key, hash: hash, before: known}, !known.proves(hash)
	if mayBeWrong {
		if err := t.await(ctx); err != nil {
			return nil, asking.Failed(issuerName, "token", asking.NotSent(err))
		}
	}
	now := time.Now()
	if err := g.admit(known, hash, now); err != nil {
		t.endWait()
		return nil, err
	}
	if mayBeWrong {
		t.unread = known.shown(hash, now)
		g.keep(ctx, key, t.unread, known.Trial)
	}
	return t, nil
}

// admit counts a question that is about to be under way, or returns why it may not be.
func (g *Guard) admit(known trial, hash string, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	ofSecret := g.refused[hash]
	switch {
	case now.Before(known.Until) && (known.Resting || known.Secret == hash):
		return known.paused()
	case now.Before(ofSecret.Until): // another account has it, or had, as one that was renamed
		return trial{Trial: ofSecret}.paused()
	case !known.Worked:
		if err := g.deny(now); err != nil {
			return err
		}
	}
	g.underWay++
	return nil
}

// proves reports whether the secret of the hash was right when it was shown last.
func (t trial) proves(hash string) bool {
	return t.Worked && t.Secret == hash && t.Refusals == 0 && t.Unanswered == 0
}

// paused returns why nothing is asked.
func (t trial) paused() error {
	if t.Errcode == 0 {
		return &token.Paused{Until: t.Until, Cause: errLost}
	}
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
