package wecom

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"wxproxy/token"
)

const (
	// mostWrong is how many wrong secrets are shown within an hour. WeCom was seen to ban
	// an address after 2,000, and says only that several are enough.
	mostWrong = 100
	window    = time.Hour

	// mostLost is how many questions may have no answer within an hour before there is only
	// one each lostPause: WeCom counts what it answered, and not what was read of it.
	mostLost  = mostWrong / 2
	lostPause = window / mostLost
)

// Why an account that never worked has no token.
var (
	errManyWrong = fmt.Errorf("WeCom has refused %d secrets within an hour, and bans this machine's IP address for all accounts when there are many: those that never worked wait", mostWrong)
	errManyLost  = fmt.Errorf("%d questions to WeCom had no whole answer within an hour, and it may have counted them as wrong secrets: accounts that never worked wait for their turn", mostLost)
)

// errLost is why a secret is not shown at once again.
var errLost = errors.New("the last question with this secret had no whole answer, and WeCom may have counted it as a wrong one")

// A budget is what all accounts of a process together have shown in the last hour. Who has
// it guards it.
type budget struct {
	wrong    []time.Time  // when secrets were refused, mostWrong at most, in their order
	lost     []lostAnswer // as many at most, in their order
	underWay int          // questions
}

// A lostAnswer is that to a question with a secret of which nothing is known.
type lostAnswer struct {
	at   time.Time
	hash string // of the secret
}

// deny returns why an account that never worked may not ask now, as a [*token.Paused];
// nil: it may.
func (b *budget) deny(now time.Time) error {
	const moment = 5 * time.Second // for what is under way
	b.forget(now)
	spent := len(b.wrong) + len(b.lost)
	cause := errManyWrong
	if len(b.lost) > len(b.wrong) {
		cause = errManyLost
	}
	switch {
	case spent >= mostWrong:
		return &token.Paused{Cause: cause, Until: b.oldest().Add(window)}
	case spent+b.underWay >= mostWrong:
		return &token.Paused{Cause: cause, Until: now.Add(moment)}
	case len(b.lost) < mostLost:
		return nil
	}
	if next := b.lost[len(b.lost)-1].at.Add(lostPause); now.Before(next) {
		return &token.Paused{Cause: errManyLost, Until: next}
	}
	return nil
}

// forget drops what is older than an hour.
func (b *budget) forget(now time.Time) {
	isOver := func(at time.Time) bool { return now.Sub(at) >= window }
	b.wrong = slices.DeleteFunc(b.wrong, isOver)
	b.lost = slices.DeleteFunc(b.lost, func(l lostAnswer) bool { return isOver(l.at) })
}

// oldest returns when the first of what is spent was.
func (b *budget) oldest() time.Time {
	if len(b.wrong) == 0 || len(b.lost) > 0 && b.lost[0].at.Before(b.wrong[0]) {
		return b.lost[0].at
	}
	return b.wrong[0]
}

// refuse counts a secret that was refused.
func (b *budget) refuse(now time.Time) {
	b.forget(now)
	b.wrong = append(b.wrong, now)
	b.wrong = b.wrong[max(0, len(b.wrong)-mostWrong):]
}

// lose counts a question whose answer was lost.
func (b *budget) lose(hash string, now time.Time) {
	b.forget(now)
	b.lost = append(b.lost, lostAnswer{now, hash})
	b.lost = b.lost[max(0, len(b.lost)-mostWrong):]
}

// find notes that a secret is right, and always was.
func (b *budget) find(hash string) {
	b.lost = slices.DeleteFunc(b.lost, func(l lostAnswer) bool { return l.hash == hash })
}
