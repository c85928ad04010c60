package token

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"wxproxy/internal/secret"
)

const (
	// longestLife is beyond any lifetime that WeChat has ever promised.
	longestLife = 24 * time.Hour

	// usualLife is what WeChat documents. It stands in for an absurd one, so
	// that a token is renewed some day whatever the answer said.
	usualLife = 2 * time.Hour

	// briefLife stands in for one that is missing, zero or negative: a token
	// that WeChat has just made, maybe in the place of one that was good, is
	// tried rather than thrown away.
	briefLife = 5 * time.Minute
)

// A Refusal is WeChat declining to issue a token, or a ticket.
type Refusal struct {
	Code   int    // errcode
	Reason string // errmsg, fit to be shown
	Ticket bool   // it was asked for a ticket
}

// RefusedTicket returns WeChat's errcode and errmsg if it was asked for a ticket.
func (r *Refusal) RefusedTicket() (errcode int, errmsg string, ok bool) {
	return r.Code, r.Reason, r.Ticket
}

// Error implements error.
func (r *Refusal) Error() string {
	what := "token"
	if r.Ticket {
		what = "ticket"
	}
	return "WeChat refuses to issue a " + what + ": errcode " + strconv.Itoa(r.Code) + ": " + r.Reason
}

// remedy returns what the errcode means of the API that answered it.
func (r *Refusal) remedy() remedy {
	rows, row := refusals, unknownRefusal
	if r.Ticket {
		rows, row = ticketRefusals, unknownTicketRefusal
	}
	if known, ok := rows[r.Code]; ok {
		return known
	}
	return row
}

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
// Anything else is 0: nobody throws a token away because its life is unreadable.
type number float64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(bytes.Trim(text, `" `), (*float64)(n)) != nil {
		*n = 0
	}
	return nil
}

// errUnusable is a fetch's success without a token that is valid.
const errUnusable = badAnswer("the token in WeChat's answer has expired")

// readAnswer returns the token that body grants to a question sent at sent, or
// the [*Refusal] that it is, without the credential that the question held.
func readAnswer(body []byte, sent time.Time, credential secret.Secret) (Token, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return Token{}, badAnswer("WeChat's answer is empty")
	}
	var a answer
	if err := json.Unmarshal(withoutControls(body), &a); err != nil {
		return Token{}, badAnswer("WeChat's answer is not the JSON it documents") // err may quote the token
	}
	if code := int(a.Errcode); code != 0 {
		return Token{}, &Refusal{Code: code, Reason: cmp.Or(secret.Quote(a.Errmsg, credential, secret.New(a.value())), "no errmsg")}
	}
	if a.value() == "" || strings.ContainsFunc(a.value(), secret.Invisible) {
		return Token{}, noToken
	}
	return Token{Value: secret.New(a.value()), Expires: sent.Add(a.life())}, nil
}

// value returns what was asked for.
func (a *answer) value() string { return cmp.Or(a.AccessToken, a.Ticket) }

// life returns how long the token lives.
func (a *answer) life() time.Duration {
	switch seconds := float64(a.ExpiresIn); {
	case seconds > longestLife.Seconds():
		return usualLife
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
