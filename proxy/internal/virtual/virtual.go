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
	ErrMisplaced = errors.New("this path takes no virtual token; leave it out, or give the credential that the API asks for")
)

// An ID names an account or a client within a virtual token: the beginning
// of its name's hash, so that every token is equally long.
type ID [8]byte

// IDOf returns the ID of what is called name.
func IDOf(name string) ID {
	sum := sha256.Sum256([]byte(name))
	return ID(sum[:])
}

// The signed part of a virtual token has its version, its end in Unix seconds, the
// account, and the client, which is zero for none. For an account of a third-party
// platform, account is the platform, and the account's appid stands behind it all: a proxy
// that never heard of a hundred thousand such accounts has to find the one that is meant.
const (
	version         = 1
	platformVersion = 2
	signedSize      = 1 + 8 + 2*len(ID{})
	maxAppID        = 64
	maxSigned       = signedSize + maxAppID
	maxToken        = maxSigned + sha256.Size
)

var encoding = base64.RawURLEncoding.Strict()

// A Token is a virtual token, taken apart.
type Token struct {
	Account, Client ID
	expires         time.Time
	signed          [maxSigned]byte
	size            int // of what is signed
	signature       [sha256.Size]byte
}

// AppID returns the appid of a platform's account, which the next Parse changes; empty: the
// token is for another account.
func (t *Token) AppID() []byte { return t.signed[signedSize:max(t.size, signedSize)] }

// New returns the text of a token for an account and a client.
func New(account, client ID, expires time.Time, key *Key) string {
	t := Token{Account: account, Client: client, expires: expires}
	return t.text(version, "", key)
}

// NewOfPlatform returns the text of a token for an account of a platform; ids are the
// platform and the client.
func NewOfPlatform(appID string, ids [2]ID, expires time.Time, key *Key) string {
	t := Token{Account: ids[0], Client: ids[1], expires: expires}
	return t.text(platformVersion, appID, key)
}

// text signs t and returns its text.
func (t *Token) text(version byte, appID string, key *Key) string {
	t.size = signedSize + min(len(appID), maxAppID)
	t.signed[0] = version
	binary.BigEndian.PutUint64(t.signed[1:], uint64(t.expires.Unix()))
	copy(t.signed[9:], t.Account[:])
	copy(t.signed[9+len(t.Account):], t.Client[:])
	copy(t.signed[signedSize:], appID)
	t.signature = key.sign(t.signed[:t.size])
	return Prefix + encoding.EncodeToString(append(t.signed[:t.size:t.size], t.signature[:]...))
}

// parse takes text apart, which begins with the prefix. Nothing in it may be
// believed before its signature was checked.
func (t *Token) parse(text []byte) error {
	text = text[len(Prefix):]
	var raw [maxToken]byte
	size := encoding.DecodedLen(len(text))
	if size < signedSize+sha256.Size || size > maxToken || bytes.ContainsAny(text, "\r\n") {
		return ErrForged
	}
	n, err := encoding.Decode(raw[:], text)
	size -= sha256.Size
	isOfPlatform := raw[0] == platformVersion && size > signedSize
	if err != nil || n != size+sha256.Size || !isOfPlatform && (raw[0] != version || size != signedSize) {
		return ErrForged
	}
	t.size = copy(t.signed[:], raw[:size])
	copy(t.signature[:], raw[size:])
	t.expires = time.Unix(int64(binary.BigEndian.Uint64(raw[1:])), 0)
	t.Account, t.Client = ID(raw[9:]), ID(raw[9+len(ID{}):])
	return nil
}

// isSignedBy reports whether t was signed with key.
func (t *Token) isSignedBy(key *Key) bool {
	signature := key.sign(t.signed[:t.size])
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
