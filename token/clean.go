package token

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

const (
	// maxReason is how many characters of a message of others are shown.
	maxReason = 300

	// longestWord is what an errmsg holds besides tokens, which have more than
	// a hundred characters: a UUID has 36.
	longestWord = 39
)

// credentialValue matches a credential in a URL, a form or JSON, whether or not its
// separator is escaped: however short, what stands there is nobody's to see.
const credentialValue = `(?i)((?:access_token|secret)(?:=|%3d|\\?"\s*:\s*\\?"))[^&"\\%\s]+`

// clean returns text fit for a log and a caller: one line of valid UTF-8, not
// long, without secrets and without whatever looks like a token.
func clean(text string, secrets ...Secret) string {
	text = strings.Map(printable, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
	for _, s := range secrets {
		for _, spelling := range []string{s.Reveal(), url.QueryEscape(s.Reveal()), url.PathEscape(s.Reveal())} {
			if spelling != "" {
				text = strings.ReplaceAll(text, spelling, hidden)
			}
		}
	}
	text = regexp.MustCompile(credentialValue).ReplaceAllString(text, "${1}"+hidden) // compiled here: failures are rare
	text = withoutTokens(text)
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
		return hidden
	}
	return word
}

// ofToken reports whether access tokens are made of characters like r.
func ofToken(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}
