package token

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
)

// newKey returns an encryption key.
func newKey() secret.Secret {
	key := make([]byte, 32)
	rand.Read(key)
	return secret.New(string(key))
}

func mustSeal(t testing.TB, key secret.Secret) *sealer {
	t.Helper()
	s, err := newSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsSealedCanBeOpenedUnderItsName(t *testing.T) {
	s := mustSeal(t, newKey())
	for _, value := range []string{"token-1", "", strings.Repeat("x", 512), sealed + "AAAA"} {
		stored := s.seal("wx1", secret.New(value))
		if value != "" && (strings.Contains(stored, value) || stored == s.seal("wx1", secret.New(value))) {
			t.Errorf("%q: got %q; want it encrypted, and differently each time", value, stored)
		}
		got, err := s.open("wx1", stored)
		if err != nil || got.Reveal() != value {
			t.Errorf("got %q, %v; want %q", got.Reveal(), err, value)
		}
	}
	var clear *sealer
	if got, err := clear.open("wx1", clear.seal("wx1", secret.New("token-1"))); err != nil || got.Reveal() != "token-1" {
		t.Errorf("without a key: got %q, %v; want token-1", got.Reveal(), err)
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	s, clear := mustSeal(t, newKey()), (*sealer)(nil)
	stored := s.seal("wx1", secret.New("canary"))
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(stored, sealed))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(raw)
	changed[len(changed)-1] ^= 1
	text := func(raw []byte) string { return sealed + base64.StdEncoding.EncodeToString(raw) }
	for _, test := range []struct {
		name         string
		s            *sealer
		under, value string
		want         string
	}{
		{"another key", mustSeal(t, newKey()), "wx1", stored, "it cannot be decrypted"},
		{"another account's", s, "wx2", stored, "it cannot be decrypted"},
		{"cut short", s, "wx1", stored[:len(stored)-8], "it cannot be decrypted"},
		{"changed", s, "wx1", text(changed), "it cannot be decrypted"},
		{"a nonce alone", s, "wx1", text(raw[:12]), "it cannot be decrypted"},
		{"shorter than a nonce", s, "wx1", text(raw[:5]), "it cannot be decrypted"},
		{"nothing", s, "wx1", sealed, "it cannot be decrypted"},
		{"no base64", s, "wx1", sealed + "canary!", "it cannot be decrypted"},
		{"in the clear although there is a key", s, "wx1", "canary", "it is not encrypted although"},
		{"encrypted although there is no key", clear, "wx1", stored, "it is encrypted; set token.encryption_key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.s.open(test.under, test.value)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "canary") || !got.Empty() {
				t.Errorf("got %q, %v; want %s", got.Reveal(), err, test.want)
			}
		})
	}
}

func TestAnEncryptionKeyHas32Bytes(t *testing.T) {
	for _, length := range []int{1, 16, 31, 33} {
		for _, spec := range []string{"memory:", "redis://redis"} {
			if _, err := OpenStore(StoreConfig{Spec: secret.New(spec), Key: secret.New(strings.Repeat("k", length))}); err == nil || strings.Contains(err.Error(), "kk") {
				t.Errorf("%d bytes: got %v; want an error", length, err)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := mustSeal(f, secret.New(strings.Repeat("k", 32)))
	f.Add("wx1", s.seal("wx1", secret.New("token")))
	f.Add("wx1", "token")
	f.Add("", sealed)
	f.Fuzz(func(t *testing.T, name, stored string) {
		if _, err := (*sealer)(nil).open(name, stored); (err == nil) == strings.HasPrefix(stored, sealed) {
			t.Errorf("%q without a key: got %v", stored, err)
		}
		got, err := s.open(name, stored)
		if err == nil && stored != "" && got.Reveal() == stored {
			t.Errorf("%q: got it as it is", stored)
		}
		if again, err := s.open(name, s.seal(name, secret.New(stored))); err != nil || again.Reveal() != stored {
			t.Errorf("got %q, %v; want %q", again.Reveal(), err, stored)
		}
	})
}

func TestAnEncryptedFileHoldsNoTokenAndOutlivesARestart(t *testing.T) {
	dir, key := t.TempDir(), newKey()
	open := func(key secret.Secret) Store {
		store, err := OpenStore(StoreConfig{Spec: secret.New("file:" + dir), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	record := Record{Token: Token{secret.New("canary"), time.Now().Add(time.Hour)}}
	for _, k := range []Key{{AppID: "wx1"}, {AppID: "wx1", Ticket: "jsapi"}} {
		if _, err := open(key).Save(k, record); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, k.name()+".json"))
		if err != nil || bytes.Contains(content, []byte("canary")) {
			t.Errorf("got %s, %v; want no token in the clear", content, err)
		}
		if got, err := open(key).Load(k); err != nil || got.Token.Value.Reveal() != "canary" {
			t.Errorf("got %q, %v; want the token", got.Token.Value.Reveal(), err)
		}
		for name, other := range map[string]secret.Secret{"another key": newKey(), "no key": {}} {
			if got, err := open(other).Load(k); err == nil || errors.Is(err, ErrNotStored) || !got.Token.Value.Empty() {
				t.Errorf("%s: got %v; want an error that says why", name, err)
			}
		}
	}
	other := newKey()
	if _, err := open(other).Save(Key{AppID: "wx1"}, record); err != nil {
		t.Fatal(err)
	}
	if got, err := open(other).Load(Key{AppID: "wx1"}); err != nil || got.Token.Value.Reveal() != "canary" {
		t.Errorf("replaced: got %v; want the token", err)
	}
}
