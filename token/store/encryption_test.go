package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// aKey returns an encryption key.
func aKey() secret.Secret {
	key := make([]byte, 32)
	rand.Read(key)
	return secret.New(string(key))
}

func TestAnEncryptionKeyHas32Bytes(t *testing.T) {
	for _, length := range []int{1, 16, 31, 33} {
		for _, spec := range []string{"memory:", "redis://redis"} {
			if _, err := Open(Config{Spec: secret.New(spec), Key: secret.New(strings.Repeat("k", length))}); err == nil || strings.Contains(err.Error(), "kk") {
				t.Errorf("%d bytes: got %v; want an error", length, err)
			}
		}
	}
}

func TestAnEncryptedFileHoldsNoTokenAndOutlivesARestart(t *testing.T) {
	dir, key := t.TempDir(), aKey()
	open := func(key secret.Secret) token.Store {
		store, err := Open(Config{Spec: secret.New("file:" + dir), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	record := token.Record{Token: token.Token{Value: secret.New("canary"), Expires: time.Now().Add(time.Hour)}}
	for _, k := range []token.Key{{AppID: "wx1"}, {AppID: "wx1", Ticket: "jsapi"}} {
		if _, err := open(key).Save(k, record); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, name(k)+".json"))
		if err != nil || bytes.Contains(content, []byte("canary")) {
			t.Errorf("got %s, %v; want no token in the clear", content, err)
		}
		if got, err := open(key).Load(k); err != nil || got.Token.Value.Reveal() != "canary" {
			t.Errorf("got %q, %v; want the token", got.Token.Value.Reveal(), err)
		}
		for name, other := range map[string]secret.Secret{"another key": aKey(), "no key": {}} {
			if got, err := open(other).Load(k); err == nil || errors.Is(err, token.ErrNotStored) || !got.Token.Value.Empty() {
				t.Errorf("%s: got %v; want an error that says why", name, err)
			}
		}
	}
	other := aKey()
	if _, err := open(other).Save(token.Key{AppID: "wx1"}, record); err != nil {
		t.Fatal(err)
	}
	if got, err := open(other).Load(token.Key{AppID: "wx1"}); err != nil || got.Token.Value.Reveal() != "canary" {
		t.Errorf("replaced: got %v; want the token", err)
	}
}

// A reload changes the key, and what was stored before is read on.
func TestAStoreTakesAnotherKey(t *testing.T) {
	first, second, key := aKey(), aKey(), token.Key{AppID: "wx1"}
	config := Config{Spec: secret.New("file:" + t.TempDir()), Key: first}
	s, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	record := token.Record{Token: token.Token{Value: secret.New("canary"), Expires: time.Now().Add(time.Hour)}}
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = s.Save(key, record)
	must("with the first key", err)
	config.Key, config.OldKey = second, first
	take, err := Prepare(s, config)
	must("preparing", err)
	take()
	_, err = s.Load(key)
	must("what was stored before", err)
	_, err = s.Save(key, record)
	must("with the second key", err)
	config.OldKey = secret.Secret{}
	alone, err := Open(config)
	must("the second key alone", err)
	_, err = alone.Load(key)
	must("what was stored with it", err)
	config.OldKey = secret.New("short")
	if _, err := Prepare(s, config); err == nil {
		t.Error("got a key of five bytes taken")
	}
	memory := NewMemory()
	take, err = Prepare(memory, Config{Spec: secret.New("memory:")})
	must("memory", err)
	take()
}
