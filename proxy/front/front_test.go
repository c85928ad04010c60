package front

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
)

const canaryOfPanic = "canary-5f4dcc3b5aa765d6"

// A fakeHandler answers with what handle makes of a request; it keeps why others
// could not be read.
type fakeHandler struct {
	handle func(ctx *fasthttp.RequestCtx)
	reason error
}

func (f *fakeHandler) Handle(ctx *fasthttp.RequestCtx, _ int64)    { f.handle(ctx) }
func (f *fakeHandler) Expect(*fasthttp.RequestCtx, int64) int      { return fasthttp.StatusContinue }
func (f *fakeHandler) Refuse(_ *fasthttp.RequestCtx, reason error) { f.reason = reason }
func (f *fakeHandler) IsProvenByBody([]byte) bool                  { return false }

func TestWhyARequestCannotBeReadIsToldApart(t *testing.T) {
	rows := []struct {
		name string
		err  error
		want error
	}{
		{"a header too large", fmt.Errorf("reading: %w", &fasthttp.ErrSmallBuffer{}), ErrHeaderTooLong},
		{"a caller too slow", fmt.Errorf("reading: %w", &net.OpError{Op: "read", Err: timeoutError{}}), ErrLate},
		{"a connection that broke", &net.OpError{Op: "read", Err: errors.New("CANARY")}, ErrUnreadable},
		{"anything else", errors.New("CANARY"), ErrUnreadable},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var handler fakeHandler
			f := front{handler: &handler}
			f.refuseUnreadable(new(fasthttp.RequestCtx), row.err)
			if !errors.Is(handler.reason, row.want) {
				t.Errorf("got %v; want %v, and nothing of what was read", handler.reason, row.want)
			}
		})
	}
}

// A panickingConn panics when it is read.
type panickingConn struct{ net.Conn }

func (panickingConn) SetReadDeadline(time.Time) error { panic(canaryOfPanic) }

func TestAPanicOutsideARequestEndsItsConnectionOnly(t *testing.T) {
	var log bytes.Buffer
	here, there := net.Pipe()
	defer there.Close()
	l := &Listener{callers: map[*Conn]struct{}{}}
	c := l.watch(panickingConn{here})
	f := &front{handler: &fakeHandler{}, log: slog.New(slog.NewTextHandler(&log, nil))}
	f.slots = newSlots(Limits{MaxConnections: 1}, f.log)
	f.slots.take(c)
	c.surplus = time.Now() // its time is set by SetReadDeadline
	f.serveDirectly(c)
	if _, err := there.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v; want the connection closed", err)
	}
	if l.Count() != 0 || f.slots.taken != [slotKinds]int{} {
		t.Errorf("got %d connections, %d callers; want none", l.Count(), f.slots.taken)
	}
	if text := log.String(); !strings.Contains(text, "panic while serving a connection") || !strings.Contains(text, "front_test.go") || strings.Contains(text, canaryOfPanic) {
		t.Errorf("got %s; want where it was, and not what it said", text)
	}
}

// served returns a server for callers in plain text, its listener, and what ends both.
func served(t *testing.T, limits Limits, handle func(*fasthttp.RequestCtx)) (server *Server, l *Listener, end func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if l, err = NewListener(ln); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	server = NewServer(&fakeHandler{handle: handle}, limits, slog.New(slog.DiscardHandler))
	go func() { ended <- server.Serve(l) }()
	return server, l, func() error { return errors.Join(Drain(t.Context(), l), <-ended) }
}

// A connection that is closed because it is idle may get a request at that very moment.
// It is answered, and the end waits for it.
func TestAnEndThatMeetsARequestWaitsForIt(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	_, l, end := served(t, Limits{MaxConnections: 5000, IdleTimeout: time.Minute, PlainIO: rawtest.IsPlain()}, func(ctx *fasthttp.RequestCtx) {
		close(asked)
		<-answer
		ctx.Response.SetBodyString(rawtest.OKBody)
	})
	c := rawtest.Dial(t, l.Addr())
	c.Send(rawtest.Get("/p"))
	<-asked
	l.mu.Lock()
	for caller := range l.callers {
		caller.phase.set(phaseIdle) // as it was a moment before
	}
	l.mu.Unlock()
	l.closeIdle()
	time.AfterFunc(50*time.Millisecond, func() { close(answer) })
	if err := end(); err != nil {
		t.Error(err)
	}
	if rawtest.IsPlain() {
		return // fasthttp's server cuts it
	}
	if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Body != rawtest.OKBody {
		t.Errorf("got %q, %v; want the answer", a.Body, err)
	}
}
