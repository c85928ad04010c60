// Package envelope is the encryption of WeChat's pushes: how they are signed, and how
// they are encrypted with an EncodingAESKey. It knows neither XML nor JSON.
package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"wxproxy/internal/secret"
)

// What can be wrong with an encrypted message. With a wrong key, all but ErrBase64 can
// happen.
var (
	ErrBase64  = errors.New("the encrypted message is not base64")
	ErrLength  = errors.New("the encrypted message is not as long as it says")
	ErrPadding = errors.New("the encrypted message does not end with its padding")
)

// errKey says no more: what is wrong with a key is part of it.
var errKey = errors.New("an EncodingAESKey is 43 letters and digits, as the console shows it")

const (
	keyLength  = 43 // characters of an EncodingAESKey: 32 bytes in base64 without its "="
	randomSize = 16 // random characters before the message
	headSize   = randomSize + 4
	padBlock   = 32 // the padding makes a multiple of this, of 1 to 32 bytes
)

// A Key encrypts and decrypts with one EncodingAESKey. It may be used concurrently, and
// cannot be printed.
type Key struct {
	block cipher.Block
	iv    [aes.BlockSize]byte // the first half of the key itself, as WeChat wants it
}

// NewKey returns the key that an EncodingAESKey means. Its last character has two bits
// that mean nothing and need not be zero: in WeChat's own samples they are not.
func NewKey(encodingAESKey secret.Secret) (*Key, error) {
	text := encodingAESKey.Reveal()
	for i := range len(text) {
		// The decoder would skip line breaks.
		if text[i] <= ' ' {
			return nil, errKey
		}
	}
	raw, err := base64.StdEncoding.DecodeString(text + "=")
	if len(text) != keyLength || err != nil {
		return nil, errKey
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, errKey
	}
	k := &Key{block: block}
	copy(k.iv[:], raw)
	return k, nil
}

// Format implements [fmt.Formatter] for every verb, since fmt prints unexported fields.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Mask) }

// Open decrypts a message, and returns it with the id behind it: the app_id of the
// account that it is for, which only the caller can judge.
func (k *Key) Open(encrypted string) (message []byte, id string, err error) {
	plain, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil {
		return nil, "", ErrBase64 // its own error quotes the message
	}
	if len(plain) == 0 || len(plain)%aes.BlockSize != 0 {
		return nil, "", ErrLength
	}
	cipher.NewCBCDecrypter(k.block, k.iv[:]).CryptBlocks(plain, plain)
	plain, err = unpad(plain)
	if err != nil {
		return nil, "", err
	}
	if len(plain) < headSize {
		return nil, "", ErrLength
	}
	length, rest := binary.BigEndian.Uint32(plain[randomSize:]), plain[headSize:]
	if uint64(length) > uint64(len(rest)) {
		return nil, "", ErrLength
	}
	return rest[:length:length], string(rest[length:]), nil
}

// unpad returns plain without its padding.
func unpad(plain []byte) ([]byte, error) {
	size := int(plain[len(plain)-1])
	if size < 1 || size > padBlock || size > len(plain) {
		return nil, ErrPadding
	}
	text, padding := plain[:len(plain)-size], plain[len(plain)-size:]
	for _, b := range padding {
		if int(b) != size {
			return nil, ErrPadding
		}
	}
	return text, nil
}

// Seal encrypts message with id behind it.
func (k *Key) Seal(message []byte, id string) string {
	return k.seal(rand.Text()[:randomSize], message, id)
}

// seal encrypts message with random before it.
func (k *Key) seal(random string, message []byte, id string) string {
	size := headSize + len(message) + len(id)
	padding := padBlock - size%padBlock
	plain := make([]byte, 0, size+padding)
	plain = append(plain, random...)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(message)))
	plain = append(append(plain, message...), id...)
	for range padding {
		plain = append(plain, byte(padding))
	}
	cipher.NewCBCEncrypter(k.block, k.iv[:]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain)
}
