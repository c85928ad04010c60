package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/seal"
)

// amendTries is how often a change is made to what others have written meanwhile. Each
// time somebody has got on.
const amendTries = 50

// Amend implements [token.Amender].
func (s *Store) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	answer, err := s.run(s.load, key)
	if isOtherType(err) {
		answer, err = scriptAnswer{}, nil
	}
	for range amendTries {
		if err != nil {
			return token.Record{}, err
		}
		stored, err := s.record(key, answer)
		if err != nil && !isReplaced(err) {
			return token.Record{}, err
		}
		next := stored
		if !change(&next) {
			return stored, nil
		}
		answer, err = s.amendOnce(key, answer.number("generation"), stored, next)
		if err != nil {
			return token.Record{}, err
		}
		if answer.outcome == written {
			s.noteChange(key, answer.number("generation"))
			return s.record(key, answer)
		}
	}
	return token.Record{}, fmt.Errorf("%w: others write %s of Redis all the time", token.ErrAway, s.name(key))
}

// isReplaced reports whether a record that cannot be read because of err is replaced.
func isReplaced(err error) bool {
	return errors.Is(err, token.ErrNotStored) || errors.Is(err, token.ErrDamaged) || errors.Is(err, seal.ErrClosed)
}

// amendOnce writes what is other in next than in before, which is stored, if it is of this
// generation still.
func (s *Store) amendOnce(key token.Key, generation int64, before, next token.Record) (answer scriptAnswer, err error) {
	for range 2 {
		arguments := []any{s.clock(time.Now()), generation, version, s.channel(), path(key) + " " + s.writer}
		arguments = append(arguments, s.grantedFields(key, next.Granted)...)
		if next.Token != before.Token {
			if next.Notice.Next.Equal(before.Notice.Next) { // which was the plan of another token
				next.Notice.Next = time.Time{}
			}
			arguments = append(arguments, s.tokenFields(key, next)...)
		}
		answer, err = s.run(s.amend, key, arguments...)
		switch {
		case err != nil:
			return answer, err
		case answer.outcome == newer:
			return answer, s.meetNewer(key)
		case answer.outcome != clockMoved: // else we know it now
			return answer, nil
		}
	}
	return answer, fmt.Errorf("%w: its clock jumps", token.ErrAway)
}

// tokenFields are those of another token. Nothing is said of it yet.
func (s *Store) tokenFields(key token.Key, r token.Record) []any {
	next := r.Notice.Next
	if next.IsZero() && !r.Token.Expires.IsZero() {
		next = r.Token.Expires.Add(-token.RotationWindow)
	}
	return []any{
		"access_token", s.link.Load().seal.Seal(s.name(key), r.Token.Value),
		"expires_at", s.clock(r.Token.Expires) / 1000,
		"fetched_at", s.clock(r.Notice.FetchedAt),
		"next_at", s.clock(next),
		"stands_until", 0, "errcode", 0, "errmsg", "", "failures", 0,
	}
}

// The names of what is granted, under which the secrets of it are sealed, too.
const (
	refreshField       = "refresh_token"
	refreshBeforeField = "refresh_token_before"
	ticketField        = "component_verify_ticket"
	eventsField        = "events"
)

// grantedFields are those of what is granted. Their times are in Unix seconds by WeChat's clock or
// that of a replica.
func (s *Store) grantedFields(key token.Key, g token.Granted) []any {
	sealer, name := s.link.Load().seal, s.name(key)+":"
	codes := make([]string, len(g.Codes))
	for i, c := range g.Codes {
		codes[i] = c.Hash + ":" + strconv.FormatInt(c.At.Unix(), 10) + ":" + strings.ReplaceAll(c.Permissions, " ", ",")
	}
	return []any{
		refreshField, sealer.Seal(name+refreshField, g.Refresh),
		refreshBeforeField, sealer.Seal(name+refreshBeforeField, g.RefreshBefore),
		"authorized_at", unix(g.AuthorizedAt), "state", string(g.State), "codes", strings.Join(codes, " "),
		ticketField, sealer.Seal(name+ticketField, g.Ticket),
		eventsField, sealer.Seal(name+eventsField, g.Events),
		"ticket_created_at", unix(g.TicketCreated), "ticket_arrived_at", unix(g.TicketArrived),
		"push_asked_at", unix(g.PushAskedAt), "listed_at", unix(g.ListedAt),
		"trial", trialText(g.Trial),
	}
}

// trialText returns t as it is stored, empty if it says nothing.
func trialText(t token.Trial) string {
	if t == (token.Trial{}) {
		return ""
	}
	text := fmt.Sprintf("%d %d %d %t %t %s", t.Refusals, t.Errcode, unix(t.Until), t.Resting, t.Worked, t.Secret)
	return strings.TrimSuffix(fmt.Sprintf("%s %d", text, t.Unanswered), " 0") // without a hash there is none
}

// readTrial returns what trialText wrote. Of anything else it knows nothing.
func readTrial(text string) (t token.Trial) {
	var until int64
	n, _ := fmt.Sscanf(text, "%d %d %d %t %t %s %d", &t.Refusals, &t.Errcode, &until, &t.Resting, &t.Worked, &t.Secret, &t.Unanswered)
	if n < 5 || t.Refusals < 0 || t.Unanswered < 0 || until > largest/1000 { // before the first question there is no hash
		return token.Trial{}
	}
	t.Until = fromUnix(until)
	return t
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// granted returns what is granted in the record of key.
func (s *Store) granted(key token.Key, a scriptAnswer) (g token.Granted, err error) {
	if a.fields["kept"] == "" {
		return g, nil
	}
	sealer := s.link.Load().seal
	for field, to := range map[string]*secret.Secret{refreshField: &g.Refresh, refreshBeforeField: &g.RefreshBefore, ticketField: &g.Ticket, eventsField: &g.Events} {
		if *to, err = sealer.OpenGranted(s.name(key)+":"+field, a.fields[field]); err != nil {
			return token.Granted{}, err
		}
		if strings.ContainsFunc(to.Reveal(), secret.Invisible) {
			return token.Granted{}, token.ErrDamaged
		}
	}
	if g.State = token.Authorization(a.fields["state"]); !g.State.IsKnown() {
		return token.Granted{}, token.ErrDamaged
	}
	for field, to := range map[string]*time.Time{
		"authorized_at": &g.AuthorizedAt, "ticket_created_at": &g.TicketCreated, "ticket_arrived_at": &g.TicketArrived,
		"push_asked_at": &g.PushAskedAt, "listed_at": &g.ListedAt,
	} {
		*to = fromUnix(a.number(field))
	}
	g.Trial = readTrial(a.fields["trial"])
	for word := range strings.FieldsSeq(a.fields["codes"]) {
		hash, rest, _ := strings.Cut(word, ":")
		at, permissions, _ := strings.Cut(rest, ":")
		if seconds, err := strconv.ParseInt(at, 10, 64); err == nil {
			g.Codes = append(g.Codes, token.Redeemed{Hash: hash, At: fromUnix(seconds), Permissions: strings.ReplaceAll(permissions, ",", " ")})
		}
	}
	return g, nil
}

// reseal encrypts what is granted in the record of key with the present key, if it is not.
func (s *Store) reseal(key token.Key, a scriptAnswer) {
	sealer := s.link.Load().seal
	for _, field := range [...]string{refreshField, refreshBeforeField, ticketField, eventsField} {
		if !sealer.IsCurrent(s.name(key)+":"+field, a.fields[field]) {
			_, _ = s.Amend(key, func(r *token.Record) bool { return r.HasGrants() }) // or after the next write
			return
		}
	}
}

func fromUnix(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
