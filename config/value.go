package config

import (
	"log/slog"
	"math"
	"time"

	"wxproxy/config/internal/parse"
	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
)

// replaced are the keys that mean nothing any more once a variable took the
// place of another one.
var replaced = map[string][]string{
	"WXPROXY_ADMIN_KEY":    {"key_env", "key_file"},
	"WXPROXY_STORE":        {"store_file"},
	"WXPROXY_UPSTREAM_URL": {"fallback_urls"}, // which lead to the same WeChat as the file's url
}

// applyEnvironment writes the variables into the document, so that they are
// read and checked like the rest of it, and remembers whose values they are. An
// empty variable counts as not set, as it does in compose files, except that
// WXPROXY_ADMIN_LISTEN may turn the listener off.
func (l *loader) applyEnvironment(document map[string]any) {
	for _, s := range l.cfg.settings() {
		if s.variable == "" {
			continue
		}
		value, ok := l.lookupEnv(s.variable)
		if !ok || value == "" && s.variable != "WXPROXY_ADMIN_LISTEN" {
			continue
		}
		if document[s.table] == nil {
			document[s.table] = map[string]any{}
		}
		values, ok := document[s.table].(map[string]any)
		if !ok {
			continue // not a table: a problem of the file's
		}
		values[s.key] = value
		l.variables[s.table+"."+s.key] = s.variable
		if urls, _ := values["fallback_urls"].([]any); s.variable == "WXPROXY_UPSTREAM_URL" && len(urls) > 0 {
			l.warn("upstream.fallback_urls", "those of the file are not used, since WXPROXY_UPSTREAM_URL takes the place of url and of them")
		}
		for _, key := range replaced[s.variable] {
			delete(values, key)
		}
	}
	if l.cfg.File == "" {
		l.applyAccount(document)
	} else if l.variable("WXPROXY_APP_ID") != "" {
		l.warn("", "WXPROXY_APP_ID and its secret count only without a file; they are not used")
	}
}

// applyAccount makes the one account that the environment can define.
func (l *loader) applyAccount(document map[string]any) {
	const account = "account[1]."
	l.variables[account+"app_id"] = "WXPROXY_APP_ID"
	l.variables[account+"secret"] = "WXPROXY_SECRET"
	l.variables[account+"secret_env"] = "WXPROXY_SECRET"
	l.variables[account+"secret_file"] = "WXPROXY_SECRET_FILE"

	appID, secret, file := l.variable("WXPROXY_APP_ID"), l.variable("WXPROXY_SECRET"), l.variable("WXPROXY_SECRET_FILE")
	switch {
	case appID == "" && secret == "" && file == "":
		return
	case secret == "" && file == "":
		l.report(account+"secret", "missing; set it to the AppSecret, or WXPROXY_SECRET_FILE to the path of a file")
	case secret != "" && file != "":
		l.report(account+"secret_env", "WXPROXY_SECRET_FILE is set, too; keep one of them")
	}
	values := map[string]any{"name": "default", "secret_file": file}
	if appID != "" {
		values["app_id"] = appID
	}
	if secret != "" {
		values["secret_env"] = "WXPROXY_SECRET"
	}
	document["account"] = []map[string]any{values}
}

func (l *loader) variable(name string) string {
	value, _ := l.lookupEnv(name)
	return value
}

// reportNoAccount says how to write one.
func (l *loader) reportNoAccount() {
	if l.cfg.File == "" {
		l.report("", "there is no account: set WXPROXY_APP_ID and WXPROXY_SECRET (or WXPROXY_SECRET_FILE), "+
			"or write a file and give it with -config; or try `wxproxy demo`, which needs none")
		return
	}
	l.report("account", "missing; add [[account]] with name, app_id and secret, or a [[platform]] "+
		"(WXPROXY_APP_ID and WXPROXY_SECRET count only without a file); or try `wxproxy demo`, which needs none")
}

// IsName reports whether s can name an account or a client.
func IsName(s string) bool { return isName(s) }

// isName reports whether s can name an account or a client.
func isName(s string) bool { return words.IsName(s) }

// count reads a positive number.
func (t *table) count(key string, into *int) bool { return t.number(key, 1, into) }

// limit reads a number where 0 means none.
func (t *table) limit(key string, into *int) bool { return t.number(key, 0, into) }

func (t *table) number(key string, least int64, into *int) bool {
	var number int64
	if !take(t, key, language.Phrase("a number without quotes"), &number) {
		return false
	}
	if number < least || number > math.MaxInt32 {
		t.wrong(key, "must be between %d and %d", least, math.MaxInt32)
		return false
	}
	*into = int(number)
	return true
}

// rate reads how often something may happen, as the time between two times.
func (t *table) rate(key string, into *time.Duration) bool {
	var text string
	if !t.text(key, &text) {
		return false
	}
	interval, err := parse.Rate(text)
	if err != nil {
		t.wrong(key, "%v", err)
		return false
	}
	*into = interval
	return true
}

// duration reads a text with a unit. The decoder would take a bare 5 for five
// nanoseconds.
func (t *table) duration(key string, into *time.Duration) bool {
	return parsed(t, key, parse.Duration, into)
}

func (t *table) size(key string, into *int) bool { return parsed(t, key, parse.Size, into) }

// parsed sets into to the value of key, as parse reads it.
func parsed[T any](t *table, key string, parse func(any) (T, error), into *T) bool {
	value, ok := t.value(key)
	if !ok {
		return false
	}
	typed, err := parse(value)
	if err != nil {
		t.wrong(key, "%v", err)
		return false
	}
	*into = typed
	return true
}

// level reads from which level on messages are logged.
func (t *table) level(key string, into *slog.Level) bool {
	var word string
	if !t.choice(key, &word, "debug", "info", "warn", "error") {
		return false
	}
	*into = levels[word]
	return true
}

// levels are the words for the levels.
var levels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}
