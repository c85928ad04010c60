package repeat

import (
	"context"
	"net/http"
	"time"
)

// Shared is what replicas tell each other of pushes. Its methods may be called
// concurrently. It logs its failures itself, and not content.
type Shared interface {
	// Claim claims the push called id for this replica, unless another one has claimed it
	// less than Lease ago and has not settled it, or has settled it with an outcome that is
	// no failure less than Life ago. joined is the attempt whose end the caller has waited
	// for, 0 in its first call: what settled that one is its outcome, a failure too.
	Claim(ctx context.Context, id string, joined int) (Claim, error)

	// Renew prolongs the claim of an attempt that is under way, for Lease from now.
	Renew(ctx context.Context, id string, attempt int) error

	// Settle says what became of an attempt, for Life, to replicas that claim the push after that or
	// wait for it.
	Settle(ctx context.Context, id string, attempt int, o Outcome) error
}

// A Claim is what Shared knows of a push.
type Claim struct {
	Mine    bool    // this replica is to forward it
	Attempt int     // the number of that attempt, or of the one that is or was another's
	Outcome Outcome // of another's; with Status 0 it is under way
}

const (
	patience = 500 * time.Millisecond // for one question to the others
	pause    = 50 * time.Millisecond  // before the next one while another replica forwards
	longest  = 12 * time.Second       // that a push waits for another replica
	renewal  = Lease / 4              // how often a claim is renewed
)

// claim returns the claim of p when it is this replica's or has an outcome. While the
// others cannot be asked, each replica knows its own. It does not end with ctx, since
// others of this replica may wait for it, but before long.
func (r *Repeats) claim(ctx context.Context, p *push) Claim {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	joined := 0
	for {
		asking, cancel := context.WithTimeout(ctx, patience)
		claim, err := r.shared.Claim(asking, p.id, joined)
		cancel()
		switch {
		case err != nil:
			return Claim{Mine: true, Attempt: p.attempts}
		case claim.Mine, claim.Outcome.Status != 0:
			return claim
		}
		joined = claim.Attempt
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return Claim{Attempt: p.attempts, Outcome: Outcome{Status: http.StatusGatewayTimeout}}
		}
	}
}

// keep renews the claim of p until it is told to end. Few pushes take so long that they
// need it.
func (r *Repeats) keep(ctx context.Context, p *push) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	timer := time.AfterFunc(renewal, func() {
		for ctx.Err() == nil {
			asking, cancel := context.WithTimeout(ctx, patience)
			_ = r.shared.Renew(asking, p.id, p.attempts) // Shared logs why not: then another replica may forward p too
			cancel()
			select {
			case <-time.After(renewal):
			case <-ctx.Done():
			}
		}
	})
	return func() {
		timer.Stop()
		cancel()
	}
}
