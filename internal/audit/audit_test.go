package audit

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsOftenDoneHasALineAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text said
		l := New(slog.New(slog.NewTextHandler(&text, nil)))
		guess := Entry{Action: WrongKey, Address: "192.0.2.7", Outcome: Refused}
		for range 100 {
			l.Often(guess)
		}
		other := guess
		other.Address = "192.0.2.8"
		l.Often(other)
		l.Did(Entry{Action: Reload, Key: "admin.key", Address: "127.0.0.1", Outcome: Done})
		l.Did(Entry{Action: Reload, Key: "admin.key", Address: "127.0.0.1", Outcome: Done})
		if got := strings.Count(text.String(), "\n"); got != 4 || strings.Count(text.String(), "192.0.2.7") != 1 {
			t.Errorf("got %s; want a line for each address, and two reloads", text.String())
		}
		want := `level=INFO msg=audit action=reload key=admin.key client="" account="" address=127.0.0.1 outcome=done count=1 listener=""`
		if !strings.Contains(text.String(), want) {
			t.Errorf("got %s; want %s", text.String(), want)
		}
		time.Sleep(5 * time.Minute)
		if !strings.Contains(text.String(), "address=192.0.2.7 outcome=refused count=99") {
			t.Errorf("got %s; want how many had no line", text.String())
		}
		text.Reset()
		for i := range 10_000 { // by addresses that somebody makes up
			other.Address = "192.0.2." + strconv.Itoa(i)
			l.Often(other)
		}
		time.Sleep(5 * time.Minute)
		if got := strings.Count(text.String(), "\n"); got != maxLines+2 || !strings.Contains(text.String(), "action=others") {
			t.Errorf("got %d lines; want %d, and two about the others", got, maxLines)
		}
	})
}

// said is a log that timers write to, too.
func TestTheAuditIsWrittenWhateverTheLevel(t *testing.T) {
	var text said
	l := New(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelError})))
	l.Did(Entry{Action: Reload, Outcome: Done})
	if !strings.Contains(text.String(), "action=reload") {
		t.Errorf("got %q; want the reload", text.String())
	}
}

// Strangers who make up addresses hide nothing of what those did who have a key.
func TestStrangersHaveABudgetOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text said
		l := New(slog.New(slog.NewTextHandler(&text, nil)))
		for i := range 2 * maxLines {
			l.Often(Entry{Action: WrongKey, Address: "192.0.2." + strconv.Itoa(i), Outcome: Refused, Listener: Proxy})
		}
		l.Often(Entry{Action: RealToken, Client: "orders", Account: "shop", Address: "10.0.0.1", Outcome: Done, Listener: Proxy})
		l.Often(Entry{Action: Reload, Key: "admin.read_key", Address: "10.0.0.2", Outcome: Refused, Listener: Admin})
		l.Often(Entry{Action: Refresh, Account: "shop", Address: "127.0.0.1", Outcome: Done, Listener: Admin})
		for _, want := range []string{"client=orders account=shop", "key=admin.read_key", "action=refresh", "of=strangers"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("got no line with %s", want)
			}
		}
		if strings.Contains(text.String(), "of=known") {
			t.Error("what those did who have a key was left out")
		}
	})
}

func TestTheCountsAreWrittenBeforeTheEnd(t *testing.T) {
	var text said
	l := New(slog.New(slog.NewTextHandler(&text, nil)))
	for range 5 {
		l.Often(Entry{Action: WrongKey, Outcome: Refused})
	}
	l.Flush()
	l.Flush()
	if got := text.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "count=4") {
		t.Errorf("got %q; want what had no line, once", got)
	}
}

type said struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *said) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(line)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *said) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Reset()
}

func TestNoLogTakesNothing(t *testing.T) {
	var l *Log
	l.Did(Entry{})
	l.Often(Entry{})
}
