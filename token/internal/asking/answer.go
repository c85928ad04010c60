package asking

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
// that an issuer has just made, maybe in the place of one that was good, is
// tried rather than thrown away.
const briefLife = 5 * time.Minute

// A Bad answer is one that the issuer's documentation does not know. It says what is
// wrong and quotes nothing.
type Bad string

// Error implements error.
func (b Bad) Error() string { return string(b) }

// An Answer is the body of APIs that hand out a token or a ticket, in success and refusal.
type Answer struct {
	AccessToken string `json:"access_token"`
	Ticket      string `json:"ticket"`
	ExpiresIn   Number `json:"expires_in"`
	Errcode     Number `json:"errcode"`
	Errmsg      string `json:"errmsg"`
}

// A Number is a JSON number or, as some APIs write it, a string of one.
// Anything else is 0: a token is used even if its life is unreadable.
type Number float64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Number) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(bytes.Trim(text, `" `), (*float64)(n)) != nil {
		*n = 0
	}
	return nil
}

// Read returns the token, or ticket, that body grants to a question sent at sent, or
// the [*token.Refusal] that it is, without the credential that the question held.
func Read(issuer string, body []byte, sent time.Time, credential secret.Secret) (token.Token, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return token.Token{}, Bad(issuer + "'s answer is empty")
	}
	var a Answer
	if err := json.Unmarshal(WithoutControls(body), &a); err != nil {
		return token.Token{}, Bad(issuer + "'s answer is not the JSON it documents") // err may quote the token
	}
	if code := int(a.Errcode); code != 0 {
		return token.Token{}, &token.Refusal{Code: code, Reason: cmp.Or(secret.Quote(a.Errmsg, credential, secret.New(a.value())), "no errmsg")}
	}
	if a.value() == "" || strings.ContainsFunc(a.value(), secret.Invisible) {
		return token.Token{}, NoToken(issuer)
	}
	return token.Token{Value: secret.New(a.value()), Expires: sent.Add(a.Life())}, nil
}

// NoToken returns what is wrong with an answer without the token that was asked for.
func NoToken(issuer string) Bad { return Bad(issuer + "'s answer has no access_token") }

// ReadTicket returns the ticket, as Read does a token.
func ReadTicket(issuer string, body []byte, sent time.Time, credential secret.Secret) (token.Token, error) {
	ticket, err := Read(issuer, body, sent, credential)
	switch refused := err.(type) { //nolint:errorlint // Read returns them as they are
	case Bad:
		if refused == NoToken(issuer) {
			err = Bad(issuer + "'s answer has no ticket")
		}
	case *token.Refusal:
		refused.Ticket = true
	}
	return ticket, err
}

// value returns what was asked for.
func (a *Answer) value() string { return cmp.Or(a.AccessToken, a.Ticket) }

// Life returns how long the token lives.
func (a *Answer) Life() time.Duration {
	switch seconds := float64(a.ExpiresIn); {
	case seconds > token.LongestLife.Seconds():
		return token.UsualLife
	case seconds >= 1:
		return time.Duration(seconds) * time.Second
	}
	return briefLife
}

// WithoutControls returns body with blanks for the raw control characters that
// issuers are known to send inside strings, and which JSON does not allow.
func WithoutControls(body []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, body)
}
