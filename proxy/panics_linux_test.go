package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/background"
)

const canaryOfPanic = "canary-5f4dcc3b5aa765d6"

// A panickingConn is a socket whose reading is a mistake.
type panickingConn struct{ syscall.RawConn }

func (panickingConn) Read(func(uintptr) bool) error { panic(canaryOfPanic) }

func TestAPanicOutsideARequestEndsItsConnectionOnly(t *testing.T) {
	var log bytes.Buffer
	here, there := net.Pipe()
	defer there.Close()
	l := &Listener{callers: map[*callerConn]struct{}{}}
	c := l.watch(here)
	c.direct = &socket{Conn: here, raw: panickingConn{}}
	f := &front{handler: New(config(&recorder{})).Handler(), log: slog.New(slog.NewTextHandler(&log, nil))}
	f.places = newPlaces(Limits{MaxConnections: 1}, f.log)
	f.places.enter(c)
	f.serveDirectly(c)
	if _, err := there.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v; want the connection closed", err)
	}
	if l.count() != 0 || f.places.taken != [roles]int{} {
		t.Errorf("got %d connections, %d callers; want none", l.count(), f.places.taken)
	}
	if text := log.String(); !strings.Contains(text, "panic while serving a connection") || !strings.Contains(text, "panics_linux_test.go") || strings.Contains(text, canaryOfPanic) {
		t.Errorf("got %s; want where it was, and not what it said", text)
	}
}

func TestWhatPanicsInTheBackgroundBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(context.Background())
		began := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			background.Persist(ctx, slog.New(slog.NewTextHandler(&log, nil)), func(ctx context.Context) {
				if began++; began < 3 {
					panic(canaryOfPanic)
				}
				<-ctx.Done()
			})
		}()
		time.Sleep(10 * time.Second)
		cancel()
		<-done
		if began != 3 || strings.Count(log.String(), "panic in the background") != 2 || strings.Contains(log.String(), canaryOfPanic) {
			t.Errorf("got %d beginnings, and %s; want three, and two lines", began, log.String())
		}
	})
}
