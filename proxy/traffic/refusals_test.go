package traffic

import (
	"net/netip"
	"testing"
	"time"
)

func TestRefusalsAreCountedByTheirErrcode(t *testing.T) {
	c, ip, now := NewCounts(), netip.MustParseAddr("203.0.113.7"), time.Now()
	c.Refused("crm", Refusal{Errcode: 60020, IP: ip, LastAt: now})
	c.Refused("crm", Refusal{Errcode: 50003, LastAt: now.Add(time.Second)})
	c.Refused("crm", Refusal{Errcode: 60020, IP: ip, LastAt: now.Add(time.Minute)})
	c.Refused("crm", Refusal{Errcode: 60020, LastAt: now.Add(time.Minute)}) // an answer without the address
	got := c.Refusals("crm")
	if len(got) != 2 || got[0] != (Refusal{60020, 3, now.Add(time.Minute), ip}) || got[1] != (Refusal{50003, 1, now.Add(time.Second), netip.Addr{}}) {
		t.Errorf("got %v; want 60020 three times, with its address, and before that 50003 once", got)
	}
	if got := c.Refusals("oa"); got != nil || len(c.Snapshot().Failures) != 0 || c.accounts["oa"] != nil {
		t.Errorf("got %v of another account; want nothing, and nothing kept of it", got)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	c := NewCounts()
	for i := range 1000 {
		c.Refused("crm", Refusal{Errcode: i})
	}
	if got := len(c.Refusals("crm")); got != maxRefusals {
		t.Errorf("got %d; want %d", got, maxRefusals)
	}
	var none *Counts
	none.Refused("crm", Refusal{})
	if none.Refusals("crm") != nil {
		t.Error("got refusals where nothing is counted")
	}
}
