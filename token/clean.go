package token

import (
	"strings"
	"unicode"

	"wxproxy/internal/secret"
)

const (
	// maxReason is how many characters of a message of others are shown.
	maxReason = 300

	// longestWord is what an errmsg holds besides tokens, which have more than
	// a hundred characters: a UUID has 36.
	longestWord = 39
)

// clean returns text fit for a log and a caller: one line of valid UTF-8, not
// long, without secrets and without whatever looks like a token.
func clean(text string, secrets ...secret.Secret) string {
	values := make([]string, 0, len(secrets))
	for _, s := range secrets {
		values = append(values, s.Reveal())
	}
	text = strings.Map(printable, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
	text = withoutTokens(string(secret.Redact([]byte(text), secret.Hidden, values)))
	if runes := []rune(text); len(runes) > maxReason {
		return string(runes[:maxReason-1]) + "…"
	}
	return text
}

// printable drops the characters that print nothing, or something else.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return -1
	}
	return r
}

// withoutTokens hides what is too long for a word.
func withoutTokens(text string) string {
	var kept strings.Builder
	start := 0 // of the word
	for i, r := range text {
		if !ofToken(r) {
			kept.WriteString(wordOrHidden(text[start:i]))
			kept.WriteRune(r)
			start = i + len(string(r))
		}
	}
	kept.WriteString(wordOrHidden(text[start:]))
	return kept.String()
}

func wordOrHidden(word string) string {
	if len(word) > longestWord {
		return secret.Hidden
	}
	return word
}

// ofToken reports whether access tokens are made of characters like r.
func ofToken(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}
