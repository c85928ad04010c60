package wechattest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// The encryption of pushes is written here once more, after WeChat's manual, so that it
// checks wxproxy's own instead of sharing its mistakes.

// pushSignature returns the SHA-1 of parts, sorted and put together.
func pushSignature(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// pushBlock is what the padding makes a multiple of: more than AES needs.
const pushBlock = 32

// pushCipher returns the cipher of an EncodingAESKey, and its vector.
func pushCipher(encodingAESKey string) (cipher.Block, []byte) {
	key, err := base64.StdEncoding.DecodeString(encodingAESKey + "=") // ignores the last two bits, as WeChat does
	if err != nil || len(key) != 32 {
		panic("BUG: an EncodingAESKey has 43 letters and digits")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return block, key[:aes.BlockSize]
}

// pushEncrypt encrypts message for the account with this ID.
func pushEncrypt(encodingAESKey string, message []byte, id string) string {
	return pushSeal(encodingAESKey, rand.Text()[:16], message, id)
}

// pushSeal encrypts message with these 16 random characters.
func pushSeal(encodingAESKey, random string, message []byte, id string) string {
	n := len(message)
	text := bytes.Join([][]byte{[]byte(random), {byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, message, []byte(id)}, nil)
	missing := pushBlock - len(text)%pushBlock
	text = append(text, bytes.Repeat([]byte{byte(missing)}, missing)...)
	block, iv := pushCipher(encodingAESKey)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
	return base64.StdEncoding.EncodeToString(text)
}

// What can be wrong with what is encrypted.
var (
	errNotBase64  = errors.New("what is encrypted is not base64")
	errWrongKey   = errors.New("what is encrypted does not open with the account's key")
	errOtherOwner = errors.New("what is encrypted is for another account")
)

// Decrypt decrypts the member Encrypt of a push or a reply, which is for the account, or the
// platform, with this ID.
func Decrypt(encodingAESKey, encrypted, id string) ([]byte, error) {
	return pushDecrypt(encodingAESKey, encrypted, id)
}

// Encrypt encrypts message for the account with this ID, as pushes and replies have it.
func Encrypt(encodingAESKey string, message []byte, id string) string {
	return pushEncrypt(encodingAESKey, message, id)
}

// Sign returns what signs a push or a reply with these parts.
func Sign(parts ...string) string { return pushSignature(parts...) }

// pushDecrypt decrypts a message for the account with this ID.
func pushDecrypt(encodingAESKey, encrypted, id string) ([]byte, error) {
	text, err := base64.StdEncoding.Strict().DecodeString(encrypted)
	if err != nil {
		return nil, errNotBase64
	}
	if len(text) == 0 || len(text)%pushBlock != 0 {
		return nil, errWrongKey
	}
	block, iv := pushCipher(encodingAESKey)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(text, text)
	padding := int(text[len(text)-1])
	if padding == 0 || padding > pushBlock || !bytes.HasSuffix(text, bytes.Repeat([]byte{byte(padding)}, padding)) {
		return nil, errWrongKey
	}
	text = text[:len(text)-padding]
	if len(text) < 20 {
		return nil, errWrongKey
	}
	length := int(text[16])<<24 | int(text[17])<<16 | int(text[18])<<8 | int(text[19])
	if text = text[20:]; length > len(text) {
		return nil, errWrongKey
	}
	if string(text[length:]) != id {
		return nil, errOtherOwner
	}
	return text[:length], nil
}
