package inbox

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token/store/seal"
)

func FuzzRecord(f *testing.F) {
	s, err := seal.New(secret.New(strings.Repeat("k", 32)), secret.New(""))
	if err != nil {
		f.Fatal(err)
	}
	p := &Push{ID: "1", Account: "a", AppID: "wx", Forward: "f", Type: "text", Received: time.Unix(1, 0).UTC(), ContentType: "text/xml", Body: []byte("<xml/>")}
	for _, with := range []*seal.Sealer{nil, s} {
		record, err := Encode(p, with)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(record)
		f.Add(append(record, "\n{\"failed_at\":\"2026-01-01T00:00:00Z\"}\n"...))
	}
	f.Add([]byte("wxproxy-push 2 2 2 00000000\n{}{}"))
	f.Add([]byte("wxproxy-push 1 2 2 00000000\n{}{}"))
	f.Add([]byte("wxproxy-push 1 -1 9999999999999999999999 0\n"))
	f.Fuzz(func(t *testing.T, record []byte) {
		p, err := Decode(record, s)
		switch {
		case errors.Is(err, ErrClosed):
			if p == nil || p.Body != nil {
				t.Errorf("got %v; want a push without content", p)
			}
			return
		case err != nil:
			if p != nil || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Errorf("got %v, %v", p, err)
			}
			return
		}
		again, err := Encode(p, s)
		if err != nil {
			return // too long with the key, or a time that JSON cannot hold
		}
		other, err := Decode(again, s)
		if err != nil || fmt.Sprint(*other) != fmt.Sprint(*p) {
			t.Errorf("got %v, %v; want %v", other, err, p)
		}
		if bytes.Contains(again, p.Body) && len(p.Body) > 20 {
			t.Errorf("got the body in the clear: %q", again)
		}
	})
}

// The query of a forward's URL may be a secret, and a forward without a name is called by it.
func TestAForwardsQueryIsEncryptedToo(t *testing.T) {
	t.Parallel()
	key := sealer(t, strings.Repeat("1", 32), "")
	for _, forward := range []string{"orders", "http://h/path?key=" + canary, "unix:/run/app.sock:/path?key=" + canary} {
		record, err := Encode(push("a", forward, "1"), key)
		if err != nil || bytes.Contains(record, []byte(canary)) {
			t.Errorf("%s: got %q, %v; want the query encrypted", forward, record, err)
		}
		if p, err := Decode(record, key); err != nil || p.Forward != forward || string(p.Body) != "1" {
			t.Errorf("%s: got %+v, %v", forward, p, err)
		}
	}
}

func TestNamesOfRecords(t *testing.T) {
	i := item{seq: 1 << 62, stored: 17}
	hash := hashOf(Queue("a", "f"))
	got, gotHash, failed, ok := readName(i.name(hash))
	if !ok || failed || gotHash != hash || got.seq != i.seq || got.attempts != 17 {
		t.Errorf("got %+v, %q, %v, %v", got, gotHash, failed, ok)
	}
	if _, _, failed, ok := readName(failedFolder + i.name(hash)); !ok || !failed {
		t.Error("got no failed one")
	}
	for _, name := range []string{"", "lock", ".push", "--.push", "4000000000000000-0123456789abcdef-0.tmp", "4000000000000000-0123456789abcde-0.push",
		"4000000000000000-0123456789abcdef--1.push", "g000000000000000-0123456789abcdef-0.push", "4000000000000000-0123456789abcdef-99999999999.push",
		"f000000000000000-0123456789abcdef-0.push"} {
		if _, _, _, ok := readName(name); ok {
			t.Errorf("got %q read as a name", name)
		}
	}
}
