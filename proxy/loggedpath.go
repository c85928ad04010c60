package proxy

import (
	"strings"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/wire"
)

// longestWord is what a path of WeChat's has between two slashes, at most: an
// AppSecret has 32 characters, tokens and keys have more.
const longestWord = 31

// loggedPath returns path as a log may show it. A caller who confuses path and
// query has put its token or key there: all from the first sign of a parameter on
// is hidden, and so is a word that is too long for one, or a secret.
func loggedPath(path []byte, hides func([]byte) bool) string {
	var shown strings.Builder
	start := 0 // of the word
	for i := range path {
		if beginsParameter(path[i:]) {
			return shown.String() + shownWord(path[start:i], hides) + masked
		}
		if !ofToken(path[i]) {
			shown.WriteString(shownWord(path[start:i], hides))
			shown.WriteByte(path[i])
			start = i + 1
		}
	}
	return shown.String() + shownWord(path[start:], hides)
}

// masked stands for what is not shown.
const masked = "***"

func shownWord(word []byte, hides func([]byte) bool) string {
	switch {
	case len(word) > longestWord:
		return masked
	case hides(word):
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
