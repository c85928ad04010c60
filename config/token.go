package config

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxproxy/config/internal/redisurl"
	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
	"wxproxy/token/store"
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

// place says where what outlives the process is kept; in a folder, memory may come first.
func (t Token) place(memory language.Phrase) *language.Text {
	var place *language.Text
	switch kind, rest, _ := strings.Cut(t.Store.Reveal(), ":"); kind {
	case "file":
		place = language.Textf("%sin the folder %s", memory, rest)
	case "redis", "rediss":
		place = language.Textf("in memory and, for all replicas, in %s", redisurl.Public(t.Store.Reveal()))
	default:
		return language.Textf("in memory")
	}
	switch {
	case t.EncryptionKey.Empty():
		return place
	case t.EncryptionKeyOld.Empty():
		return language.Textf("%s, encrypted", place)
	}
	return language.Textf("%s, encrypted (read with encryption_key_old, too)", place)
}

func (t Token) describe(kinds []Kind) *language.Text {
	text := language.Textf("kept %s, renewed %s before expiry", t.place("in memory and "), short(t.RefreshBefore))
	for _, kind := range kinds {
		if kind == WeCom {
			text = language.Textf("%s and on WeCom's errcode %s", text, listed(kind.Table().TokenErrcodes))
		} else {
			text = language.Textf("%s and on errcode %s", text, listed(t.RetryErrcodes))
		}
	}
	return text
}

// listed writes numbers behind one another.
func listed(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
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

// store reads what names a store, or the file that has it. A URL may hold a password, so
// messages never show it.
func (t *table) store(key string, into *secret.Secret) bool {
	spec, file := into.Reveal(), key+"_file"
	given := t.text(key, &spec)
	t.sensitive[t.key(key)] = !strings.HasPrefix(spec, "file:") && !strings.HasPrefix(spec, "memory:")
	t.sensitive[t.key(file)] = true
	*into = secret.New(spec)
	source := SecretSource{files: t.cfg.files}
	if !t.text(file, &source.file) || source.file == "" {
		return given
	}
	if given {
		t.onlyOne([]string{key, file})
		return given
	}
	t.sources[t.key(key)] = givenSource{source, []string{file}}
	if value := t.secret(source, []string{file}); !value.Empty() {
		*into = value
	}
	return true
}

// checkStore reports what is wrong with the store that the settings name.
func (t *table) checkStore(spec secret.Secret) {
	key := "store"
	if source := t.sources[t.key(key)]; len(source.given) > 0 {
		key = source.given[0]
	}
	if err := store.Check(spec); err != nil {
		t.wrong(key, "%v", err)
	}
	t.holdPasswords(t.key(key), spec)
}

// warnOfRedis remarks on a Redis for which others could answer, or read what it is sent.
func (l *loader) warnOfRedis() {
	redis, err := url.Parse(l.cfg.Token.Store.Reveal())
	if err != nil {
		return // it is reported
	}
	query := redis.Query()
	if redis.Scheme == "rediss" && query.Get("skip_verify") == "true" {
		l.warn("token.store", "skip_verify lets anyone on the way pass for Redis; name the authority of its certificate with ca_file instead")
	}
	if redis.Scheme != "redis" || !l.cfg.Token.EncryptionKey.Empty() || l.anyReported("token.encryption_key", "token.encryption_key_env", "token.encryption_key_file") {
		return
	}
	for _, host := range append([]string{redis.Host}, query["addr"]...) {
		if BeyondLoopback(redisurl.WithPort(host)) {
			l.warn("token.store", "redis:// carries tokens to another machine in the clear; write rediss://, or set encryption_key")
			return
		}
	}
}

// StoreAddress returns the store without what may be secret.
func (t Token) StoreAddress() string {
	if kind, _, _ := strings.Cut(t.Store.Reveal(), ":"); kind == "redis" || kind == "rediss" {
		return redisurl.Public(t.Store.Reveal())
	}
	return t.Store.Reveal()
}

// holdPasswords does for the passwords in the URL of a store what hold does for a
// secret.
func (l *loader) holdPasswords(setting string, spec secret.Secret) {
	u, err := url.Parse(spec.Reveal())
	if err != nil {
		return // it is reported
	}
	password, _ := u.User.Password()
	l.hold(setting, secret.New(password))
	l.hold(setting, secret.New(u.Query().Get("sentinel_password")))
}
