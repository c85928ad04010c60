package wechat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// briefLife stands in for one that is missing, zero or negative: a token
// that WeChat has just made, maybe in the place of one that was good, is
// tried rather than thrown away.
const briefLife = 5 * time.Minute

// A badAnswer is one that WeChat's documentation does not know. It says what is
// wrong and quotes nothing.
type badAnswer string

// Error implements error.
func (b badAnswer) Error() string { return string(b) }

// Answers without what was asked for.
const (
	noToken  badAnswer = "WeChat's answer has no access_token"
	noTicket badAnswer = "WeChat's answer has no ticket"
)

// answer is the body of the token APIs and of getticket, in success and refusal.
type answer struct {
	AccessToken string `json:"access_token"`
	Ticket      string `json:"ticket"`
	ExpiresIn   number `json:"expires_in"`
	Errcode     number `json:"errcode"`
	Errmsg      string `json:"errmsg"`
}

// A number is a JSON number or, as some WeChat APIs write it, a string of one.
// Anything else is 0: a token is used even if its life is unreadable.
type number float64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(bytes.Trim(text, `" `), (*float64)(n)) != nil {
		*n = 0
	}
	return nil
}

// readAnswer returns the token that body grants to a question sent at sent, or
// the [*Refusal] that it is, without the credential that the question held.
func readAnswer(body []byte, sent time.Time, credential secret.Secret) (token.Token, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return token.Token{}, badAnswer("WeChat's answer is empty")
	}
	var a answer
	if err := json.Unmarshal(withoutControls(body), &a); err != nil {
		return token.Token{}, badAnswer("WeChat's answer is not the JSON it documents") // err may quote the token
	}
	if code := int(a.Errcode); code != 0 {
		return token.Token{}, &token.Refusal{Code: code, Reason: cmp.Or(secret.Quote(a.Errmsg, credential, secret.New(a.value())), "no errmsg")}
	}
	if a.value() == "" || strings.ContainsFunc(a.value(), secret.Invisible) {
		return token.Token{}, noToken
	}
	return token.Token{Value: secret.New(a.value()), Expires: sent.Add(a.life())}, nil
}

// value returns what was asked for.
func (a *answer) value() string { return cmp.Or(a.AccessToken, a.Ticket) }

// life returns how long the token lives.
func (a *answer) life() time.Duration {
	switch seconds := float64(a.ExpiresIn); {
	case seconds > token.LongestLife.Seconds():
		return token.UsualLife
	case seconds >= 1:
		return time.Duration(seconds) * time.Second
	}
	return briefLife
}

// withoutControls returns body with blanks for the raw control characters that
// WeChat is known to send inside strings, and which JSON does not allow.
func withoutControls(body []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, body)
}
