package members

import (
	"bytes"
	"encoding/json"
)

// Set returns a body that is a JSON object with each pair's name and value as its only
// member of that name. The others stay as they are. No body, or an empty value, becomes an
// object.
func Set(body []byte, pairs ...[2]string) ([]byte, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte(ByteOrderMark)))
	if len(text) == 0 || isEmptyValue(text) {
		text = []byte("{}")
	}
	if text[0] != '{' || !json.Valid(text) {
		return nil, errUnreadableBody
	}
	for _, pair := range pairs {
		found := false
		text = rewriteJSON(text, pair[:1], func(string, string) (string, bool) {
			found = true
			return pair[1], true
		})
		if found {
			continue
		}
		rest := bytes.TrimLeft(text[1:], " \t\r\n")
		member := append([]byte{'{'}, quotedJSON(pair[0])...)
		member = append(append(member, ':'), quotedJSON(pair[1])...)
		if rest[0] != '}' {
			member = append(member, ',')
		}
		text = append(member, rest...)
	}
	return text, nil
}
