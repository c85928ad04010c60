package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

// attempts are the addresses that were connected to, in that order.
type attempts struct {
	mu  sync.Mutex // guards got
	got []string
}

func (a *attempts) taken() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.got
	a.got = nil
	return got
}

// watch notes what h connects to. A connection to one of dead never comes about.
func (a *attempts) watch(h *host, dead ...string) {
	h.dialer.ControlContext = func(ctx context.Context, _, address string, _ syscall.RawConn) error {
		ip, _, _ := net.SplitHostPort(address)
		a.mu.Lock()
		a.got = append(a.got, ip)
		a.mu.Unlock()
		if slices.Contains(dead, ip) {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
}

// atName returns the URL of w with another host in it.
func atName(w *rawtest.WeChat, name string) string {
	return strings.Replace(w.URL, "127.0.0.1", name, 1)
}

func TestOnlyAddressesOfTheFamilyAreConnectedTo(t *testing.T) {
	t.Parallel()
	both := ips("::1", "127.0.0.1", "::2", "::ffff:127.0.0.9")
	rows := []struct {
		family Family
		found  []netip.Addr
		want   []string // that may be connected to
		fails  bool
	}{
		{FamilyIPv4, both, []string{"127.0.0.1"}, false},
		{FamilyAny, both, []string{"::1", "127.0.0.1"}, false},
		{"", both, []string{"::1", "127.0.0.1"}, false},
		{FamilyIPv6, both, []string{"::1", "::2"}, true}, // nobody listens there
		{FamilyIPv6, ips("127.0.0.1", "::ffff:127.0.0.1"), nil, true},
		{FamilyIPv4, ips("::1"), nil, true},
	}
	for _, row := range rows {
		w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
		h := provenAt(t, func(c *HostsConfig) {
			c.Family, c.Lookup = row.family, func(context.Context, string) ([]netip.Addr, error) { return row.found, nil }
		}, atName(w, "both.example"))
		var tried attempts
		tried.watch(h.hosts[0])
		err := sendError(h, message("GET", "/p", ""))
		got := tried.taken()
		if (err != nil) != row.fails || len(got) > 0 != (len(row.want) > 0) {
			t.Errorf("%s, %v: got %v, connecting to %v; want %v", row.family, row.found, err, got, row.want)
		}
		for _, ip := range got {
			if !slices.Contains(row.want, ip) {
				t.Errorf("%s, %v: got a connection to %s", row.family, row.found, ip)
			}
		}
		if row.want == nil && !strings.Contains(h.States()[0].Reason, `upstream.ip_family = "`+string(row.family)) {
			t.Errorf("%s: got %q; want a reason that names the setting", row.family, h.States()[0].Reason)
		}
	}
}

func TestTheResolverIsAskedForTheFamily(t *testing.T) {
	t.Parallel()
	for family, want := range map[Family]string{FamilyAny: "ip", "": "ip", FamilyIPv4: "ip4", FamilyIPv6: "ip6"} {
		if got := family.network(); got != want {
			t.Errorf("%q: got %q; want %q", family, got, want)
		}
	}
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, func(c *HostsConfig) { c.Family = FamilyIPv4 }, atName(w, "localhost"))
	if err := sendError(h, message("GET", "/p", "")); err != nil {
		t.Errorf("got %v; want an answer", err)
	}
}

// A dead address costs one connection its head start, and not every one.
func TestADeadAddressIsTriedBehindTheOthers(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, func(c *HostsConfig) {
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return ips("127.0.0.77", "127.0.0.1"), nil
		}
	}, atName(w, "two.example"))
	var tried attempts
	tried.watch(h.hosts[0], "127.0.0.77")
	for i, want := range [][]string{{"127.0.0.77", "127.0.0.1"}, {"127.0.0.1"}, {"127.0.0.1"}} {
		c, err := h.connect(reuseNone)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if got := tried.taken(); !slices.Equal(got, want) {
			t.Errorf("connection %d: got %v; want %v", i+1, got, want)
		}
	}
}

func TestSlowAddressesHaveAnotherChance(t *testing.T) {
	t.Parallel()
	var s slowAddresses
	all, now := ips("192.0.2.1", "192.0.2.2", "192.0.2.3"), time.Now()
	check := func(what string, at time.Time, want ...string) {
		t.Helper()
		if got := s.behind(all, at); !slices.Equal(got, ips(want...)) {
			t.Errorf("%s: got %v; want %v", what, got, want)
		}
	}
	check("at first", now, "192.0.2.1", "192.0.2.2", "192.0.2.3")
	s.note(all, all[0], now)
	check("won by the first", now, "192.0.2.1", "192.0.2.2", "192.0.2.3")
	s.note(all, all[2], now)
	check("won by the last", now, "192.0.2.3", "192.0.2.1", "192.0.2.2")
	s.note(ips("192.0.2.3", "192.0.2.1", "192.0.2.2"), all[0], now.Add(time.Second))
	check("that one failed, too", now.Add(time.Second), "192.0.2.1", "192.0.2.2", "192.0.2.3")
	check("later", now.Add(slowFor+2*time.Second), "192.0.2.1", "192.0.2.2", "192.0.2.3")
	s.note(all, all[0], now.Add(slowFor+2*time.Second))
	if len(s.until) != 0 {
		t.Errorf("got %v; want nothing left of what is over", s.until)
	}
}

// A request that finds nobody where the name led looks whether it leads elsewhere.
func TestAMoveOfTheNameCostsNoRequest(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, func(c *HostsConfig) {
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return ips("127.0.0.1"), nil }
	}, atName(w, "moved.example"))
	old := ips("127.0.0.78") // where nobody listens
	h.hosts[0].addresses.known.Store(&old)
	if err := sendError(h, message("POST", "/p", "{}")); err != nil || h.States()[0].Down {
		t.Errorf("got %v, %+v; want an answer, and the host up", err, h.States()[0])
	}
}

func TestANameThatLeadsNowhereElseIsDown(t *testing.T) {
	t.Parallel()
	for name, lookup := range map[string]func() ([]netip.Addr, error){
		"the same address": func() ([]netip.Addr, error) { return ips("127.0.0.78"), nil },
		"no resolver":      func() ([]netip.Addr, error) { return nil, errors.New("no resolver") },
		"another dead one": func() ([]netip.Addr, error) { return ips("127.0.0.79"), nil },
	} {
		w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
		h := provenAt(t, func(c *HostsConfig) {
			c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return lookup() }
		}, atName(w, "moved.example"))
		old := ips("127.0.0.78")
		h.hosts[0].addresses.known.Store(&old)
		if err := sendError(h, message("POST", "/p", "{}")); !errors.Is(err, ErrUnreachable) || !h.States()[0].Down {
			t.Errorf("%s: got %v, %+v; want a host that is down", name, err, h.States()[0])
		}
	}
}
