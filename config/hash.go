package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"wxproxy/internal/secret"
)

// hashSize is how many bytes of a hash are shown: as many as a float64 holds exactly.
const hashSize = 6

// Hash returns a short hash of c as far as it is in force in a process that was
// started with started: processes with the same have the same, wherever their secrets
// come from and wherever they listen. Certificates count by what is in their files. What
// is as it is by default does not count, so that versions with more settings agree.
//
// Secrets count, and none can be guessed from it. Each is there as a MAC whose key are
// all AppSecrets together, 128 random bits each: who tries values has to know all of
// these, which open more than any other secret here. Without an AppSecret that looks
// random no secret counts, and the passwords in URLs, which people choose, never do.
func (c *Config) Hash(started *Config) string {
	hide := c.hidden()
	hash := sha256.New()
	write := func(name, value string) { hash.Write([]byte(name + "=" + value + "\n")) }
	byDefault, atStart := (&Config{}).defaults(), started.settings()
	for i, s := range c.settings() {
		value, name := s.value(), s.table+"."+s.key
		if s.isFixed(atStart[i].value(), value) {
			value = atStart[i].value()
		} else if sum := c.Fingerprint(name); sum != "" {
			write(name+" holds", sum)
		}
		if s.key != "listen" && textOf(value, plain) != textOf(byDefault[i].value(), plain) {
			write(name, textOf(value, hide))
		}
	}
	write("token.store at", started.Token.StoreAddress())
	entries := c.entries()
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		write(name, text(entries[name], hide))
	}
	return hex.EncodeToString(hash.Sum(nil)[:hashSize])
}

// defaults returns the settings of a configuration that has nothing else.
func (c *Config) defaults() []setting {
	*c = Default()
	return c.settings()
}

// hidden returns the function that writes secrets so that they cannot be guessed.
func (c *Config) hidden() func(any) (string, bool) {
	key, random := sha256.New(), false
	apps := map[string]string{}
	for _, a := range c.Accounts {
		apps[a.Key()] = a.Secret.Reveal()
	}
	for _, p := range c.Platforms {
		apps[p.AppID] = p.Secret.Reveal()
	}
	for _, appID := range slices.Sorted(maps.Keys(apps)) {
		if value := apps[appID]; looksRandom(value) {
			key.Write([]byte(value + "\n"))
			random = true
		}
	}
	sum := key.Sum(nil)
	return func(value any) (string, bool) {
		switch value := value.(type) {
		case secret.Secret:
			if !random || value.Empty() || strings.Contains(value.Reveal(), "://") {
				return "", true
			}
			mac := hmac.New(sha256.New, sum)
			mac.Write([]byte(value.Reveal()))
			return hex.EncodeToString(mac.Sum(nil)), true
		case SecretSource:
			return "", true
		}
		return "", false
	}
}

// looksRandom reports whether an AppSecret is like those that WeChat makes, and not a
// word that somebody wrote.
func looksRandom(appSecret string) bool {
	const length, different = 32, 8
	seen := map[rune]bool{}
	for _, r := range appSecret {
		seen[r] = true
	}
	return len(appSecret) >= length && len(seen) >= different
}
