package push

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"wxproxy/internal/secret"
)

// idSize is how many bytes of a hash a push's id has.
const idSize = 16

// pushID returns the id of a push: the same for the same plain text of the same account,
// after a restart and on each replica too. Without push_token nobody can
// tell from it whether a guess of the text is right.
func pushID(token secret.Secret, account string, plain []byte) string {
	mac := hmac.New(sha256.New, []byte(token.Reveal()))
	mac.Write([]byte(account))
	mac.Write([]byte{0}) // no name has it
	mac.Write(plain)
	return hex.EncodeToString(mac.Sum(nil)[:idSize])
}

// requestID returns the web server's id of a request, if there is one that can be passed on
// and logged, else a new one.
func requestID(values []string) string {
	const maxLength = 64
	if len(values) != 1 || len(values[0]) < 1 || len(values[0]) > maxLength {
		return rand.Text()
	}
	for _, c := range []byte(values[0]) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return rand.Text()
		}
	}
	return values[0]
}
