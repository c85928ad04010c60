// Package logged says what a log may show of a request: a caller who confuses path and
// query has put its token or key where nobody looks for it.
package logged

import (
	"bytes"
	"net/url"
	"strings"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/wire"
)

// longestWord is what nearly all paths of WeChat's have between two slashes, at most: an
// AppSecret has 32 characters, tokens and keys have more. The proxy knows the others.
const longestWord = 31

// Path returns path as a log may show it: without words that are secrets, as they are
// or encoded, or too long for a path of WeChat's, and without all that follows the
// first sign of a parameter.
func Path(path []byte, isSecret func(word []byte) bool) string {
	isSecret = decoded(isSecret)
	segments := bytes.Split(path, []byte("/"))
	for i, segment := range segments {
		if isSecret(segment) {
			segments[i] = []byte(secret.Mask)
		}
	}
	return withoutParameters(bytes.Join(segments, []byte("/")), isSecret)
}

// A LastPath remembers the path that was shown last, if it was shown as it is: another line
// with it shows nothing new. The zero value remembers none.
type LastPath struct{ shown string }

// Of returns what show makes of path, as the function Path does.
func (l *LastPath) Of(path []byte, show func(path []byte) string) string {
	if string(path) == l.shown {
		return l.shown
	}
	shown := show(path)
	if string(path) == shown {
		l.shown = shown
	}
	return shown
}

// decoded returns isSecret for words that may be encoded.
func decoded(isSecret func(word []byte) bool) func(word []byte) bool {
	return func(word []byte) bool {
		if isSecret(word) {
			return true
		}
		if bytes.IndexByte(word, '%') < 0 {
			return false
		}
		plain, err := url.PathUnescape(string(word))
		return err == nil && isSecret([]byte(plain))
	}
}

// withoutParameters returns path word by word, up to the first sign of a parameter.
func withoutParameters(path []byte, isSecret func([]byte) bool) string {
	var shown strings.Builder
	start := 0 // of the word
	for i := range path {
		if beginsParameter(path[i:]) {
			return shown.String() + shownWord(path[start:i], isSecret) + Masked
		}
		if !ofToken(path[i]) {
			shown.WriteString(shownWord(path[start:i], isSecret))
			shown.WriteByte(path[i])
			start = i + 1
		}
	}
	return shown.String() + shownWord(path[start:], isSecret)
}

// Masked stands for what is not shown.
const Masked = "***"

func shownWord(word []byte, isSecret func([]byte) bool) string {
	switch {
	case len(word) > longestWord:
		return Masked
	case isSecret(word):
		return secret.Mask
	}
	return string(word)
}

// beginsParameter reports whether rest begins with what parts names and values in
// a query, or a query from a path, encoded or not. Another encoding may be below
// an encoded '%'.
func beginsParameter(rest []byte) bool {
	if rest[0] != '%' {
		return strings.IndexByte("=&;", rest[0]) >= 0
	}
	c, ok := wire.Unhex(rest[1:])
	return ok && strings.IndexByte("=&;?#%", c) >= 0
}

// ofToken reports whether tokens and keys are made of bytes like c. One of them
// that is percent-encoded is hidden, too.
func ofToken(c byte) bool {
	return 'a' <= wire.Lower(c) && wire.Lower(c) <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '%'
}
