package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"wxproxy/internal/secret"
)

// newKey returns an encryption key.
func newKey() secret.Secret {
	key := make([]byte, 32)
	rand.Read(key)
	return secret.New(string(key))
}

func mustSeal(t testing.TB, key secret.Secret) *Sealer {
	t.Helper()
	s, err := New(key, secret.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsSealedCanBeOpenedUnderItsName(t *testing.T) {
	s := mustSeal(t, newKey())
	for _, value := range []string{"token-1", "", strings.Repeat("x", 512), prefix + "AAAA"} {
		stored := s.Seal("wx1", secret.New(value))
		if value != "" && (strings.Contains(stored, value) || stored == s.Seal("wx1", secret.New(value))) {
			t.Errorf("%q: got %q; want it encrypted, and differently each time", value, stored)
		}
		got, err := s.Open("wx1", stored)
		if err != nil || got.Reveal() != value {
			t.Errorf("got %q, %v; want %q", got.Reveal(), err, value)
		}
	}
	var clear *Sealer
	if got, err := clear.Open("wx1", clear.Seal("wx1", secret.New("token-1"))); err != nil || got.Reveal() != "token-1" {
		t.Errorf("without a key: got %q, %v; want token-1", got.Reveal(), err)
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	s, clear := mustSeal(t, newKey()), (*Sealer)(nil)
	stored := s.Seal("wx1", secret.New("canary"))
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(stored, prefix))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(raw)
	changed[len(changed)-1] ^= 1
	text := func(raw []byte) string { return prefix + base64.StdEncoding.EncodeToString(raw) }
	for _, test := range []struct {
		name         string
		s            *Sealer
		under, value string
		want         string
	}{
		{"another key", mustSeal(t, newKey()), "wx1", stored, "it cannot be decrypted"},
		{"another account's", s, "wx2", stored, "it cannot be decrypted"},
		{"cut short", s, "wx1", stored[:len(stored)-8], "it cannot be decrypted"},
		{"changed", s, "wx1", text(changed), "it cannot be decrypted"},
		{"a nonce alone", s, "wx1", text(raw[:12]), "it cannot be decrypted"},
		{"shorter than a nonce", s, "wx1", text(raw[:5]), "it cannot be decrypted"},
		{"nothing", s, "wx1", prefix, "it cannot be decrypted"},
		{"no base64", s, "wx1", prefix + "canary!", "it cannot be decrypted"},
		{"in the clear although there is a key", s, "wx1", "canary", "it is not encrypted although"},
		{"encrypted although there is no key", clear, "wx1", stored, "it is encrypted; set token.encryption_key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.s.Open(test.under, test.value)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "canary") || !got.Empty() {
				t.Errorf("got %q, %v; want %s", got.Reveal(), err, test.want)
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	s := mustSeal(f, secret.New(strings.Repeat("k", 32)))
	f.Add("wx1", s.Seal("wx1", secret.New("token")))
	f.Add("wx1", "token")
	f.Add("", prefix)
	f.Fuzz(func(t *testing.T, name, stored string) {
		if _, err := (*Sealer)(nil).Open(name, stored); (err == nil) == strings.HasPrefix(stored, prefix) {
			t.Errorf("%q without a key: got %v", stored, err)
		}
		got, err := s.Open(name, stored)
		if err == nil && stored != "" && got.Reveal() == stored {
			t.Errorf("%q: got it as it is", stored)
		}
		if again, err := s.Open(name, s.Seal(name, secret.New(stored))); err != nil || again.Reveal() != stored {
			t.Errorf("got %q, %v; want %q", again.Reveal(), err, stored)
		}
	})
}

func TestEitherKeyOpensAndTheNewOneSeals(t *testing.T) {
	first, second := newKey(), newKey()
	both, err := New(second, first)
	if err != nil {
		t.Fatal(err)
	}
	before, after := mustSeal(t, first), mustSeal(t, second)
	for name, stored := range map[string]string{"the old key": before.Seal("wx1", secret.New("canary")), "the new key": after.Seal("wx1", secret.New("canary"))} {
		if got, err := both.Open("wx1", stored); err != nil || got.Reveal() != "canary" {
			t.Errorf("%s: got %v; want the token", name, err)
		}
		if _, err := both.Open("wx2", stored); err == nil {
			t.Errorf("%s: opened under another name", name)
		}
	}
	if got, err := after.Open("wx1", both.Seal("wx1", secret.New("canary"))); err != nil || got.Reveal() != "canary" {
		t.Errorf("got %v; want it sealed with the new key", err)
	}
	if _, err := both.Open("wx1", mustSeal(t, newKey()).Seal("wx1", secret.New("canary"))); err == nil || !strings.Contains(err.Error(), "neither with token.encryption_key nor with token.encryption_key_old") {
		t.Errorf("a wrong old key: got %v; want it said", err)
	}
	for _, wrong := range []string{"short", strings.Repeat("k", 33)} {
		if _, err := New(first, secret.New(wrong)); err == nil || strings.Contains(err.Error(), wrong) {
			t.Errorf("got %v; want an error without the key", err)
		}
	}
}

func TestWhatWasGrantedBeforeThereWasAKeyIsOpened(t *testing.T) {
	first, second := secret.New(strings.Repeat("1", 32)), secret.New(strings.Repeat("2", 32))
	of := func(key, old secret.Secret) *Sealer {
		s, err := New(key, old)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	none, one, both, other := of(secret.Secret{}, secret.Secret{}), of(first, secret.Secret{}), of(second, first), of(second, secret.Secret{})
	sealed := one.Seal("a", secret.New("canary"))
	for _, row := range []struct {
		name, stored      string
		with              *Sealer
		opens, isItsOwn   bool
		under             string
		opensOtherwiseToo bool
	}{
		{"in the clear, without a key", "canary", none, true, true, "a", true},
		{"in the clear, with a first key", "canary", one, true, false, "a", false},
		{"with its key", sealed, one, true, true, "a", true},
		{"with the key after it", sealed, both, true, false, "a", true},
		{"with another key", sealed, other, false, false, "a", false},
		{"without a key", sealed, none, false, true, "a", false},
		{"under another name", sealed, one, false, false, "b", false},
		{"nothing", "", one, true, true, "a", true},
	} {
		got, err := row.with.OpenGranted(row.under, row.stored)
		if opened := err == nil && (row.stored == "" || got.Equal("canary")); opened != row.opens {
			t.Errorf("%s: got %v", row.name, err)
		}
		if is := row.with.IsCurrent(row.under, row.stored); is != row.isItsOwn {
			t.Errorf("%s: got current %v", row.name, is)
		}
		if _, err := row.with.Open(row.under, row.stored); (err == nil) != row.opensOtherwiseToo {
			t.Errorf("%s: Open: got %v", row.name, err)
		}
	}
}
