// Package lastkey remembers the hash of the key that was shown last.
package lastkey

import (
	"crypto/sha256"
	"crypto/subtle"
)

// A Hash is the hash of the last key. Most programs send the same key each time, and
// hashing it takes longer than all other decisions about a request.
type Hash struct {
	key []byte
	Sum [sha256.Size]byte
}

// maxKeptKey bounds the key that is remembered.
const maxKeptKey = 256

// Of returns the hash of key. The time that it takes tells of the last key only whether
// key is the same, or has the same length.
func (h *Hash) Of(key []byte) *[sha256.Size]byte {
	if len(h.key) == 0 || subtle.ConstantTimeCompare(h.key, key) == 0 {
		h.key, h.Sum = h.key[:0], sha256.Sum256(key)
		if len(key) <= maxKeptKey {
			h.key = append(h.key, key...)
		}
	}
	return &h.Sum
}
