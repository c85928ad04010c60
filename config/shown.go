package config

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wxproxy/internal/secret"
)

// shown returns the end of a message about key, which says its value; nothing if the
// value does not help, stands in the message already, or could be a secret.
func (l *loader) shown(key, message string) string {
	if l.sensitive[key] || strings.HasSuffix(key, "_sha256") || strings.HasSuffix(key, "_env") {
		return ""
	}
	text := ""
	switch value := valueOf(l.document, key).(type) {
	case string:
		if value == "" || !mayShow(key, value) || strings.Contains(message, "`"+value+"`") {
			return ""
		}
		text = strconv.Quote(value)
	case int64, float64:
		text = fmt.Sprint(value)
	case time.Time:
		text = value.Format(time.RFC3339)
	default:
		return ""
	}
	return " (it is " + text + ")"
}

// mayShow reports whether a value of key may be shown: it is no secret that was
// written in the wrong place.
func mayShow(key, value string) bool {
	path, isFile := strings.CutPrefix(value, "file:")
	if isFile || strings.HasSuffix(key, "_file") || strings.HasPrefix(key, "proxy.tls_") {
		return looksLikePath(path)
	}
	return looksPublic(value)
}

// at returns the item of a list that has the index, counted from one.
func at[T any](list []T, index string) any {
	if i, err := strconv.Atoi(index); err == nil && i >= 1 && i <= len(list) {
		return list[i-1]
	}
	return nil
}

// valueOf finds what a key such as "upstream.fallback_urls[2]" stands for.
func valueOf(value any, key string) any {
	for part := range strings.SplitSeq(key, ".") {
		name, index, indexed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		table, _ := value.(map[string]any)
		value = table[name]
		if !indexed {
			continue
		}
		switch list := value.(type) {
		case []any:
			value = at(list, index)
		case []map[string]any:
			value = at(list, index)
		}
	}
	return value
}

// shownPath returns a directory as one would give it to a shell.
func shownPath(dir string) string {
	if strings.ContainsFunc(dir, func(r rune) bool { return secret.Invisible(r) || strings.ContainsRune(`'"$\`+"`", r) }) {
		return "its directory"
	}
	return dir
}

// longestShown is how much of a line a value may take.
const longestShown = 200

// looksPublic reports whether text does not look like a secret: it has neither a
// password of a URL nor a long word with digits in it.
func looksPublic(text string) bool {
	if len(text) > longestShown || strings.ContainsFunc(text, notShown) || strings.ContainsAny(text, "@?") {
		return false
	}
	for _, between := range []string{wordAlphabet, wordAlphabet + "/"} { // base64 has slashes
		words := strings.FieldsFunc(text, func(r rune) bool { return !strings.ContainsRune(between, r) })
		for _, word := range words {
			if mayBeSecret(word) {
				return false
			}
		}
		if strings.Contains(text, "://") {
			break // its slashes are those of a URL
		}
	}
	return true
}

const wordAlphabet = nameAlphabet + "+="

func notShown(r rune) bool { return r < ' ' || r == 0x7f || !strconv.IsPrint(r) }

// looksLikePath reports whether text, in the place of a file's name, is one and no
// secret: whole, and with a directory before it or a kind of file behind.
func looksLikePath(text string) bool {
	if len(text) > 2*longestShown || strings.ContainsFunc(text, notShown) {
		return false
	}
	if key, err := base64.StdEncoding.DecodeString(text); err == nil && len(key) == 32 {
		return false
	}
	for part := range strings.SplitSeq(text, "/") {
		if _, err := hex.DecodeString(part); err == nil && len(part) >= 16 {
			return false
		}
	}
	if strings.HasPrefix(text, "/") || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") {
		return true
	}
	name := text[strings.LastIndexByte(text, '/')+1:]
	for _, kind := range []string{".pem", ".crt", ".cer", ".key", ".txt", ".secret", ".env", ".toml", ".conf"} {
		if strings.HasSuffix(name, kind) {
			return looksPublic(text)
		}
	}
	return strings.Contains(text, "/") && looksPublic(text)
}

// quoted returns a name between back quotes, or a phrase for it when it is
// nothing that one would want on a terminal.
func quoted(name string) string {
	if !isName(name) {
		return "(not a plain word)"
	}
	if mayBeSecret(name) {
		return fmt.Sprintf("(a word of %d characters)", len(name))
	}
	return "`" + name + "`"
}

// mayBeSecret reports whether name looks like a secret in the wrong place: those
// that WeChat, wxproxy key and openssl make are long and have digits, or else
// capitals among other letters.
func mayBeSecret(name string) bool {
	return len(name) >= 20 && (strings.ContainsAny(name, "0123456789") || name != strings.ToLower(name) && name != strings.ToUpper(name))
}
