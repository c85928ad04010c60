package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
)

// A keyHash is the hash of the key that was shown last. Most programs have one and
// show it each time, and hashing costs more than all else that is decided.
type keyHash struct {
	key []byte
	sum [sha256.Size]byte
}

// maxKeptKey bounds the key that is remembered.
const maxKeptKey = 256

// of returns the hash of key. The time that it takes says nothing of the last key
// but whether it is the same, or as long.
func (h *keyHash) of(key []byte) *[sha256.Size]byte {
	if len(h.key) == 0 || subtle.ConstantTimeCompare(h.key, key) == 0 {
		h.key, h.sum = h.key[:0], sha256.Sum256(key)
		if len(key) <= maxKeptKey {
			h.key = append(h.key, key...)
		}
	}
	return &h.sum
}
