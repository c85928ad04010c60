// Package seal encrypts what a store keeps.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"wxproxy/internal/secret"
)

// prefix begins a stored token that is encrypted.
const prefix = "aes256gcm:"

// A Sealer encrypts what is stored with AES-256-GCM. A nil Sealer stores it in
// the clear.
type Sealer struct {
	aead cipher.AEAD
	old  cipher.AEAD // opens what was sealed before; nil: there was no other key
}

// New returns a Sealer with a key of 32 bytes, or nil without one. It also opens what was
// sealed with the key old, if there is one.
func New(key, old secret.Secret) (*Sealer, error) {
	if key.Empty() {
		return nil, nil
	}
	s := new(Sealer)
	var err error
	if s.aead, err = newAEAD(key); err == nil && !old.Empty() {
		s.old, err = newAEAD(old)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func newAEAD(key secret.Secret) (cipher.AEAD, error) {
	const aes256 = 32
	if n := len(key.Reveal()); n != aes256 {
		return nil, fmt.Errorf("an encryption key has %d bytes, not %d", aes256, n)
	}
	block, err := aes.NewCipher([]byte(key.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("taking the encryption key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("taking the encryption key: %w", err)
	}
	return aead, nil
}

// Seal returns value as it is stored under a name, where alone it can be opened.
func (s *Sealer) Seal(name string, value secret.Secret) string {
	if s == nil || value.Empty() {
		return value.Reveal()
	}
	return prefix + base64.StdEncoding.EncodeToString(s.aead.Seal(nil, nil, []byte(value.Reveal()), []byte(name)))
}

// Open returns the value that was stored under a name.
func (s *Sealer) Open(name, stored string) (secret.Secret, error) {
	text, encrypted := strings.CutPrefix(stored, prefix)
	switch {
	case stored == "", s == nil && !encrypted:
		return secret.New(stored), nil
	case s == nil:
		return secret.Secret{}, closed("it is encrypted; set token.encryption_key to the key that others use")
	case !encrypted:
		return secret.Secret{}, closed("it is not encrypted although token.encryption_key is set")
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		return s.open(raw, name)
	}
	return secret.Secret{}, s.errClosed()
}

// OpenGranted is as Open, and takes what was stored before there was a key: whatever a stranger
// puts there WeChat refuses, as it is bound to the account.
func (s *Sealer) OpenGranted(name, stored string) (secret.Secret, error) {
	if s != nil && !strings.HasPrefix(stored, prefix) {
		return secret.New(stored), nil
	}
	return s.Open(name, stored)
}

// IsCurrent reports whether stored is as Seal would store it now.
func (s *Sealer) IsCurrent(name, stored string) bool {
	if s == nil || stored == "" {
		return true
	}
	text, encrypted := strings.CutPrefix(stored, prefix)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil && encrypted {
		_, err = s.aead.Open(nil, nil, raw, []byte(name))
	}
	return encrypted && err == nil
}

// open tries both keys.
func (s *Sealer) open(sealed []byte, name string) (secret.Secret, error) {
	raw, err := s.aead.Open(nil, nil, sealed, []byte(name))
	if err != nil && s.old != nil {
		raw, err = s.old.Open(nil, nil, sealed, []byte(name))
	}
	if err != nil {
		return secret.Secret{}, s.errClosed()
	}
	return secret.New(string(raw)), nil
}

// errClosed says why something cannot be opened.
func (s *Sealer) errClosed() error {
	if s.old != nil {
		return closed("it cannot be decrypted, neither with token.encryption_key nor with token.encryption_key_old; both are others, or it was changed")
	}
	return closed("it cannot be decrypted; token.encryption_key is another one, or it was changed; if that key was replaced, set encryption_key_old to the one before")
}

// ErrClosed tells that a stored value cannot be opened.
var ErrClosed = errors.New("it cannot be opened")

// closed says why.
type closed string

// Error implements error.
func (c closed) Error() string { return string(c) }

// Is reports that it is [ErrClosed].
func (closed) Is(target error) bool { return target == ErrClosed }
