package secret

import (
	"strings"
	"unicode"
)

const (
	// MaxQuote is how many characters a quotation has at most.
	MaxQuote = 300

	// longestWord is the length up to which a word is taken for no token. Tokens have more
	// than a hundred characters; the longest other word of an errmsg, a UUID, has 36.
	longestWord = 39
)

// Quote returns what others wrote, fit for a log and a caller: one line of valid UTF-8,
// no longer than [MaxQuote], redacted as [Redact] does it, and without whatever else
// looks like a token.
func Quote(text string, secrets ...Secret) string { return Excerpt(text, MaxQuote, secrets...) }

// Excerpt does that with another length.
func Excerpt(text string, most int, secrets ...Secret) string {
	values := make([]string, 0, len(secrets))
	for _, s := range secrets {
		values = append(values, s.Reveal())
	}
	text = strings.Map(printable, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
	text = withoutTokens(string(Redact([]byte(text), Mask, values)))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// printable drops the characters that a terminal does not print.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return -1
	}
	return r
}

// withoutTokens redacts the words that are as long as tokens.
func withoutTokens(text string) string {
	var kept strings.Builder
	start := 0 // of the word
	for i, r := range text {
		if !isOfToken(r) {
			kept.WriteString(redactedWord(text[start:i]))
			kept.WriteRune(r)
			start = i + len(string(r))
		}
	}
	kept.WriteString(redactedWord(text[start:]))
	return kept.String()
}

func redactedWord(word string) string {
	if len(word) > longestWord {
		return Mask
	}
	return word
}

// isOfToken reports whether access tokens are made of characters like r.
func isOfToken(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}
