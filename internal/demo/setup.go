package demo

import (
	"crypto/sha256"
	"encoding/hex"
)

// secretOf returns the secret of a simulated account. It is the same at each start, so that a
// configuration that was written for one demo is good for the next, and as long as those of
// the API are: check remarks on others.
func secretOf(id string, length int) string {
	sum := sha256.Sum256([]byte("wxproxy demo " + id))
	return hex.EncodeToString(sum[:])[:length]
}

// lookup returns an environment of these variables alone.
func lookup(set map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := set[name]
		return value, ok
	}
}
