package config

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxproxy/config/internal/words"
	"wxproxy/internal/secret"
)

func (l *loader) readToken(t *table) {
	t.readSettings()

	c := &l.cfg.Token
	t.checkStore(c.Store)
	c.EncryptionKey, c.EncryptionKeyOld = t.encryptionKey("encryption_key"), t.encryptionKey("encryption_key_old")
	if old := t.sources["token.encryption_key_old"].given; len(old) > 0 && len(t.sources["token.encryption_key"].given) == 0 {
		t.wrong(old[0], "is the key before another one, and there is none; write it as %q", "encryption_key"+old[0][len("encryption_key_old"):])
	} else if len(old) > 0 && !c.EncryptionKey.Empty() && c.EncryptionKey.Equal(c.EncryptionKeyOld.Reveal()) {
		t.wrong(old[0], "is the same as encryption_key; write the key that there was before, or take it away")
	}
	if c.RefreshBefore < 10*time.Second || c.RefreshBefore > time.Hour {
		t.wrong("refresh_before", `must be between "10s" and "1h"`)
	}
	if !isName(c.KeyPrefix) {
		t.wrong("key_prefix", nameRule)
	}
}

// errcodes reads a list of errcodes that refuse a token.
func (t *table) errcodes(key string, into *[]int) bool {
	var errcodes []int64
	if !list(t, key, "numbers", &errcodes) {
		return false
	}
	*into = t.checkErrcodes(errcodes)
	return true
}

func (t Token) describe() string {
	place := "in memory"
	switch kind, rest, _ := strings.Cut(t.Store.Reveal(), ":"); kind {
	case "file":
		place += " and in the folder " + rest
	case "redis", "rediss":
		place += " and, for all replicas, in " + redisAt(t.Store)
	}
	if !t.EncryptionKey.Empty() && place != "in memory" {
		place += ", encrypted"
		if !t.EncryptionKeyOld.Empty() {
			place += " (read with encryption_key_old, too)"
		}
	}
	codes := make([]string, len(t.RetryErrcodes))
	for i, code := range t.RetryErrcodes {
		codes[i] = strconv.Itoa(code)
	}
	return fmt.Sprintf("kept %s, renewed %s before expiry and on errcode %s",
		place, short(t.RefreshBefore), strings.Join(codes, ", "))
}

// encryptionKey returns the bytes that the setting, in base64, stands for.
func (t *table) encryptionKey(setting string) secret.Secret {
	source := t.sources[t.key(setting)]
	text, given := t.secret(source.SecretSource, source.given), source.given
	if text.Empty() {
		return secret.Secret{}
	}
	const bytes = 32
	key, err := base64.StdEncoding.DecodeString(text.Reveal())
	if err != nil || len(key) != bytes {
		t.wrong(given[0], "is not %d bytes in base64; `head -c 32 /dev/urandom | base64` makes a key", bytes)
	} else if strings.Trim(string(key), "\x00") == "" {
		t.wrong(given[0], "is all zero and no key; `head -c 32 /dev/urandom | base64` makes one")
	} else if words.IsPattern(key) {
		t.warn(t.key(given[0]), "is a pattern and could be guessed; `head -c 32 /dev/urandom | base64` makes a good key")
	}
	return secret.New(string(key))
}

// checkErrcodes returns a list of errcodes, and reports those that cannot be meant.
func (t *table) checkErrcodes(list []int64) []int {
	errcodes := make([]int, 0, len(list))
	for i, errcode := range list {
		switch {
		case errcode < 1 || errcode > 9_999_999:
			t.wrong(item("retry_errcodes", i), "is no errcode that a new token could cure; remove it")
		case slices.Contains(errcodes, int(errcode)):
			t.wrong(item("retry_errcodes", i), "is there already; remove it")
		}
		errcodes = append(errcodes, int(errcode))
	}
	if len(errcodes) == 0 {
		t.wrong("retry_errcodes", "is empty, so no refused token would be replaced; write [40001, 40014, 42001]")
	}
	return errcodes
}
