package config

import (
	"net/url"
	"strings"

	"wxproxy/internal/secret"
	"wxproxy/token/store"
)

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

// placeOf returns what a running process cannot change of a store: which one it is, without
// who asks it and how it is known to be the right one.
func placeOf(store any) string {
	spec := store.(secret.Secret).Reveal()
	u, err := url.Parse(spec)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" {
		return spec
	}
	query, asked := u.Query(), url.Values{}
	for _, name := range []string{"addr", "cluster", "master_name"} {
		if values := query[name]; len(values) > 0 {
			asked[name] = values
		}
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.Trim(u.Path, "/"), RawQuery: asked.Encode()}).String()
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
		if BeyondLoopback(withPort(host)) {
			l.warn("token.store", "redis:// carries tokens to another machine in the clear; write rediss://, or set encryption_key")
			return
		}
	}
}

// withPort returns the address of a host that may have no port.
func withPort(host string) string {
	if _, port, found := strings.Cut(host[strings.LastIndexByte(host, ']')+1:], ":"); found && port != "" {
		return host
	}
	return strings.TrimSuffix(host, ":") + ":6379"
}

// StoreAddress returns the store without what may be secret.
func (t Token) StoreAddress() string {
	if kind, _, _ := strings.Cut(t.Store.Reveal(), ":"); kind == "redis" || kind == "rediss" {
		return redisAt(t.Store)
	}
	return t.Store.Reveal()
}

// redisAt returns a URL of Redis without what may be secret.
func redisAt(spec secret.Secret) string {
	u, err := url.Parse(spec.Reveal())
	if err != nil {
		return "Redis"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
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
