package words

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"wxproxy/internal/language"
)

// MayShow reports whether a value of key may be shown: it is no secret that was
// written in the wrong place.
func MayShow(key, value string) bool {
	path, isFile := strings.CutPrefix(value, "file:")
	if isFile || strings.HasSuffix(key, "_file") || strings.HasPrefix(key, "proxy.tls_") {
		return LooksLikePath(path)
	}
	return LooksPublic(value)
}

// Folder returns a directory as one would give it to a shell.
func Folder(dir string) error {
	if strings.ContainsFunc(dir, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`'"$\`+"`", r) }) {
		return language.Phrase("its directory")
	}
	return language.Textf("%s", dir)
}

// LongestShown is how much of a line a value may take.
const LongestShown = 200

// LooksPublic reports whether text does not look like a secret: it has neither a
// password of a URL nor a long word with digits in it.
func LooksPublic(text string) bool {
	if len(text) > LongestShown || strings.ContainsFunc(text, Unprintable) || strings.ContainsAny(text, "@?") {
		return false
	}
	for _, between := range []string{wordAlphabet, wordAlphabet + "/"} { // base64 has slashes
		parts := strings.FieldsFunc(text, func(r rune) bool { return !strings.ContainsRune(between, r) })
		for _, word := range parts {
			if MayBeSecret(word) {
				return false
			}
		}
		if strings.Contains(text, "://") {
			break // its slashes are those of a URL
		}
	}
	return true
}

const wordAlphabet = NameAlphabet + "+="

// Unprintable reports whether a character is nothing for a line of text.
func Unprintable(r rune) bool { return r < ' ' || r == 0x7f || !strconv.IsPrint(r) }

// LooksLikePath reports whether text, in the place of a file's name, is one and no
// secret: whole, and with a directory before it or a kind of file behind.
func LooksLikePath(text string) bool {
	if len(text) > 2*LongestShown || strings.ContainsFunc(text, Unprintable) {
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
			return LooksPublic(text)
		}
	}
	return strings.Contains(text, "/") && LooksPublic(text)
}

// Quoted returns a name between back quotes, or a phrase for it when it is
// nothing that one would want on a terminal.
func Quoted(name string) *language.Text {
	if !IsName(name) {
		return language.Textf("(not a plain word)")
	}
	if MayBeSecret(name) {
		return language.Textf("(a word of %d characters)", len(name))
	}
	return language.Textf("`%s`", name)
}

// MayBeSecret reports whether name looks like a secret in the wrong place: those
// that WeChat, wxproxy key and openssl make are long and have digits, or else
// capitals among other letters.
func MayBeSecret(name string) bool {
	return len(name) >= 20 && (strings.ContainsAny(name, "0123456789") || name != strings.ToLower(name) && name != strings.ToUpper(name))
}
