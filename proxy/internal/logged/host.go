package logged

import (
	"strings"

	"wxproxy/internal/secret"
)

// maxHost is how long the name of a host can be.
const maxHost = 255

// Host returns the host that a caller sent as a log may show it.
func Host(host []byte, isSecret func(word []byte) bool) string {
	host = host[:min(len(host), maxHost)]
	return strings.Map(maskInvisible, Path(host, isSecret))
}

// maskInvisible returns c, or a question mark if no host can have c.
func maskInvisible(c rune) rune {
	if secret.Invisible(c) {
		return '?'
	}
	return c
}
