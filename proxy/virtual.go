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

const (
	// virtualLife is how long a virtual token lives, in WeChat's own measure.
	virtualLife = 7200 * time.Second

	// virtualGrace is how much longer it is good: a program that counts from when the
	// answer came, or sends what it has taken a moment ago, is not refused.
	virtualGrace = time.Minute

	// virtualSkew is how far the clock of the replica that issued it may be ahead.
	virtualSkew = time.Minute
)

// virtualPrefix begins every virtual token and no token of WeChat's.
const virtualPrefix = "wxp_"

// Why a virtual token is refused.
var (
	errForged    = errors.New("the virtual token was not issued here, or its client or account is gone, or the client's key was changed; fetch a new one")
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

// A signingKey signs virtual tokens. It is derived from the client's key, so that
// replicas and restarts agree without a store and a new key of the client ends its
// tokens; where no key is asked for, from the app_id, which protects nothing. It
// is never derived from the AppSecret: an SDK that does not fetch again must
// outlive a new one.
type signingKey [sha256.Size]byte

// newSigningKey returns the key that a deployment makes of secret, so that the
// tokens of one are none of another's.
func newSigningKey(deployment string, secret []byte) signingKey {
	return signingKey(sha256.Sum256(append([]byte(deployment+" virtual token 1\n"), secret...)))
}

// signingKeys are all that prove a token. The first one signs new ones.
type signingKeys []signingKey

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

// isSignedBy reports whether v was signed with key.
func (v *virtual) isSignedBy(key *signingKey) bool {
	signature := key.sign(&v.signed)
	return subtle.ConstantTimeCompare(signature[:], v.signature[:]) == 1
}

// checkTime reports why v is not good at now. One that would live for longer than
// those that are issued was made by somebody who has read a key_sha256.
func (v *virtual) checkTime(now time.Time) error {
	switch rest := v.expires.Sub(now); {
	case rest > virtualLife+virtualSkew:
		return errForged
	case rest <= -virtualGrace:
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
func (l *lastVirtual) check(keys signingKeys, now time.Time) error {
	for i := range keys {
		if l.proof == &keys[i] {
			return l.token.checkTime(now)
		}
	}
	for i := range keys {
		if l.token.isSignedBy(&keys[i]) {
			l.proof = &keys[i]
			return l.token.checkTime(now)
		}
	}
	return errForged
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
