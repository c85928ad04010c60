package config

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

func TestHashesOfPlaceholdersAreMistakes(t *testing.T) {
	for _, text := range []string{
		"...", "<key>", "your-key-here", "replace-me-with-a-long-random-key", "YOUR_SECRET_HERE", "<your-api-key>", "put your token here", "${KEY}",
	} {
		sum := sha256.Sum256([]byte(text))
		path := write(t, "config.toml", "[[client]]\nname = \"orders\"\nkey_sha256 = \""+hex.EncodeToString(sum[:])+"\""+good)
		if _, err := Load(path, lookup()); err == nil || !strings.Contains(err.Error(), "client[1].key_sha256: is the hash of a") {
			t.Errorf("%q: got %v; want a mistake", text, err)
		}
	}
}

func TestATypedKeyIsAMistakeBeyondLoopback(t *testing.T) {
	for key, typed := range map[string]bool{
		strings.Repeat("a", 32): true, strings.Repeat("ab1!", 8): true, "abcdefghijklmnopqrstuvwxyz": true, "12345678901234567890": true,
		strings.Repeat("9f8a7b6c5d4e", 2): true, "zyxwvutsrqponmlkjihg": true, "9f8a7b6c5d4e3f2a": false, "Kx9vQ2mZr8LpT4wB7nY": false,
	} {
		_, err := Load(write(t, "config.toml", "[proxy]\nlisten = \":8080\"\n[[client]]\nname = \"orders\"\nkey = \""+key+"\""+good), lookup())
		if (err != nil) != typed || typed && !strings.Contains(err.Error(), "client[1].key: is a") {
			t.Errorf("%q: got %v; want a mistake: %v", key, err, typed)
		}
	}
}

func TestAWordAsAppSecretIsRemarkedOn(t *testing.T) {
	for _, word := range []string{"secret", "test", "appsecret", "app_secret", "SECRET"} {
		cfg := mustLoad(t, strings.Replace(good, canary, word, 1))
		if len(cfg.Warnings()) == 0 || !strings.Contains(strings.Join(cfg.Warnings(), "\n"), "account[1].secret: is a word that stands in examples") {
			t.Errorf("%q: got %q; want a warning", word, cfg.Warnings())
		}
	}
}
