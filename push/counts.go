package push

import (
	"sync"
	"time"
	"unicode/utf8"
)

// The outcomes of pushes.
const (
	answered = "answered" // with a program's reply
	empty    = "empty"    // with "success"
	async    = "async"    // with "success", and it waits in the inbox
	repeated = "repeated" // with the first one's answer
	failed   = "failed"   // no program has taken it
	refused  = "refused"  // it was not WeChat's
)

const (
	// maxTypes is how many types are counted apart. In plain mode, whoever has seen one
	// push can make up types.
	maxTypes = 100

	maxType  = 64 // bytes of one that is
	restType = "other"
)

// A Count says how many pushes had an outcome.
type Count struct{ Account, Type, Outcome string }

// A Refusal says how many pushes of an account were refused for a reason, as "signature".
type Refusal struct{ Account, Reason string }

// counts are those of a process: of accounts that are configured no more too.
type counts struct {
	histogram histogram

	mu       sync.Mutex // guards what follows
	pushes   map[Count]uint64
	refusals map[Refusal]uint64
	types    map[string]struct{}
	accounts map[string]*record
	minutes  [hour]Minute // by Unix minute, modulo an hour
}

// A record is what is known of one account.
type record struct {
	last    time.Time // a push came
	day     int64     // of the last push, in Beijing
	today   int       // pushes on that day
	dropped uint64    // copies

	failure *Failure // the last one
}

// A Failure is why a push was not taken by its program.
type Failure struct {
	At    time.Time
	Words string
}

func (c *counts) begin() {
	c.pushes, c.refusals = map[Count]uint64{}, map[Refusal]uint64{}
	c.types, c.accounts = map[string]struct{}{}, map[string]*record{}
}

// push counts one push.
func (c *counts) push(account, messageType, outcome string) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pushes[Count{account, c.typeOf(messageType), outcome}]++
	c.minute(now).add(outcome)
	if outcome == refused {
		return
	}
	one := c.account(account)
	if day := beijingDay(now); day != one.day {
		one.day, one.today = day, 0
	}
	one.last = now
	one.today++
}

// refuse counts one that was not taken.
func (c *counts) refuse(account string, why refusal) {
	c.push(account, "", refused)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusals[Refusal{account, why.String()}]++
}

// fail notes why a push was not taken by its program.
func (c *counts) fail(account, words string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account(account).failure = &Failure{At: time.Now(), Words: words}
}

// drop counts a copy that was lost.
func (c *counts) drop(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account(account).dropped++
}

// took counts how long a push took.
func (c *counts) took(time time.Duration) { c.histogram.observe(time) }

// typeOf returns the type that a push is counted under. The caller holds c.mu.
func (c *counts) typeOf(messageType string) string {
	if _, isKnown := c.types[messageType]; isKnown || messageType == "" {
		return messageType
	}
	if len(c.types) == maxTypes || len(messageType) > maxType || !utf8.ValidString(messageType) {
		return restType
	}
	c.types[messageType] = struct{}{}
	return messageType
}

// account returns what is known of an account. The caller holds c.mu.
func (c *counts) account(name string) *record {
	one := c.accounts[name]
	if one == nil {
		one = new(record)
		c.accounts[name] = one
	}
	return one
}

// beijingDay returns the day of a moment in Beijing, where WeChat's days begin.
func beijingDay(t time.Time) int64 {
	const aheadOfUTC, day = 8 * 60 * 60, 24 * 60 * 60
	return (t.Unix() + aheadOfUTC) / day
}
