package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// An outcome of the scripts.
const (
	clockMoved = -1
	newer      = -2
	written    = 1
)

// version is that of the records. One of a later version is left alone; the field is
// missing in those of before it was there, which were the same otherwise.
const version = 1

// A scriptAnswer is what the scripts answer.
type scriptAnswer struct {
	outcome int64
	now     int64 // by the clock of Redis, in Unix milliseconds
	fields  map[string]string
	unsaid  string // why the write was not announced
}

// notice returns what other replicas said of WeChat's.
func (s *Store) notice(a scriptAnswer, now time.Time) token.Notice {
	w := token.Notice{
		Generation:   a.number("generation"),
		FetchedAt:    s.at(a.number("fetched_at")),
		TrustedUntil: s.at(a.number("stands_until")),
		Next:         s.at(a.number("next_at")),
		Failures:     int(a.number("failures")),
	}
	if w.FetchedAt.After(now) { // the clock of Redis was set back
		w.FetchedAt = now
	}
	if code, err := strconv.ParseInt(a.fields["errcode"], 10, 32); err == nil && code != 0 {
		w.Refusal = &token.Refusal{Code: int(code), Reason: secret.Quote(a.fields["errmsg"])}
	}
	return w
}

// errStrange is an answer that the scripts do not give.
var errStrange = errors.New("its answer is not that of wxproxy's script")

func readScriptAnswer(raw []any) (scriptAnswer, error) {
	if len(raw) != 4 {
		return scriptAnswer{}, errStrange
	}
	outcome, ok1 := raw[0].(int64)
	clock, ok2 := raw[1].(string)
	flat, ok3 := raw[2].([]any)
	now, err := strconv.ParseInt(clock, 10, 64)
	unsaid, ok4 := raw[3].(string)
	if !ok1 || !ok2 || !ok3 || !ok4 || err != nil || len(flat)%2 != 0 {
		return scriptAnswer{}, errStrange
	}
	a := scriptAnswer{outcome, now, make(map[string]string, len(flat)/2), unsaid}
	for i := 0; i < len(flat); i += 2 {
		name, _ := flat[i].(string)
		a.fields[name], _ = flat[i+1].(string)
	}
	return a, nil
}

// record returns the record in a.
func (s *Store) record(key token.Key, a scriptAnswer) (token.Record, error) {
	switch {
	case a.outcome == newer, a.number("version") > version:
		return token.Record{}, s.meetNewer(key)
	case len(a.fields) == 0:
		return token.Record{}, token.ErrNotStored
	}
	value, granted, expires, err := s.opened(key, a)
	if err != nil {
		return token.Record{}, fmt.Errorf("reading %s of Redis: %w", s.name(key), err)
	}
	now := time.Now()
	if value.Empty() != (expires == 0) || expires > largest/1000 {
		return token.Record{}, fmt.Errorf("reading %s of Redis: %w", s.name(key), token.ErrDamaged)
	}
	r := token.Record{
		Token: token.Token{Value: value, Expires: s.at(expires * 1000)},
		Durable: token.Durable{Spent: token.Spent{
			Day:       token.BeijingDay(now),
			ForcedAt:  s.at(a.number("forced_at")),
			RotatedAt: s.at(a.number("rotated_at")),
		}, Granted: granted},
		Notice: s.notice(a, now),
	}
	if day := token.BeijingDay(time.UnixMilli(a.now)); a.number("day") == day && r.Spent.Day == day {
		r.Spent.Fetches, r.Spent.Forced = int(a.number("fetches")), int(a.number("forced"))
	}
	if r.Notice.Refusal != nil {
		r.Notice.Refusal.Ticket = key.Ticket != ""
	}
	switch far := now.Add(token.LongestLife); {
	case strings.ContainsFunc(value.Reveal(), secret.Invisible),
		r.Token.Expires.After(far), r.Notice.Next.After(far), r.Notice.TrustedUntil.After(far):
		return token.Record{}, fmt.Errorf("reading %s of Redis: %w", s.name(key), token.ErrDamaged)
	case !r.Token.ValidAt(now):
		r.Token = token.Token{}
	}
	return capped(r, now), nil
}

// opened returns what is encrypted in a, and when the token in it ends. A token that was
// stored while another key was set does not close what is granted.
func (s *Store) opened(key token.Key, a scriptAnswer) (value secret.Secret, granted token.Granted, expires int64, err error) {
	if granted, err = s.granted(key, a); err != nil {
		return value, granted, 0, err
	}
	value, err = s.link.Load().seal.Open(s.name(key), a.fields["access_token"])
	if err != nil && granted.HasGrants() {
		return secret.Secret{}, granted, 0, nil
	}
	return value, granted, a.number("expires_at"), err
}

// capped returns r with a token that lives no longer than WeChat documents: the
// clock of Redis may have been set back since it was stored.
func capped(r token.Record, now time.Time) token.Record {
	if most := now.Add(token.UsualLife); r.Token.Expires.After(most) {
		r.Token.Expires = most
		if due := most.Add(-token.RotationWindow); r.Notice.Next.After(due) {
			r.Notice.Next = due
		}
	}
	return r
}

// number returns the number in a field, or 0 for what the scripts do not write:
// counts, and times before the year 2248.
func (a scriptAnswer) number(field string) int64 {
	n, err := strconv.ParseInt(a.fields[field], 10, 64)
	if err != nil || n < 0 || n > largest {
		return 0
	}
	return n
}

// isOdd reports whether some field has no number that the scripts write. Such a field
// counts as missing, and the rest as it is.
func (a scriptAnswer) isOdd() bool {
	for _, field := range [...]string{"version", "generation", "fetched_at", "stands_until", "next_at", "failures", "forced_at", "rotated_at", "day", "fetches", "forced",
		"authorized_at", "ticket_created_at", "ticket_arrived_at", "push_asked_at", "listed_at"} {
		if text, there := a.fields[field]; there && text != "0" && a.number(field) == 0 {
			return true
		}
	}
	code, there := a.fields["errcode"]
	_, err := strconv.ParseInt(code, 10, 32)
	return there && err != nil
}

// largest is the largest number in a record: such a time, in Unix milliseconds,
// is one that a time.Duration can hold.
const largest = 1 << 43

// arguments returns what the script gets to save r.
func (s *Store) arguments(key token.Key, r token.Record) []any {
	w := r.Notice
	code, reason := 0, ""
	if w.Refusal != nil {
		code, reason = w.Refusal.Code, w.Refusal.Reason
	}
	now := time.Now()
	known := r.Spent.On(now)
	return []any{
		s.clock(now), w.Generation,
		s.link.Load().seal.Seal(s.name(key), r.Token.Value), s.clock(r.Token.Expires) / 1000,
		s.clock(w.FetchedAt), s.clock(w.TrustedUntil), s.clock(w.Next), s.clock(r.Spent.ForcedAt), s.clock(r.Spent.RotatedAt),
		code, reason, w.Failures, w.Added.Fetches, w.Added.Forced,
		max(recordLife, time.Until(r.Until)).Milliseconds(), s.channel(), path(key) + " " + s.writer,
		known.Day, max(known.Fetches-w.Added.Fetches, 0), max(known.Forced-w.Added.Forced, 0),
		version,
	}
}
