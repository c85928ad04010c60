package redis

import (
	"strings"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/token"
)

// Redis gets another password, and the store with it: what was stored is there, and the
// others are heard on.
func TestAStoreTakesAnotherPassword(t *testing.T) {
	server := redistest.Start(t)
	server.MustDo("ACL", "SETUSER", "wxproxy", "on", ">first-password", "~*", "&*", "+@all")
	config := func(password string, key, old string) Config {
		return Config{URL: secret.New("redis://wxproxy:" + password + "@" + server.Addr + "/0"), KeyPrefix: "p", Key: secret.New(key), OldKey: secret.New(old)}
	}
	first, second := strings.Repeat("1", 32), strings.Repeat("2", 32)
	open := func(c Config) *Store {
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Close() })
		return s
	}
	a := open(config("first-password", first, ""))
	key, record := token.Key{AppID: "wx1"}, token.Record{Token: token.Token{Value: secret.New("token-1"), Expires: time.Now().Add(time.Hour)}}
	record.Notice.FetchedAt = time.Now()
	if _, err := a.Save(key, record); err != nil {
		t.Fatal(err)
	}
	server.MustDo("ACL", "SETUSER", "wxproxy", "resetpass", ">second-password")
	server.MustDo("CLIENT", "KILL", "USER", "wxproxy")
	deadline := time.Now().Add(10 * time.Second)
	for _, err := a.Load(key); err == nil; _, err = a.Load(key) {
		if time.Now().After(deadline) {
			t.Fatal("got an answer with the old password")
		}
		time.Sleep(10 * time.Millisecond)
	}
	take, err := a.Prepare(config("second-password", second, first))
	if err != nil {
		t.Fatal(err)
	}
	take()
	if got, err := a.Load(key); err != nil || got.Token.Value.Reveal() != "token-1" {
		t.Errorf("got %v; want the token of before at once", err)
	}
	heard := make(chan int64, 100)
	defer a.Watch(key, func(generation int64) { heard <- generation })()
	b := open(config("second-password", second, first))
	record.Token.Value, record.Notice.FetchedAt = secret.New("token-2"), time.Now().Add(time.Second)
	for time.Now().Before(deadline) {
		stored, err := b.Save(key, record)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case generation := <-heard:
			if generation < stored.Notice.Generation-1 {
				continue
			}
		case <-time.After(100 * time.Millisecond):
			continue
		}
		if got, err := a.Load(key); err != nil || got.Token.Value.Reveal() != "token-2" {
			t.Errorf("got %v; want the token of the other one", err)
		}
		return
	}
	t.Error("got nothing heard over the new connection")
}
