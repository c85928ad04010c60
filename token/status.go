package token

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
)

// The states of an account.
const (
	StateFresh = "fresh" // the token is served
	StateDue   = "due"   // the token is served, and its successor wanted
	StateGone  = "gone"  // there is no token; callers wait for one
)

// Status tells how an account's token is. It holds no token.
type Status struct {
	State        string    // StateFresh, StateDue or StateGone
	Asleep       bool      // there was no call for a day: the next one renews the token
	Expires      time.Time // of the token; zero if there never was one, or it is dead
	RefreshedAt  time.Time // of the last fetch that succeeded; zero if none did since the start
	NextRefresh  time.Time // when WeChat is asked next, unless a caller is refused before; zero before the first answer
	FetchesToday int       // in Beijing's day, as WeChat counts them
	Rejections   int64     // by WeChat, since the start
	LastError    error     // what is wrong with the last fetch or the token, nil if nothing is; safe to show
	Issuer       *Issuer   // explains LastError
}

// Problem returns what LastError means and what to do about it. It is not a field,
// because a probe of ten thousand accounts does without it.
func (s *Status) Problem() Explanation {
	if s.LastError == nil {
		return Explanation{}
	}
	return s.Issuer.Explain(s.LastError)
}

// Status returns how the token is now.
func (k *Keeper) Status() Status {
	s, now := k.state.Load(), time.Now()
	expires := s.token.Expires
	if s.stuck != nil {
		expires = time.Time{}
	}
	return Status{
		State:        s.name(now),
		Asleep:       k.isAsleep(now),
		Expires:      expires,
		RefreshedAt:  s.fetchedAt,
		NextRefresh:  s.next,
		FetchesToday: s.spent.On(now).Fetches,
		Rejections:   k.rejections.Load(),
		LastError:    s.problem(now, k.options),
		Issuer:       k.options.Issuer,
	}
}

// problem returns what an operator should know about s at now.
func (s *state) problem(now time.Time, o Options) error {
	switch {
	case s.err != nil:
		return s.err
	case s.stuck != nil:
		return s.stuck
	case s.denied != nil:
		return s.denied
	case s.spent.isOverBudget(now, o):
		return ErrManyFetches
	}
	return nil
}

// name returns which of the three states s is at now.
func (s *state) name(now time.Time) string {
	switch {
	case !s.token.ValidAt(now), s.stuck != nil:
		return StateGone
	case s.err != nil, !now.Before(s.next):
		return StateDue
	}
	return StateFresh
}

// logger returns the log with the account's name. It is not kept, because ten
// thousand of them are large.
func (k *Keeper) logger() *slog.Logger {
	log := k.options.Log.With("account", k.options.name(), "app_id", k.options.AppID)
	if platform := k.options.adjusted().Platform; platform != "" {
		log = log.With("platform", platform)
	}
	if k.options.Kind.ticket() != "" {
		return log.With("ticket", k.options.Kind.ticket())
	}
	return log
}

// say logs something about the issuer, whose name stands for "{issuer}".
func (k *Keeper) say(level slog.Level, message string, details ...any) {
	message = strings.ReplaceAll(message, "{issuer}", k.options.Issuer.name())
	k.logger().Log(context.Background(), level, message, details...) //nolint:sloglint // for each kind of accounts it is constant
}

// reportSuccess logs that f replaced the token, or what WeChat thinks of it.
func (k *Keeper) reportSuccess(f *flight, o outcome, before, after *state) {
	log, repeated := k.logger(), before.token.Value.Equal(after.token.Value.Reveal())
	details := []any{"reason", f.reason(before), "expires_in", inWords(after.remaining()),
		"next_refresh_in", timeUntil(after.next)}
	switch {
	case o.stuck != nil:
		e := k.options.Issuer.Explain(o.stuck)
		k.say(slog.LevelError, "the token is dead and {issuer} has no other", append(details, "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH)...)
	case o.forced:
		log.Warn("WeChat repeated a dead token; a forced refresh replaced it",
			append(details, "forced_today", after.spent.Forced)...)
	case o.young:
		k.reportResting(after)
	case repeated && o.verdict == Alive:
		k.say(slog.LevelWarn, "{issuer} refused the token in an answer, but a probe shows that it is good: "+
			"{issuer} is flapping, or that API is not open to the account", details...)
	case repeated && !f.refused.Empty():
		k.say(slog.LevelWarn, "{issuer} refused the token in an answer, stands by it when asked, and a probe was not clear", details...)
	case repeated:
		log.Info("token unchanged", details...)
	default:
		log.Info("token refreshed", details...)
	}
}

// reportBudget logs that the fetch which has just ended was the last but those
// that callers cannot do without.
func (k *Keeper) reportBudget(after *state) {
	if after.spent.isOverBudget(time.Now(), k.options) && after.spent.Fetches == k.options.Issuer.Pacing.FetchesPerDay {
		e := k.options.Issuer.Explain(ErrManyFetches)
		k.logger().Error("many token fetches today", "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH)
	}
}

// reportFailure logs why f failed: as an error if WeChat will not change its
// mind before somebody acts.
func (k *Keeper) reportFailure(f *flight, before, after *state) {
	level := slog.LevelError
	if after.class == ClassTransient {
		level = slog.LevelWarn
	}
	if _, lacksToken := errors.AsType[*Unavailable](after.err); lacksToken && k.options.Platform != "" {
		level = slog.LevelDebug // what it is was said of the platform, and is the same for all accounts
	}
	e := k.options.Issuer.Explain(after.err)
	details := []any{"reason", f.reason(before), "errcode", e.Code, "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH,
		"retry_in", timeUntil(after.next)}
	if f.refused.Empty() || after.stuck != nil || recently(after.honoured, after.failedAt) { // or the life says nothing
		details = append(details, "expires_in", inWords(after.remaining()))
	}
	if k.options.Kind.ticket() != "" {
		k.logger().Log(context.Background(), level, "ticket not refreshed", details...)
		return
	}
	k.logger().Log(context.Background(), level, "token not refreshed", details...)
}

// reason returns why f was started from s.
func (f *flight) reason(s *state) string {
	switch {
	case f.forces:
		return "forced"
	case f.asked:
		return "asked"
	case !f.refused.Empty():
		return "refused"
	case s.fetchedAt.IsZero():
		return "start"
	}
	return "due"
}

// timeUntil returns how far away t is, in words.
func timeUntil(t time.Time) string {
	return inWords(time.Until(t))
}

// inWords returns d in words, to the second.
func inWords(d time.Duration) string { return max(d, 0).Round(time.Second).String() }
