package virtual

import "crypto/sha256"

// A Key signs virtual tokens. It is derived from the client's key, so that replicas
// and restarts agree without a store, and a new key of the client ends its tokens. Where
// callers need no key it is derived from the app_id, which protects nothing. It is
// never derived from the AppSecret: an SDK that does not fetch again must outlive a new
// AppSecret.
type Key [sha256.Size]byte

// NewKey returns the key that a deployment makes of secret. Another deployment makes
// another key of it, and accepts none of the tokens.
func NewKey(deployment string, secret []byte) Key {
	return Key(sha256.Sum256(append([]byte(deployment+" virtual token 1\n"), secret...)))
}

// Keys are all keys that prove a token.
type Keys []Key

// sign returns the HMAC-SHA-256 of signed, which has at most maxSigned bytes. It is written
// out because package hmac allocates, and this is done for each request.
func (k *Key) sign(signed []byte) [sha256.Size]byte {
	var inner [sha256.BlockSize + maxSigned]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	for i := range sha256.BlockSize {
		inner[i], outer[i] = 0x36, 0x5c
	}
	for i, b := range k {
		inner[i] ^= b
		outer[i] ^= b
	}
	size := sha256.BlockSize + copy(inner[sha256.BlockSize:], signed)
	sum := sha256.Sum256(inner[:size])
	copy(outer[sha256.BlockSize:], sum[:])
	return sha256.Sum256(outer[:])
}
