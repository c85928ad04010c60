// Package members finds and replaces the members of a JSON object, or of a form.
package members

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/wire"
)

// errUnreadableBody says that different readers could find different members in a body.
var errUnreadableBody = errors.New("the body is neither a JSON object nor a form that can be read in one way only")

// A replaceFunc gets a member's name and value, and returns what takes the place of the
// value, if replaces is true.
type replaceFunc func(name, value string) (replacement string, replaces bool)

// Rewrite calls replace with each member of body that is called by a name in names, and
// returns body with the replaced values. body is a JSON object or a form in UTF-8,
// whatever its Content-Type says. Every other body is refused: WeChat might find a member
// in it that is not found here.
func Rewrite(body []byte, names []string, replace replaceFunc) ([]byte, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte(ByteOrderMark)))
	switch {
	case len(text) == 0, isEmptyValue(text):
		return body, nil
	case text[0] == '{' && json.Valid(text):
		return rewriteJSON(text, names, replace), nil
	case text[0] == '{' || !isForm(text) || target.HasParameterBehindSemicolon(append([]byte("?"), text...), names):
		return nil, errUnreadableBody
	}
	return rewriteForm(text, names, replace), nil
}

// isEmptyValue reports whether text is JSON without any member, as programs send it
// that mean no body: PHP for an empty array, Go for nil.
func isEmptyValue(text []byte) bool {
	if text[0] == '[' && text[len(text)-1] == ']' {
		return len(bytes.TrimSpace(text[1:len(text)-1])) == 0
	}
	return string(text) == "null" || string(text) == `""`
}

// isForm reports whether text is a form as programs write it: with names of letters and
// digits, which all readers understand alike, and with values that can be decoded.
// Multipart bodies, XML, JSON that is no object, and bodies that are compressed or not in
// UTF-8 are no forms.
func isForm(text []byte) bool {
	if !utf8.Valid(text) || bytes.ContainsFunc(text, unicode.IsControl) {
		return false
	}
	for segment := range bytes.SplitSeq(text, []byte("&")) {
		name, value, isPair := bytes.Cut(segment, []byte("="))
		plain, errName := url.QueryUnescape(string(name))
		_, errValue := url.QueryUnescape(string(value))
		switch {
		case len(segment) == 0:
		case !isPair, errName != nil, errValue != nil, plain == "", strings.ContainsFunc(plain, isOutsideNames):
			return false
		}
	}
	return true
}

// isOutsideNames reports whether no name of a form's member may have r.
func isOutsideNames(r rune) bool {
	return !wire.IsASCIILetter(r) && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

func rewriteForm(form []byte, names []string, replace replaceFunc) (rewritten []byte) {
	for segment := range bytes.SplitSeq(form, []byte("&")) {
		for _, name := range names {
			if !target.IsNamed(segment, name) {
				continue
			}
			if replaced, ok := replace(name, target.ValueOf(segment)); ok {
				segment = []byte(name + "=" + url.QueryEscape(replaced))
			}
			break
		}
		rewritten = append(append(rewritten, segment...), '&')
	}
	return rewritten[:len(rewritten)-1]
}

// rewriteJSON rewrites an object that is valid.
func rewriteJSON(object []byte, names []string, replace replaceFunc) (rewritten []byte) {
	scanner := Scanner{rest: object[1:]}
	done := 0 // how much of object is in rewritten
	for {
		raw, more := scanner.NextKey()
		if !more {
			return append(rewritten, object[done:]...)
		}
		key := unquoted([]byte(`"` + string(raw) + `"`))
		scanner.rest = SkipBlank(scanner.rest)
		start := len(object) - len(scanner.rest)
		value := scanner.Value()
		for _, name := range names {
			if !strings.EqualFold(key, name) {
				continue
			}
			if replaced, ok := replace(name, unquoted(value)); ok {
				rewritten = append(append(rewritten, object[done:start]...), quotedJSON(replaced)...)
				done = start + len(value)
			}
			break
		}
	}
}

// unquoted returns the text of a JSON string, and any other value as it is written.
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

// Marshal returns value as JSON. It leaves '&' as it is, because people copy addresses from
// what curl shows.
func Marshal(value any) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), err
}
