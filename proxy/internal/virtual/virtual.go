// Package virtual makes and checks the tokens that callers get in the place of
// WeChat's: signed, good for one account, one client and two hours, and stored nowhere.
package virtual

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

const (
	// Life is how long a virtual token lives, in WeChat's own measure.
	Life = 7200 * time.Second

	// Grace is how much longer it is good: a program that counts from when the
	// answer came, or sends what it has taken a moment ago, is not refused.
	Grace = time.Minute

	// virtualSkew is how far the clock of the replica that issued it may be ahead.
	virtualSkew = time.Minute
)

// Prefix begins every virtual token and no token of WeChat's.
const Prefix = "wxp_"

// Why a virtual token is refused.
var (
	ErrForged    = errors.New("the virtual token was not issued here, or its client or account is gone, or the client's key was changed; fetch a new one")
	ErrExpired   = errors.New("the virtual token has expired; fetch a new one")
	ErrMisplaced = errors.New("a virtual token is none that this path takes")
)

// An ID names an account or a client within a virtual token: the beginning
// of its name's hash, so that every token is equally long.
type ID [8]byte

// IDOf returns the ID of what is called name.
func IDOf(name string) ID {
	sum := sha256.Sum256([]byte(name))
	return ID(sum[:])
}

// A Key signs virtual tokens. It is derived from the client's key, so that
// replicas and restarts agree without a store and a new key of the client ends its
// tokens; where no key is asked for, from the app_id, which protects nothing. It
// is never derived from the AppSecret: an SDK that does not fetch again must
// outlive a new one.
type Key [sha256.Size]byte

// NewKey returns the key that a deployment makes of secret, so that the
// tokens of one are none of another's.
func NewKey(deployment string, secret []byte) Key {
	return Key(sha256.Sum256(append([]byte(deployment+" virtual token 1\n"), secret...)))
}

// Keys are all that prove a token. The first one signs new ones.
type Keys []Key

// The signed part of a virtual token: its version, its end in Unix seconds, the
// account and the client, zero for none.
const (
	virtualVersion = 1
	signedSize     = 1 + 8 + 2*len(ID{})
	virtualSize    = signedSize + sha256.Size
)

var virtualEncoding = base64.RawURLEncoding.Strict()

// A virtual is a virtual token, taken apart.
type virtual struct {
	Account, Client ID
	expires         time.Time
	signed          [signedSize]byte
	signature       [sha256.Size]byte
}

// New returns the text of a token for an account and a client.
func New(account, client ID, expires time.Time, key *Key) string {
	v := virtual{Account: account, Client: client}
	v.signed[0] = virtualVersion
	binary.BigEndian.PutUint64(v.signed[1:], uint64(expires.Unix()))
	copy(v.signed[9:], account[:])
	copy(v.signed[9+len(account):], client[:])
	v.signature = key.sign(&v.signed)
	return Prefix + virtualEncoding.EncodeToString(append(v.signed[:], v.signature[:]...))
}

// parse takes text apart, which begins with the prefix. Nothing in it is to be
// believed before check.
func (v *virtual) parse(text []byte) error {
	text = text[len(Prefix):]
	var raw [virtualSize]byte
	if len(text) != virtualEncoding.EncodedLen(virtualSize) || bytes.ContainsAny(text, "\r\n") {
		return ErrForged
	}
	if n, err := virtualEncoding.Decode(raw[:], text); err != nil || n != virtualSize || raw[0] != virtualVersion {
		return ErrForged
	}
	v.signed, v.signature = [signedSize]byte(raw[:]), [sha256.Size]byte(raw[signedSize:])
	v.expires = time.Unix(int64(binary.BigEndian.Uint64(raw[1:])), 0)
	v.Account, v.Client = ID(raw[9:]), ID(raw[9+len(ID{}):])
	return nil
}

// isSignedBy reports whether v was signed with key.
func (v *virtual) isSignedBy(key *Key) bool {
	signature := key.sign(&v.signed)
	return subtle.ConstantTimeCompare(signature[:], v.signature[:]) == 1
}

// checkTime reports why v is not good at now. One that would live for longer than
// those that are issued was made by somebody who has read a key_sha256.
func (v *virtual) checkTime(now time.Time) error {
	switch rest := v.expires.Sub(now); {
	case rest > Life+virtualSkew:
		return ErrForged
	case rest <= -Grace:
		return ErrExpired
	}
	return nil
}

// A LastToken is the virtual token that was shown last, and the key that has
// proven it. Most programs show the same one for two hours.
type LastToken struct {
	Text  []byte // empty: none that can be read
	Token virtual
	proof *Key // nil: it is not proven
}

// Take makes text, which begins with the prefix, the one that was shown last. The
// time that it takes says no more than keyHash.of does.
func (l *LastToken) Take(text []byte) error {
	if len(l.Text) > 0 && subtle.ConstantTimeCompare(l.Text, text) == 1 {
		return nil
	}
	l.Text, l.proof = l.Text[:0], nil
	if err := l.Token.parse(text); err != nil {
		return err
	}
	l.Text = append(l.Text, text...)
	return nil
}

// Check reports why what was shown is not good at now.
func (l *LastToken) Check(keys Keys, now time.Time) error {
	for i := range keys {
		if l.proof == &keys[i] {
			return l.Token.checkTime(now)
		}
	}
	for i := range keys {
		if l.Token.isSignedBy(&keys[i]) {
			l.proof = &keys[i]
			return l.Token.checkTime(now)
		}
	}
	return ErrForged
}

// sign returns the HMAC-SHA-256 of signed. It is written out because package
// hmac allocates, and this is done for each request.
func (k *Key) sign(signed *[signedSize]byte) [sha256.Size]byte {
	var inner [sha256.BlockSize + signedSize]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	for i := range sha256.BlockSize {
		inner[i], outer[i] = 0x36, 0x5c
	}
	for i, b := range k {
		inner[i] ^= b
		outer[i] ^= b
	}
	copy(inner[sha256.BlockSize:], signed[:])
	sum := sha256.Sum256(inner[:])
	copy(outer[sha256.BlockSize:], sum[:])
	return sha256.Sum256(outer[:])
}
