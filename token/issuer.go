package token

import (
	"cmp"
	"errors"
	"time"
)

// An Issuer is what a Keeper has to know of WeChat, or of another one that issues
// tokens: what its answers mean, and how often it may be asked. All accounts of one kind have the same.
type Issuer struct {
	Name         string                    // what messages call it; empty: WeChat
	Explain      func(error) Explanation   // what the failure of a fetch or of a Keeper means; nothing of nil
	OfToken      func(errcode int) Verdict // what an errcode says of the token that a request was sent with
	OfSecret     func(errcode int) Verdict // what it says of the AppSecret that a request showed
	BlamesSecret func(error) bool          // whether another AppSecret may end a failure
	Pacing       Pacing
}

// name returns what messages call the issuer.
func (i *Issuer) name() string { return cmp.Or(i.Name, "WeChat") }

// A Pacing says how often an Issuer is asked, besides when a token is due.
type Pacing struct {
	Transient Backoff       // after failures that pass by themselves
	Lasting   Backoff       // after all others
	Dead      Backoff       // after it had no other token than one that is dead; zero: Lasting
	Waiting   time.Duration // so long after a transient failure it is asked for callers who wait for a token
	Repeating time.Duration // at least so long after a token that it has repeated, which is about to end; 0: 10 s

	ForcedPerDay  int           // how many forced refreshes it allows
	FetchesPerDay int           // so many tokens, each of which ends the one before, are enough: then a refusal has none fetched
	FetchPause    time.Duration // between two fetches from then on
}

// A Backoff is how long the Issuer is left alone after a failure, which doubles with
// each that follows.
type Backoff struct{ First, Longest time.Duration }

// after returns how long to wait after so many failures in a row, and up to a fifth
// longer as jitter. random is in [0,1).
func (b Backoff) after(failures int, random float64) time.Duration {
	wait := b.First
	for range failures - 1 {
		if wait >= b.Longest {
			break
		}
		wait *= 2
	}
	wait = min(wait, b.Longest)
	return wait + portion(wait/5, random)
}

// retryAfter returns how long to wait after so many failures of one class in a row.
func (p *Pacing) retryAfter(class Class, failures int, random float64) time.Duration {
	if class == ClassTransient {
		return p.Transient.after(failures, random)
	}
	return p.Lasting.after(failures, random)
}

// deadAfter returns how long to wait after it had so often no other token than one that is
// dead.
func (p *Pacing) deadAfter(failures int, random float64) time.Duration {
	if p.Dead == (Backoff{}) {
		return p.Lasting.after(failures, random)
	}
	return p.Dead.after(failures, random)
}

// refusesSecret reports whether err is the refusal of the AppSecret, or of the account
// or machine that shows it, which every use of the AppSecret meets.
func (i *Issuer) refusesSecret(err error) bool {
	refusal, ok := err.(*Refusal) //nolint:errorlint // a fetch returns it as it is
	return ok && i.OfSecret(refusal.Code) == Dead
}

// sharedRefusal returns the refusal in err if any machine would get it: nil if
// there is none, or it is about what this one has been given: its address, its
// AppSecret, its upstream.url, or for a ticket, its token.
func (i *Issuer) sharedRefusal(err error) *Refusal {
	refusal, ok := errors.AsType[*Refusal](err)
	if _, lacksToken := errors.AsType[*Unavailable](err); !ok || lacksToken || i.Explain(refusal).Local {
		return nil
	}
	return refusal
}

// Class is what kind of obstacle keeps WeChat from handing out a token. It
// decides how soon it is worth asking again.
type Class string

// The classes of failures.
const (
	ClassTransient     Class = "transient"     // it passes by itself
	ClassConfiguration Class = "configuration" // somebody has to change a setting, here or at WeChat
	ClassQuota         Class = "quota"         // too many calls; it passes with time
	ClassAccount       Class = "account"       // somebody has to talk to WeChat
)

// An Explanation is what people need to know about a failure. It is safe to
// show.
type Explanation struct {
	Code     int    // WeChat's errcode; 0 if WeChat did not answer
	Reason   string // WeChat's errmsg, or what happened instead
	Remedy   string // what to do about it
	RemedyZH string // the same in Chinese
	Class    Class
	Local    bool // it is about this machine or what it was given: another process may fare better
}

// A Report is what came of a fetch.
type Report struct {
	At      time.Time
	Outcome Outcome
	Reason  string      // why it was fetched: start, due, refused, asked or forced
	Ticket  string      // the type of the ticket; empty: the token
	Problem Explanation // what is wrong, unless it is OutcomeRefreshed
}

// An Outcome is what a fetch came to.
type Outcome string

// The Outcomes.
const (
	OutcomeRefreshed Outcome = "refreshed"
	OutcomeUnchanged Outcome = "unchanged" // the issuer repeated the token, which is good
	OutcomeDead      Outcome = "dead"      // it repeated one that is dead
	OutcomeFailed    Outcome = "failed"
)

// tell tells whoever wants to know what f came to, which ended with o.
func (k *Keeper) tell(f *flight, o outcome, before, after *state) {
	if k.options.Report == nil {
		return
	}
	r := Report{At: time.Now(), Outcome: OutcomeRefreshed, Reason: f.reason(before), Ticket: k.options.Kind.ticket()}
	problem := o.err
	switch {
	case o.err != nil:
		r.Outcome = OutcomeFailed
	case o.stuck != nil:
		r.Outcome, problem = OutcomeDead, o.stuck
	case before.token.Value.Equal(after.token.Value.Reveal()):
		r.Outcome = OutcomeUnchanged
	}
	if problem != nil {
		r.Problem = k.options.Issuer.Explain(problem)
	}
	k.options.Report(r)
}
