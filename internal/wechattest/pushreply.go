package wechattest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// judge reads an answer to a push as WeChat does: nothing, "success", or a reply, which
// must be encrypted in safe mode. Anything else is a fault.
func (c Callback) judge(answer []byte) (reply []byte, fault string) {
	switch text := string(answer); {
	case c.AllEvents && text != "success":
		return nil, fmt.Sprintf("the answer is not success: %.100q", text)
	case text == "" || text == "success":
		return nil, ""
	case c.Mode == Plain:
		return plainReply(answer)
	}
	members, err := readMembers(answer, c.Format)
	if err != nil {
		return nil, "the reply cannot be read: " + err.Error()
	}
	if _, isEncrypted := members["Encrypt"]; !isEncrypted && c.Mode == Compatible {
		return plainReply(answer)
	}
	if fault := c.sealFault(members); fault != "" {
		return nil, fault
	}
	reply, err = pushDecrypt(c.AESKey, members["Encrypt"], c.AppID)
	if err != nil {
		return nil, err.Error()
	}
	return plainReply(reply)
}

// sealFault says what is wrong with the members of an encrypted reply, besides what is
// encrypted.
func (c Callback) sealFault(members map[string]string) string {
	for _, name := range []string{"Encrypt", "MsgSignature", "TimeStamp", "Nonce"} {
		if members[name] == "" {
			return "the reply has no " + name
		}
	}
	if strings.Trim(members["TimeStamp"], "0123456789") != "" {
		return "TimeStamp is no number"
	}
	if members["MsgSignature"] != pushSignature(c.Token, members["TimeStamp"], members["Nonce"], members["Encrypt"]) {
		return "MsgSignature does not fit"
	}
	return ""
}

// Seal returns reply as a program encrypts it.
func (c Callback) Seal(reply []byte) []byte {
	timestamp, nonce := stamp()
	encrypted := pushEncrypt(c.AESKey, reply, c.AppID)
	return c.write([]member{
		{"Encrypt", encrypted}, {"MsgSignature", pushSignature(c.Token, timestamp, nonce, encrypted)},
		{"TimeStamp", number(timestamp)}, {"Nonce", nonce},
	})
}

// plainReply returns a reply if it is one.
func plainReply(text []byte) (reply []byte, fault string) {
	for _, format := range []Format{XML, JSON} {
		if _, err := readMembers(text, format); err == nil {
			return text, ""
		}
	}
	return nil, fmt.Sprintf("the reply is neither XML nor JSON: %.100q", text)
}

// What can be wrong with a reply.
var (
	errSyntax = errors.New("it is not well-formed")
	errTwice  = errors.New("a member stands there twice")
)

// readMembers returns the members of the outermost element or object: text as what it
// says, everything else as it is written. Letter case matters.
func readMembers(text []byte, format Format) (map[string]string, error) {
	if format == JSON {
		return readObject(text)
	}
	return Members(text)
}

func readObject(text []byte) (map[string]string, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil || object == nil {
		return nil, errSyntax
	}
	members := make(map[string]string, len(object))
	for name, raw := range object {
		var value string
		if json.Unmarshal(raw, &value) != nil {
			value = string(raw)
		}
		members[name] = value
	}
	return members, nil
}

// A member is one of a message or an envelope: a string, or a number.
type member struct {
	name  string
	value any
}

// A number is written without quotation marks.
type number string

// write returns a document with these members.
func (c Callback) write(members []member) []byte {
	var b strings.Builder
	if c.Format == JSON {
		separator := "{"
		for _, m := range members {
			value, isNumber := m.value.(number)
			if !isNumber {
				value = number(encode(m.value))
			}
			fmt.Fprintf(&b, "%s%q:%s", separator, m.name, value)
			separator = ","
		}
		return []byte(b.String() + "}")
	}
	b.WriteString("<xml>")
	for _, m := range members {
		if value, isNumber := m.value.(number); isNumber {
			fmt.Fprintf(&b, "<%s>%s</%s>", m.name, value, m.name)
		} else {
			fmt.Fprintf(&b, "<%s><![CDATA[%s]]></%s>", m.name, strings.ReplaceAll(m.value.(string), "]]>", "]]]]><![CDATA[>"), m.name)
		}
	}
	return []byte(b.String() + "</xml>")
}
