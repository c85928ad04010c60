package waiting

import (
	"errors"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
)

func TestAQueueIsReadAsItWasWritten(t *testing.T) {
	now := time.Now().Truncate(time.Second).UTC()
	var q Queue
	for _, hash := range []string{"a", "b"} {
		if err := q.Add(Event{Hash: hash, InfoType: "authorized", Created: now, Code: "queryauthcode@@@x", Received: now, ContentType: "text/xml; charset=utf-8", Body: []byte("<xml>中文</xml>")}); err != nil {
			t.Fatal(err)
		}
	}
	text := q.Write(now)
	if strings.ContainsFunc(text.Reveal(), secret.Invisible) {
		t.Errorf("got %q; want visible ASCII alone", text.Reveal())
	}
	got, err := Read(text)
	if err != nil || len(got.Events) != 2 || string(got.Events[1].Body) != "<xml>中文</xml>" || got.Find("a") == nil || got.Find("c") != nil {
		t.Fatalf("got %+v, %v", got, err)
	}
	if e := got.NextToSend(now, time.Minute); e != nil {
		t.Errorf("got %+v to send before it was acted upon", e)
	}
	if e := got.NextToSend(now.Add(time.Minute), time.Minute); e == nil || e.Hash != "a" {
		t.Errorf("got %+v to send after a minute; want a", e)
	}
	got.Find("a").Acted, got.Find("a").Sent = true, true
	if e := got.NextToAct(); e == nil || e.Hash != "b" || !got.Tidy() || got.Find("a") != nil {
		t.Errorf("got %+v to act upon; want b", e)
	}
	if !got.Has("a", now.Add(9*time.Minute)) || got.Has("a", now.Add(11*time.Minute)) {
		t.Error("an event is not known for ten minutes")
	}
	got.Find("b").Acted, got.Find("b").Sent = true, true
	if got.Tidy() || !got.Write(now.Add(11*time.Minute)).Empty() {
		t.Error("something is left")
	}
}

func TestAQueueHasABound(t *testing.T) {
	var q Queue
	if err := q.Add(Event{Hash: "x", Body: make([]byte, maxBytes+1)}); !errors.Is(err, ErrFull) {
		t.Errorf("got %v; want ErrFull", err)
	}
	added := 0
	for q.Add(Event{Hash: "x"}) == nil {
		added++
	}
	if added != maxEvents {
		t.Errorf("got %d; want %d", added, maxEvents)
	}
	const file = 64 << 10 // as much as a store has room for, encoded once more
	if size := len(q.Write(time.Now()).Reveal()); size > file/2 {
		t.Errorf("got %d bytes", size)
	}
}

func FuzzRead(f *testing.F) {
	var q Queue
	_ = q.Add(Event{Hash: "x", Received: time.Now()})
	f.Add(q.Write(time.Now()).Reveal())
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Read(secret.New(text))
		if err != nil {
			return
		}
		q.Tidy()
		if _, err := Read(q.Write(time.Now())); err != nil {
			t.Error(err)
		}
	})
}
