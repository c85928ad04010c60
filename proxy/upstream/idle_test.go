package upstream

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
)

// unproven has it unknown how long WeChat keeps idle connections.
func unproven(h *Hosts) *Hosts {
	for _, host := range h.hosts {
		host.idle.mu.Lock()
		host.idle.proven.rest = 0
		host.idle.mu.Unlock()
	}
	return h
}

func TestWhatIsProvenFollowsWhatWasSeen(t *testing.T) {
	type seen struct {
		at    time.Duration
		alive bool
		age   time.Duration
	}
	rows := []struct {
		name string
		seen []seen
		want time.Duration
	}{
		{"nothing", nil, 0},
		{"the longest rest counts", []seen{{0, true, 10}, {0, true, 30}, {0, true, 20}}, 30},
		{"one dead later does not matter", []seen{{0, true, 30}, {0, false, 40}}, 30},
		{"one dead earlier does", []seen{{0, true, 30}, {0, false, 20}}, 20},
		{"dead from the start", []seen{{0, false, 20}}, 0},
		{"not beyond a death", []seen{{0, false, 20}, {1, true, 60}}, 20},
		{"not beyond the youngest death", []seen{{0, false, 20}, {0, false, 90}, {1, true, 60}}, 20},
		{"a death is forgotten", []seen{{0, false, 20}, {closedHoldsFor, true, 60}}, 60},
		{"a death is remembered for as long as there are more", []seen{{0, false, 20}, {closedHoldsFor / 2, false, 20}, {closedHoldsFor, true, 60}}, 20},
		{"an old death gives way to one later in life", []seen{{0, false, 20}, {closedHoldsFor, false, 50}, {closedHoldsFor, true, 60}}, 50},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var p provenRest
			start := time.Now()
			for _, s := range row.seen {
				p.note(s.alive, s.age, start.Add(s.at))
			}
			if p.rest != row.want {
				t.Errorf("got %d; want %d", p.rest, row.want)
			}
		})
	}
}

// WeChat closes a connection that is idle for 30 ms, and callers who share their
// connections all pause for about as long between two messages.
func TestNoMessageIsLostOrDoubledWhileWeChatClosesIdleConnections(t *testing.T) {
	t.Parallel()
	const groups, callers, each = 8, 25, 50
	w := rawtest.StartClosing(t, 30*time.Millisecond, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	send := func(h *Hosts, body string) {
		var resp fasthttp.Response
		time.Sleep(25*time.Millisecond + rand.N(10*time.Millisecond))
		if err := h.Send(message("POST", "/cgi-bin/message/custom/send", body), &resp); err != nil || string(resp.Body()) != rawtest.OKBody {
			t.Errorf("message %s: got %v, %s; want success", body, err, resp.Body())
		}
	}
	var calls sync.WaitGroup
	for group := range groups {
		h := unproven(provenAt(t, nil, w.URL))
		calls.Go(func() {
			for n := range each {
				var together sync.WaitGroup
				for caller := range callers {
					together.Go(func() { send(h, fmt.Sprintf(`{"message":"%d.%d.%d"}`, group, caller, n)) })
				}
				together.Wait()
			}
		})
	}
	calls.Wait()
	effects := map[string]int{}
	for _, request := range w.Received() {
		effects[request]++
	}
	if want := groups * callers * each; len(w.Received()) != want || len(effects) != want {
		t.Errorf("got %d messages at WeChat, %d of them different; want %d, each once", len(w.Received()), len(effects), want)
	}
}

func TestPOSTsFindOutSoonThatConnectionsCanBeUsedAgain(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := unproven(provenAt(t, nil, w.URL))
	for range 100 {
		mustSend(t, h, message("POST", "/p", "{}"))
	}
	if got := w.Connections(); got < 2 || got > 50 {
		t.Errorf("got %d connections for 100 messages; want a few", got)
	}
}

func TestPOSTNeedsTwiceTheRestToBeProvenAndGETDoesNot(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, func(c *HostsConfig) { c.IdleTimeout = time.Hour }, w.URL)
	idle := &h.hosts[0].idle
	rest := func(rested, proven time.Duration) {
		idle.mu.Lock()
		defer idle.mu.Unlock()
		last := idle.conns[len(idle.conns)-1]
		last.sent, last.idleFrom = time.Now().Add(-rested), time.Now().Add(-rested)
		idle.proven.rest = proven
	}
	mustSend(t, h, message("GET", "/", ""))
	rest(10*time.Minute, 21*time.Minute)
	mustSend(t, h, message("POST", "/", "{}"))
	if got := w.Connections(); got != 1 {
		t.Errorf("got %d connections; want the POST over the first one", got)
	}
	rest(10*time.Minute, 19*time.Minute)
	mustSend(t, h, message("GET", "/", ""))
	if got := w.Connections(); got != 1 {
		t.Errorf("got %d connections; want the GET over the first one", got)
	}
	rest(10*time.Minute, 19*time.Minute)
	mustSend(t, h, message("POST", "/", "{}"))
	if got := w.Connections(); got != 2 {
		t.Errorf("got %d connections; want the POST over a new one", got)
	}
}

func TestIdleConnectionsOfNoUseAreClosedWithoutARequest(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name    string
		timeout time.Duration
		script  func(net.Conn, string) bool
		old     bool
	}{
		{"closed by WeChat", time.Minute, rawtest.Once(rawtest.Answered(rawtest.OKBody)), false},
		{"idle for too long", 50 * time.Millisecond, rawtest.Always(rawtest.Answered(rawtest.OKBody)), false},
		{"too old", time.Minute, rawtest.Always(rawtest.Answered(rawtest.OKBody)), true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := rawtest.StartRaw(t, row.script)
			h := provenAt(t, func(c *HostsConfig) { c.IdleTimeout = row.timeout }, w.URL)
			mustSend(t, h, message("GET", "/", ""))
			idle := &h.hosts[0].idle
			if row.old {
				idle.mu.Lock()
				idle.conns[0].born = time.Now().Add(-2 * maxAge)
				idle.mu.Unlock()
			}
			rawtest.WaitUntil(t, "the end of the idle connection", func() bool { return idle.count() == 0 })
		})
	}
}

func TestSweeperLearnsHowLongConnectionsRest(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := unproven(provenAt(t, func(c *HostsConfig) { c.IdleTimeout = 200 * time.Millisecond }, w.URL))
	mustSend(t, h, message("GET", "/", ""))
	idle := &h.hosts[0].idle
	rawtest.WaitUntil(t, "the end of the idle connection", func() bool { return idle.count() == 0 })
	if idle.proven.rest < 100*time.Millisecond {
		t.Errorf("got %v proven; want nearly the idle timeout", idle.proven.rest)
	}
}

func TestConnectionIsNotKeptBeyondItsAge(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, nil, w.URL)
	mustSend(t, h, message("GET", "/", ""))
	c := h.hosts[0].idle.take()
	c.born = time.Now().Add(-2 * maxAge)
	c.host.idle.push(c)
	if got := h.hosts[0].idle.count(); got != 0 {
		t.Errorf("got %d idle connections; want none", got)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("got an open connection; want it closed")
	}
}

// Idle connections make room for new ones, to whichever host they lead.
func TestIdleConnectionsCountAmongTheMostThereMayBe(t *testing.T) {
	t.Parallel()
	first, second := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody))), rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, func(c *HostsConfig) { c.MaxConnections = 3 }, first.URL, second.URL)
	open := func() int { return h.hosts[0].idle.count() + h.hosts[1].idle.count() }
	for range 10 {
		unproven(h)
		mustSend(t, h, message("POST", "/", "{}"))
		if got := open(); got > 3 {
			t.Fatalf("got %d connections; want at most 3", got)
		}
	}
	h.hosts[0].putDown()
	for range 10 {
		unproven(h)
		mustSend(t, h, message("POST", "/", "{}"))
		if got := open(); got > 3 {
			t.Fatalf("got %d connections; want at most 3", got)
		}
	}
}

func TestConnectionInUseIsClosedWhenItsAnswerComesAfterClose(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
		<-release
		io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
		return true
	})
	h := provenAt(t, nil, w.URL)
	var sending sync.WaitGroup
	sending.Go(func() { mustSend(t, h, message("POST", "/", "{}")) })
	rawtest.WaitUntil(t, "the request", func() bool { return len(w.Received()) == 1 })
	h.Close()
	close(release)
	sending.Wait()
	if got := h.hosts[0].idle.count(); got != 0 {
		t.Errorf("got %d idle connections; want none", got)
	}
}

func TestWhileWeChatClosesConnectionsFewAreKeptAndNoneForMessages(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, func(c *HostsConfig) { c.IdleTimeout = time.Hour }, w.URL)
	idle := &h.hosts[0].idle
	idle.mu.Lock()
	idle.proven.rest = time.Hour
	idle.proven.note(false, 30*time.Millisecond, time.Now())
	idle.mu.Unlock()
	for range 2 * maxKept {
		mustSend(t, h, message("POST", "/", "{}"))
	}
	if got := w.Connections(); got != 2*maxKept {
		t.Errorf("got %d connections; want a new one for each message", got)
	}
	if got := idle.trim(1000); got != maxKept {
		t.Errorf("got %d connections kept; want %d", got, maxKept)
	}
}
