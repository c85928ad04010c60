// Package message reads and writes the XML and JSON of WeChat's pushes: what a message
// is, the envelope of one that is encrypted, and replies. It looks at the members of the
// outermost element or object alone, and reads nothing that two readers could understand
// in two ways.
package message

import (
	"bytes"
	"errors"
	"strings"
)

// A Format is what a push is written in.
type Format int

// The formats of pushes.
const (
	XML Format = iota
	JSON
)

// ContentType returns the format's Content-Type, as WeChat sends it.
func (f Format) ContentType() string {
	if f == JSON {
		return "application/json"
	}
	return "text/xml"
}

// FormatOf returns the format that a text seems to be written in, well formed or not.
func FormatOf(text []byte) Format {
	if text = trimmed(text); len(text) > 0 && text[0] == '{' {
		return JSON
	}
	return XML
}

// What can be wrong. None quotes the text.
var (
	// ErrFormat says that a text is neither XML nor a JSON object, or is not well formed.
	// A DTD is never read, and nothing is nested deeper than maxDepth.
	ErrFormat = errors.New("neither XML nor a JSON object that is well formed")

	// ErrTwice says that a member that decides stands there twice, which the program behind
	// may read in another way.
	ErrTwice = errors.New("a member that may stand there once stands there twice")

	// ErrValue says that a member that decides is no text, or longer than maxType.
	ErrValue = errors.New("a member that must be a short text is something else")

	// ErrNoEncrypt says that an envelope has nothing encrypted in it.
	ErrNoEncrypt = errors.New("there is no Encrypt")
)

// maxDepth is how deep elements, objects and arrays may be nested. WeChat's are within
// six others at most.
const maxDepth = 100

// maxType is how long a type may be, which is kept in more places than the message. WeChat's
// are shorter than 64 bytes.
const maxType = 256

// A Message is what decides where a push goes.
type Message struct {
	Format     Format
	Type       string // MsgType, "event:EVENT" or "info:INFOTYPE", spelled as WeChat does; "" if there is none
	ToUserName string
}

// Read reads a push in the clear.
func Read(plain []byte) (Message, error) {
	found := members{names: []string{"MsgType", "Event", "InfoType", "ToUserName"}}
	format, err := found.read(plain)
	if err != nil {
		return Message{}, err
	}
	m := Message{Format: format, Type: found.kind(0), ToUserName: found.value(3)}
	switch event, info := found.kind(1), found.kind(2); {
	case m.Type == "event":
		m.Type = "event:" + event
	case m.Type == "" && info != "":
		m.Type = "info:" + info
	}
	if len(m.Type) > maxType {
		return Message{}, ErrValue
	}
	return m, nil
}

// An Envelope is the body of an encrypted push. In compatible mode the message stands
// beside Encrypt, and is not looked at.
type Envelope struct {
	Format     Format
	ToUserName string
	Encrypt    string
}

// ReadEnvelope reads the body of an encrypted push.
func ReadEnvelope(body []byte) (Envelope, error) {
	found := members{names: []string{"Encrypt", "ToUserName"}}
	format, err := found.read(body)
	if err != nil {
		return Envelope{}, err
	}
	if found.value(0) == "" {
		return Envelope{}, ErrNoEncrypt
	}
	return Envelope{Format: format, Encrypt: found.value(0), ToUserName: found.value(1)}, nil
}

// ReadReply returns what is encrypted in a program's answer, and reports whether there is
// such a thing. Of the rest nothing is needed: whoever has the key has written it. Some SDKs
// write the names in lower case.
func ReadReply(body []byte) (encrypt string, isEncrypted bool) {
	found := members{names: []string{"Encrypt", "encrypt"}}
	if _, err := found.read(body); err != nil {
		return "", false
	}
	if encrypt = found.value(0); encrypt == "" {
		encrypt = found.value(1)
	}
	return encrypt, encrypt != ""
}

// members are the members of the outermost element or object that are looked for.
type members struct {
	names  []string
	values []*string // nil: not found; made by the first found
}

// read looks for the members in text, after white space and a byte order mark.
func (m *members) read(text []byte) (Format, error) {
	text = trimmed(text)
	if len(text) == 0 {
		return 0, ErrFormat
	}
	switch text[0] {
	case '<':
		return XML, m.readXML(text)
	case '{':
		return JSON, m.readJSON(text)
	}
	return 0, ErrFormat
}

// trimmed returns text without white space and a byte order mark before it.
func trimmed(text []byte) []byte {
	const byteOrderMark = "\ufeff"
	return bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(text, blanks), []byte(byteOrderMark)), blanks)
}

// blanks is the white space of XML and of JSON.
const blanks = " \t\r\n"

// index returns which of the names is name, or -1.
func (m *members) index(name []byte) int {
	for i, wanted := range m.names {
		if string(name) == wanted {
			return i
		}
	}
	return -1
}

// take keeps the value of the i-th name.
func (m *members) take(i int, value string) error {
	if m.values == nil {
		m.values = make([]*string, len(m.names))
	}
	if m.values[i] != nil {
		return ErrTwice
	}
	m.values[i] = &value
	return nil
}

// value returns the value of the i-th name, "" if it was not found.
func (m *members) value(i int) string {
	if m.values == nil || m.values[i] == nil {
		return ""
	}
	return *m.values[i]
}

// kind returns the value of the i-th name, which is a name itself: white space around it
// means nothing.
func (m *members) kind(i int) string { return strings.Trim(m.value(i), blanks) }
