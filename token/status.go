package token

import (
	"log/slog"
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
	Expires      time.Time // of the token; zero if there never was one
	RefreshedAt  time.Time // of the last fetch that succeeded; zero if none did since the start
	NextRefresh  time.Time // when WeChat is asked next, unless a caller is refused before; zero before the first answer
	FetchesToday int       // in Beijing's day, as WeChat counts them
	Rejections   int64     // by WeChat, since the start
	LastError    error     // of the last fetch, nil if it succeeded; safe to show, see Explain
}

// Status returns how the token is now.
func (k *Keeper) Status() Status {
	s, now := k.state.Load(), time.Now()
	return Status{
		State:        s.name(now),
		Expires:      s.token.Expires,
		RefreshedAt:  s.fetchedAt,
		NextRefresh:  s.next,
		FetchesToday: s.fetchesOn(now),
		Rejections:   k.rejections.Load(),
		LastError:    s.err,
	}
}

// name returns which of the three states s is at now.
func (s *state) name(now time.Time) string {
	switch {
	case !s.token.validAt(now):
		return StateGone
	case s.err != nil, !now.Before(s.next):
		return StateDue
	}
	return StateFresh
}

// reportSuccess logs that f replaced the token, or that WeChat repeated it.
func (k *Keeper) reportSuccess(f *flight, before, after *state) {
	details := []any{"reason", f.reason(before), "expires_in", timeUntil(after.token.Expires),
		"next_refresh_in", timeUntil(after.next)}
	switch repeated := before.token.Value.Equal(after.token.Value.Reveal()); {
	case repeated && !f.refused.Empty():
		k.log.Warn("WeChat refuses the token in an answer and stands by it when asked: "+
			"this API may not be open to the account", details...)
		return
	case repeated:
		k.log.Info("token unchanged", details...)
		return
	}
	k.log.Info("token refreshed", details...)
}

// reportFailure logs why f failed: as an error if WeChat will not change its
// mind before somebody acts.
func (k *Keeper) reportFailure(f *flight, before, after *state) {
	level := slog.LevelError
	if after.class == ClassTransient {
		level = slog.LevelWarn
	}
	e := Explain(after.err)
	k.log.Log(k.ctx, level, "token not refreshed", "reason", f.reason(before), "errcode", e.Code,
		"errmsg", e.Reason, "remedy", e.Remedy,
		"retry_in", timeUntil(after.next), "expires_in", timeUntil(after.token.Expires))
}

// reason returns why f was started from s.
func (f *flight) reason(s *state) string {
	switch {
	case !f.refused.Empty():
		return "refused"
	case s.fetchedAt.IsZero():
		return "start"
	}
	return "due"
}

// timeUntil returns how far away t is, in words.
func timeUntil(t time.Time) string {
	return max(time.Until(t), 0).Round(time.Second).String()
}
