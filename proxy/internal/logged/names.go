package logged

import (
	"bytes"

	"wxproxy/proxy/internal/target"
)

const (
	// maxNames is how many parameters of a query are logged.
	maxNames = 32

	// maxName is the length of the longest name that is logged.
	maxName = 32
)

// Names returns the names in a query for the log. What does not look like one, or has
// no value, could itself be a secret, as is what isSecret says: it is a "?".
func Names(query []byte, isSecret func(word []byte) bool) []string {
	found := []string{}
	for len(query) > 0 {
		var segment []byte
		segment, query = target.CutSegment(query)
		name, _, hasValue := bytes.Cut(segment, []byte("="))
		switch {
		case len(name) == 0 && !hasValue:
		case len(found) == maxNames:
			return append(found, "...")
		case hasValue && isPlainName(name) && !isSecret(name):
			found = append(found, string(name))
		default:
			found = append(found, "?")
		}
	}
	return found
}

// isPlainName reports whether name looks like those of WeChat's parameters: a
// secret that a program puts there by mistake has digits or capitals.
func isPlainName(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return 0 < len(name) && len(name) <= maxName
}
