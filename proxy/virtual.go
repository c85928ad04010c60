package proxy

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// virtualLife is how long a virtual token is good, in WeChat's own measure.
const virtualLife = 7200 * time.Second

// virtualPrefix begins every virtual token and no token of WeChat's.
const virtualPrefix = "wxp_"

// Why a virtual token is refused.
var (
	errForged    = errors.New("the virtual token was not issued here, or its client or account is gone; fetch a new one")
	errExpired   = errors.New("the virtual token has expired; fetch a new one")
	errMisplaced = errors.New("a virtual token is none that this path takes")
)

// An identity names an account or a client within a virtual token: the beginning
// of its name's hash, so that every token is equally long.
type identity [8]byte

func identityOf(name string) identity {
	sum := sha256.Sum256([]byte(name))
	return identity(sum[:])
}

// A signingKey signs virtual tokens. It is derived from what only the proxy and
// the one who fetches the token know, so that replicas and restarts agree
// without a store, and a new key of the client ends its tokens.
type signingKey [sha256.Size]byte

func newSigningKey(secret []byte) signingKey {
	return signingKey(sha256.Sum256(append([]byte("wxproxy virtual token 1\n"), secret...)))
}

// The signed part of a virtual token: its version, its end in Unix seconds, the
// account and the client, zero for none.
const (
	virtualVersion = 1
	signedSize     = 1 + 8 + 2*len(identity{})
	virtualSize    = signedSize + sha256.Size
)

var virtualEncoding = base64.RawURLEncoding.Strict()

// A virtual is a virtual token, taken apart.
type virtual struct {
	account, client identity
	expires         time.Time
	signed          [signedSize]byte
	signature       [sha256.Size]byte
}

// newVirtual returns the text of a token for an account and a client.
func newVirtual(account, client identity, expires time.Time, key *signingKey) string {
	v := virtual{account: account, client: client}
	v.signed[0] = virtualVersion
	binary.BigEndian.PutUint64(v.signed[1:], uint64(expires.Unix()))
	copy(v.signed[9:], account[:])
	copy(v.signed[9+len(account):], client[:])
	v.signature = key.sign(&v.signed)
	return virtualPrefix + virtualEncoding.EncodeToString(append(v.signed[:], v.signature[:]...))
}

// parse takes text apart, which begins with the prefix. Nothing in it is to be
// believed before check.
func (v *virtual) parse(text []byte) error {
	text = text[len(virtualPrefix):]
	var raw [virtualSize]byte
	if len(text) != virtualEncoding.EncodedLen(virtualSize) || bytes.ContainsAny(text, "\r\n") {
		return errForged
	}
	if n, err := virtualEncoding.Decode(raw[:], text); err != nil || n != virtualSize || raw[0] != virtualVersion {
		return errForged
	}
	v.signed, v.signature = [signedSize]byte(raw[:]), [sha256.Size]byte(raw[signedSize:])
	v.expires = time.Unix(int64(binary.BigEndian.Uint64(raw[1:])), 0)
	v.account, v.client = identity(raw[9:]), identity(raw[9+len(identity{}):])
	return nil
}

// check reports why v is not good at now: key is its signer's.
func (v *virtual) check(key *signingKey, now time.Time) error {
	signature := key.sign(&v.signed)
	if subtle.ConstantTimeCompare(signature[:], v.signature[:]) != 1 {
		return errForged
	}
	return v.checkTime(now)
}

func (v *virtual) checkTime(now time.Time) error {
	if !now.Before(v.expires) {
		return errExpired
	}
	return nil
}

// A lastVirtual is the virtual token that was shown last, and the key that has
// proven it. Most programs show the same one for two hours.
type lastVirtual struct {
	text  []byte // empty: none that can be read
	token virtual
	proof *signingKey // nil: it is not proven
}

// take makes text, which begins with the prefix, the one that was shown last. The
// time that it takes says no more than keyHash.of does.
func (l *lastVirtual) take(text []byte) error {
	if len(l.text) > 0 && subtle.ConstantTimeCompare(l.text, text) == 1 {
		return nil
	}
	l.text, l.proof = l.text[:0], nil
	if err := l.token.parse(text); err != nil {
		return err
	}
	l.text = append(l.text, text...)
	return nil
}

// check reports why what was shown is not good at now.
func (l *lastVirtual) check(key *signingKey, now time.Time) error {
	if l.proof == key {
		return l.token.checkTime(now)
	}
	err := l.token.check(key, now)
	if err == nil {
		l.proof = key
	}
	return err
}

// sign returns the HMAC-SHA-256 of signed. It is written out because package
// hmac allocates, and this is done for each request.
func (k *signingKey) sign(signed *[signedSize]byte) [sha256.Size]byte {
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
