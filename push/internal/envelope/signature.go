package envelope

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"slices"

	"wxproxy/internal/secret"
)

// Signature returns the signature of parts by token: of timestamp and nonce, and of what
// is encrypted.
func Signature(token secret.Secret, parts ...string) string {
	all := append([]string{token.Reveal()}, parts...)
	slices.Sort(all)
	size := 0
	for _, part := range all {
		size += len(part)
	}
	joined := make([]byte, 0, size)
	for _, part := range all {
		joined = append(joined, part...)
	}
	sum := sha1.Sum(joined)
	return hex.EncodeToString(sum[:])
}

// Verify reports whether signature is that of parts by token, in a time that does not
// tell how much of it is right. An empty token verifies nothing.
func Verify(signature string, token secret.Secret, parts ...string) bool {
	right := Signature(token, parts...)
	return !token.Empty() && subtle.ConstantTimeCompare([]byte(signature), []byte(right)) == 1
}
