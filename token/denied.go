package token

import (
	"slices"
	"time"

	"wxproxy/internal/secret"
)

// denialWarnings is how far apart two warnings are that the AppSecret is refused:
// where only one of several ways out is on the allow-list, requests fail by turns.
const denialWarnings = 10 * time.Minute

// A DenialCount is how many requests WeChat refused with one errcode because of the
// AppSecret, or of the account or machine that shows it.
type DenialCount struct {
	Errcode int
	N       uint64
}

// denials are what the log and the metrics know of them.
type denials struct {
	counts []DenialCount
	warned time.Time // of the last warning; zero if there was none
	code   int       // that it was about
	told   bool      // the log has not said yet that it is over
}

// SecretRefused tells that WeChat answered a caller's request, one that showed the
// AppSecret and no token, with errcode. If that says something of the AppSecret, it
// is told as a failed fetch is, and the token stays as it is; other errcodes say that
// the AppSecret is good.
func (k *Keeper) SecretRefused(errcode int, errmsg string) {
	verdict := k.options.Issuer.OfSecret(errcode)
	if verdict == Alive {
		k.SecretAccepted()
	}
	if verdict != Dead {
		return
	}
	denied := &Refusal{Code: errcode, Reason: secret.Quote(errmsg)}
	k.mu.Lock()
	s, now := k.state.Load(), time.Now()
	k.denials.count(errcode)
	before, _ := s.denied.(*Refusal) //nolint:errorlint // nothing else is put there
	if before == nil || before.Code != errcode {
		next := *s
		next.denied = denied
		k.update(&next)
	}
	warns := k.denials.warns(errcode, now)
	k.mu.Unlock()
	if warns {
		k.reportDenied(denied, s.token.ValidAt(now))
	}
}

// reportDenied logs that the AppSecret is refused, and whether there is a token that
// calls can go on with.
func (k *Keeper) reportDenied(denied error, goesOn bool) {
	e := k.options.Issuer.Explain(denied)
	said := []any{"errcode", e.Code, "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH}
	if goesOn {
		k.logger().Warn("WeChat refuses the AppSecret in requests of callers; logins fail while the token goes on", said...)
		return
	}
	k.logger().Warn("WeChat refuses the AppSecret in requests of callers; logins fail, and there is no token either", said...)
}

// SecretAccepted tells that WeChat accepted the AppSecret in a request of a
// caller's. That costs next to nothing unless it was refused before. A fetch that
// was refused is repeated then, because what was wrong may be repaired.
func (k *Keeper) SecretAccepted() {
	if !k.secretDoubted.Load() {
		return
	}
	k.mu.Lock()
	s := k.state.Load()
	if s.denied != nil {
		next := *s
		next.denied = nil
		k.update(&next)
		s = &next
	}
	k.mu.Unlock()
	k.reportAccepted()
	if k.options.Issuer.refusesSecret(s.err) && !recently(s.failedAt, time.Now()) {
		k.refresh(s)
	}
}

// reportAccepted logs that the AppSecret is good again, if a line said that it is not.
func (k *Keeper) reportAccepted() {
	k.mu.Lock()
	told := k.denials.told
	k.denials.told = false
	k.mu.Unlock()
	if told {
		k.logger().Info("WeChat accepts the AppSecret again")
	}
}

// Denials returns how often WeChat refused the AppSecret in requests of callers
// since the start.
func (k *Keeper) Denials() []DenialCount {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.denials.counts)
}

func (d *denials) count(errcode int) {
	i := slices.IndexFunc(d.counts, func(c DenialCount) bool { return c.Errcode == errcode })
	if i < 0 {
		i = len(d.counts)
		d.counts = append(d.counts, DenialCount{Errcode: errcode})
	}
	d.counts[i].N++
}

// warns reports whether a refusal with errcode is to be logged, and notes that it is.
func (d *denials) warns(errcode int, now time.Time) bool {
	if d.code == errcode && now.Sub(d.warned) < denialWarnings {
		return false
	}
	d.code, d.warned, d.told = errcode, now, true
	return true
}
