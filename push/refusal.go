package push

import (
	"net/http"
	"strings"
)

// A refusal is why a push is not taken.
type refusal int

// The refusals, in the order in which they are found.
const (
	taken refusal = iota // it is none
	unknownName
	wrongMethod
	tooLarge
	tooMany
	brokenOff
	notEncrypted
	notPlain
	noEcho
	wrongEcho
	wrongSignature
	noEnvelope
	noBase64
	wrongLength
	wrongPadding
	wrongAppID
	unreadable
)

// status returns what WeChat gets.
func (r refusal) status() int {
	switch r {
	case unknownName:
		return http.StatusNotFound
	case wrongMethod:
		return http.StatusMethodNotAllowed
	case tooLarge:
		return http.StatusRequestEntityTooLarge
	case tooMany:
		return http.StatusServiceUnavailable
	case brokenOff, unreadable:
		return http.StatusBadRequest
	}
	return http.StatusForbidden
}

// String returns what it is counted under.
func (r refusal) String() string {
	return [...]string{
		unknownName: "name", wrongMethod: "method", tooLarge: "size", tooMany: "busy", brokenOff: "body", notEncrypted: "not_encrypted",
		notPlain: "encrypted", noEcho: "echostr", wrongEcho: "echostr_message", wrongSignature: "signature", noEnvelope: "envelope", noBase64: "base64", wrongLength: "length",
		wrongPadding: "padding", wrongAppID: "appid", unreadable: "format",
	}[r]
}

// words returns what the log says of it, and what to do. Without an account it is about
// WeChat.
func (r refusal) words(a *account) (reason, remedy string) {
	reason, remedy = r.toWeChat()
	if a == nil || !a.IsWeCom {
		return reason, remedy
	}
	if r == noEnvelope {
		reason = "it has no Encrypt that can be read, and WeCom encrypts all pushes"
	}
	toWeCom := strings.NewReplacer("WeChat", "WeCom", "app_id", "corp_id")
	return toWeCom.Replace(reason), toWeCom.Replace(remedy)
}

// toWeChat returns the words for what comes from WeChat.
func (r refusal) toWeChat() (reason, remedy string) {
	switch r {
	case unknownName:
		return "no account of this name has a push_token", "the URL in WeChat's console ends with /push/ and the account's name, or, for a platform's messages, with /push/, its name and /$APPID$"
	case wrongMethod:
		return "it is neither GET nor POST", "WeChat sends no such requests"
	case tooLarge:
		return "its body is larger than 1 MiB", "WeChat sends no such pushes"
	case tooMany:
		return "64 large pushes are being taken already", "none is needed: WeChat sends it again"
	case brokenOff:
		return "its body broke off", "look at the web server before this listener"
	case notEncrypted:
		return "it is not encrypted, and the account has push_aes_key", "choose safe or compatible mode in WeChat's console, or remove push_aes_key"
	case notPlain:
		return "it is encrypted, and the account has no push_aes_key", "set push_aes_key to the EncodingAESKey of WeChat's console"
	case noEcho:
		return "it is a URL check without echostr", "WeChat sends no such requests"
	case wrongEcho:
		return "it is a URL check that asks for a message in the clear", "WeChat sends no such requests: somebody has seen a push, and tries to have it decrypted; let WeChat push over https"
	case wrongSignature:
		return "its signature is not that of push_token", "set push_token to the Token of WeChat's console, unless it was a stranger"
	case noEnvelope:
		return "it says that it is encrypted, and has no Encrypt that can be read", "WeChat sends no such pushes"
	case noBase64:
		return "what is encrypted is not base64", "WeChat sends no such pushes"
	case wrongLength, wrongPadding:
		return "it does not open with push_aes_key", "set push_aes_key to the EncodingAESKey of WeChat's console"
	case wrongAppID:
		return "it is for another app_id", "compare the account's app_id with that of WeChat's console"
	}
	return "it is neither XML nor JSON", "WeChat sends no such pushes"
}
