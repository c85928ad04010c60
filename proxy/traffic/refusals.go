package traffic

import (
	"net/netip"
	"slices"
	"time"
)

// A Refusal is an errcode that the API gave to requests for an account and that callers
// got, although only somebody at the account's console, or in wxproxy's configuration, can
// do something about it.
type Refusal struct {
	Errcode int
	Count   uint64
	LastAt  time.Time
	IP      netip.Addr // the address of this machine, as the last of these answers that gives it has it; invalid: none does
}

// maxRefusals is how many such errcodes of one account are counted.
const maxRefusals = 16

// Refused counts an answer with an errcode that the account's kind reports.
func (c *Counts) Refused(account string, r Refusal) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.account(account)
	for i := range a.refusals {
		if before := &a.refusals[i]; before.Errcode == r.Errcode {
			r.Count = before.Count + 1
			if !r.IP.IsValid() {
				r.IP = before.IP
			}
			*before = r
			return
		}
	}
	if len(a.refusals) < maxRefusals {
		r.Count = 1
		a.refusals = append(a.refusals, r)
	}
}

// Refusals returns what was counted by Refused of an account, the last ones first.
func (c *Counts) Refusals(account string) []Refusal {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[account] // a look at an account makes no counts for it
	if a == nil {
		return nil
	}
	all := slices.Clone(a.refusals)
	slices.SortStableFunc(all, func(a, b Refusal) int { return b.LastAt.Compare(a.LastAt) })
	return all
}
