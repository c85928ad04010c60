package push

import (
	"errors"
	"strings"
	"time"

	"wxproxy/push/internal/envelope"
	"wxproxy/push/internal/message"
)

// A push is one that is proven to be WeChat's.
type push struct {
	account     *account
	id          string // the same in each repetition
	attempt     int    // to forward it
	openID      string
	requestID   string
	contentType string
	received    time.Time
	plain       []byte
	message     message.Message

	isEvent bool   // of a third-party platform
	about   string // the app id of the account that the event is about; empty: none

	key    *envelope.Key  // the one that it came with; nil: it was not encrypted
	format message.Format // of its envelope
}

// echo returns the answer to WeChat's check of the URL.
func (a *account) echo(q query) (string, refusal) {
	echo := q.get("echostr")
	switch {
	case echo == "":
		return "", noEcho
	case !a.IsWeCom && !a.signed(q, "signature"):
		return "", wrongSignature
	case !a.IsWeCom:
		return echo, taken
	case !a.signed(q, "msg_signature", echo):
		return "", wrongSignature
	}
	plain, _, why := a.open(echo)
	if why == taken && message.IsMessage(plain) {
		return "", wrongEcho
	}
	return string(plain), why
}

// signed reports whether a query has the right signature, under name.
func (a *account) signed(q query, name string, parts ...string) bool {
	return envelope.Verify(q.get(name), a.Token, append(parts, q.get("timestamp"), q.get("nonce"))...)
}

// read returns the push that a request is.
func (a *account) read(b *body) (*push, refusal) {
	q := query(b.request.URL.RawQuery)
	isEncrypted := a.IsWeCom || strings.EqualFold(q.get("encrypt_type"), "aes")
	text, why := b.read(func() refusal { return a.admit(q, isEncrypted) })
	if why != taken {
		return nil, why
	}
	p := &push{account: a, received: time.Now(), plain: text, openID: q.get("openid")}
	if isEncrypted {
		if why := p.open(q, text); why != taken {
			return nil, why
		}
	}
	if why := p.read(); why != taken {
		return nil, why
	}
	p.id = pushID(a.Token, p.account.key(), p.plain)
	return p, taken
}

// read finds out what a push is.
func (p *push) read() refusal {
	var err error
	p.message, err = message.Read(p.plain)
	if p.account.isOfPlatform() {
		if isEvent, why := p.readEvent(err == nil); isEvent {
			return why
		}
	}
	if err != nil {
		return unreadable
	}
	return taken
}

// admit judges what the query alone shows. The signature of a push that is not encrypted
// does not cover its body, so that no account with a key takes one.
func (a *account) admit(q query, isEncrypted bool) refusal {
	switch {
	case !isEncrypted && len(a.keys) > 0:
		return notEncrypted
	case isEncrypted && len(a.keys) == 0:
		return notPlain
	case !isEncrypted && !a.signed(q, "signature"), isEncrypted && q.get("msg_signature") == "":
		return wrongSignature
	}
	return taken
}

// open verifies and decrypts the envelope of a push.
func (p *push) open(q query, text []byte) (why refusal) {
	e, err := message.ReadEnvelope(text)
	switch {
	case err != nil:
		return noEnvelope
	case !p.account.signed(q, "msg_signature", e.Encrypt):
		return wrongSignature
	}
	p.format = e.Format
	p.plain, p.key, why = p.account.open(e.Encrypt)
	return why
}

// open decrypts with the key that fits: the present one or the one before.
func (a *account) open(encrypt string) (plain []byte, key *envelope.Key, why refusal) {
	why = notPlain // if there is no key
	for _, key := range a.keys {
		plain, id, err := key.Open(encrypt)
		switch {
		case errors.Is(err, envelope.ErrBase64):
			return nil, nil, noBase64
		case err == nil && id == a.ID:
			return plain, key, taken
		case err == nil:
			why = wrongAppID
		case why == wrongAppID: // it says more
		case errors.Is(err, envelope.ErrPadding):
			why = wrongPadding
		default:
			why = wrongLength
		}
	}
	return nil, nil, why
}
