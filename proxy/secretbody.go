package proxy

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
)

// shown is what the body of a request to a path of class "secret" has in the places
// of the appid and the AppSecret; the other names for the latter come last.
type shown struct{ appID, secret, otherSecret string }

// errBodyHidden refuses a body that WeChat could read differently.
var errBodyHidden = errors.New("the body is neither JSON nor a form, or holds appid or secret behind a ';'")

// awaitBody leaves what a header has not said to the body: who calls, as SDKs send
// appid and secret in there, or for which account. Of a caller that is not known
// yet no more is read than these need.
func (p *Proxy) awaitBody(x *exchange) (err error) {
	x.client, err = p.client(x)
	if errors.Is(err, errNoKey) && x.bodyLength() <= smallBody {
		x.expectSmallBody()
		return nil
	}
	return err
}

// admitByBody decides who calls, for which account, and whether they may, after the
// body is read, and puts the account's credential in the place of what it shows.
func (p *Proxy) admitByBody(x *exchange) error {
	body, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return err
	}
	x.shown = shown{}
	if _, err = rewriteMembers(body, x.note); err != nil {
		return refuse(badRequest, err.Error())
	}
	if x.account == nil { // and no virtual token
		if err := p.admitNamed(x); err != nil {
			return err
		}
	} else if err := p.mustAgree(x); err != nil {
		return err
	}
	x.admitted = true
	return p.fillIn(x, body)
}

// note takes what a member of the body shows.
func (x *exchange) note(name, value string) (string, bool) {
	field := &x.shown.otherSecret
	switch name {
	case x.route.names.appID:
		field = &x.shown.appID
	case x.route.names.secret:
		field = &x.shown.secret
	}
	if *field == "" {
		*field = value
	}
	return "", false
}

// fillIn puts the account's appid and AppSecret in the place of what the body shows.
// It may be the caller's key, which goes no further, also where WeChat wants none.
func (p *Proxy) fillIn(x *exchange, body []byte) error {
	if x.shown == (shown{}) {
		return nil
	}
	secret := ""
	if x.route.names.secret != "" {
		var err error
		if secret, err = x.account.Secret(); err != nil {
			return secretUnreadable(x.account)
		}
	}
	body, err := rewriteMembers(body, func(name, _ string) (string, bool) {
		if name == "appid" {
			return x.account.AppID, true
		}
		return secret, true
	})
	x.body.replace(body)
	return err
}

// rewriteMembers calls member with each of the secretMembers in body, which is a
// JSON object or a form, and returns body with the values that it replaces.
func rewriteMembers(body []byte, member func(name, value string) (string, bool)) ([]byte, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte(byteOrderMark)))
	switch {
	case len(text) == 0:
		return body, nil
	case text[0] != '{':
		return rewriteForm(text, member)
	case !json.Valid(text):
		return nil, errBodyHidden
	}
	return rewriteJSON(text, member), nil
}

func rewriteForm(form []byte, member func(name, value string) (string, bool)) (rewritten []byte, err error) {
	if hides(append([]byte("?"), form...), secretMembers) {
		return nil, errBodyHidden
	}
	for segment := range bytes.SplitSeq(form, []byte("&")) {
		for _, name := range secretMembers {
			if !named(segment, name) {
				continue
			}
			_, raw, _ := bytes.Cut(segment, []byte("="))
			value, _ := url.QueryUnescape(string(raw)) // what is broken is missing
			if replaced, ok := member(name, value); ok {
				segment = []byte(name + "=" + url.QueryEscape(replaced))
			}
			break
		}
		rewritten = append(append(rewritten, segment...), '&')
	}
	return rewritten[:len(rewritten)-1], nil
}

// rewriteJSON rewrites an object that is valid.
func rewriteJSON(object []byte, member func(name, value string) (string, bool)) (rewritten []byte) {
	scanner := jsonScanner{rest: object[1:]}
	kept := 0 // how much of object is rewritten
	for {
		raw, more := scanner.nextKey()
		if !more {
			return append(rewritten, object[kept:]...)
		}
		key := unquoted([]byte(`"` + string(raw) + `"`))
		scanner.rest = skipBlank(scanner.rest)
		start := len(object) - len(scanner.rest)
		value := scanner.value()
		for _, name := range secretMembers {
			if !strings.EqualFold(key, name) {
				continue
			}
			if replaced, ok := member(name, unquoted(value)); ok {
				rewritten = append(append(rewritten, object[kept:start]...), quotedJSON(replaced)...)
				kept = start + len(value)
			}
			break
		}
	}
}

// unquoted returns the text of a JSON string, or what stands there instead.
func unquoted(value []byte) (text string) {
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	return text
}

// quotedJSON returns text as a JSON string.
func quotedJSON(text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("BUG: a string cannot be written as JSON")
	}
	return quoted
}

// isAppID reports whether text looks like an appid of WeChat's: such a one is meant
// as it stands, and never another account.
func isAppID(text string) bool {
	digits, found := strings.CutPrefix(text, "wx")
	_, err := hex.DecodeString(digits)
	return found && err == nil && len(digits) == 16
}
