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

	// grace is how much longer it is accepted, for a program that counts from when the
	// answer came, or sends a token that it took a moment ago.
	grace = time.Minute

	// clockSkew is how far ahead the clock of the replica that issued a token may be.
	clockSkew = time.Minute
)

// Prefix begins every virtual token and no token of WeChat's.
const Prefix = "wxp_"

// The reasons to refuse a virtual token.
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

// The signed part of a virtual token has its version, its end in Unix seconds, the
// account, and the client, which is zero for none.
const (
	version    = 1
	signedSize = 1 + 8 + 2*len(ID{})
	tokenSize  = signedSize + sha256.Size
)

var encoding = base64.RawURLEncoding.Strict()

// A Token is a virtual token, taken apart.
type Token struct {
	Account, Client ID
	expires         time.Time
	signed          [signedSize]byte
	signature       [sha256.Size]byte
}

// New returns the text of a token for an account and a client.
func New(account, client ID, expires time.Time, key *Key) string {
	t := Token{Account: account, Client: client}
	t.signed[0] = version
	binary.BigEndian.PutUint64(t.signed[1:], uint64(expires.Unix()))
	copy(t.signed[9:], account[:])
	copy(t.signed[9+len(account):], client[:])
	t.signature = key.sign(&t.signed)
	return Prefix + encoding.EncodeToString(append(t.signed[:], t.signature[:]...))
}

// parse takes text apart, which begins with the prefix. Nothing in it may be
// believed before its signature was checked.
func (t *Token) parse(text []byte) error {
	text = text[len(Prefix):]
	var raw [tokenSize]byte
	if len(text) != encoding.EncodedLen(tokenSize) || bytes.ContainsAny(text, "\r\n") {
		return ErrForged
	}
	if n, err := encoding.Decode(raw[:], text); err != nil || n != tokenSize || raw[0] != version {
		return ErrForged
	}
	t.signed, t.signature = [signedSize]byte(raw[:]), [sha256.Size]byte(raw[signedSize:])
	t.expires = time.Unix(int64(binary.BigEndian.Uint64(raw[1:])), 0)
	t.Account, t.Client = ID(raw[9:]), ID(raw[9+len(ID{}):])
	return nil
}

// isSignedBy reports whether t was signed with key.
func (t *Token) isSignedBy(key *Key) bool {
	signature := key.sign(&t.signed)
	return subtle.ConstantTimeCompare(signature[:], t.signature[:]) == 1
}

// checkTime returns why t is refused at now. A token that would live for longer than
// the proxy's own was made by somebody who has read a key_sha256.
func (t *Token) checkTime(now time.Time) error {
	switch rest := t.expires.Sub(now); {
	case rest > Life+clockSkew:
		return ErrForged
	case rest <= -grace:
		return ErrExpired
	}
	return nil
}

// A LastToken is the virtual token that was shown last, and the key that has
// proven it. Most programs show the same token for two hours.
type LastToken struct {
	Text  []byte // empty: there is none that can be parsed
	Token Token
	proof *Key // nil: no key has proven it
}

// Parse makes text, which begins with the prefix, the token that was shown last. It
// compares texts in constant time, so that the time of an answer tells nobody how much
// of a guessed token is right.
func (l *LastToken) Parse(text []byte) error {
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

// Check returns why the token that was shown last is refused at now, nil if it is
// good.
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
