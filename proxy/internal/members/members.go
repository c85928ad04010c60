// Package members finds, and replaces, what JSON objects and forms hold.
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

// errUnreadableBody says that a body is none whose members every reader finds alike.
var errUnreadableBody = errors.New("the body is neither a JSON object nor a form that can be read in one way only")

// A memberFunc is told a member's name and value, and says what to put in the place
// of the value, if anything.
type memberFunc func(name, value string) (replacement string, replaces bool)

// Rewrite calls member with each member of body that is called by a name in
// names, and returns body with the values that it replaces. body is a JSON object or
// a form, whatever its type says, in UTF-8; all else is refused: what cannot be read
// here may be read elsewhere.
func Rewrite(body []byte, names []string, member memberFunc) ([]byte, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte(ByteOrderMark)))
	switch {
	case len(text) == 0, saysNothing(text):
		return body, nil
	case text[0] == '{' && json.Valid(text):
		return rewriteJSON(text, names, member), nil
	case text[0] == '{' || !isForm(text) || target.HasParameterBehindSemicolon(append([]byte("?"), text...), names):
		return nil, errUnreadableBody
	}
	return rewriteForm(text, names, member), nil
}

// saysNothing reports whether text is JSON in which nothing can be hidden, as
// programs send it that have no body: PHP's of an empty array, Go's of nil.
func saysNothing(text []byte) bool {
	if text[0] == '[' && text[len(text)-1] == ']' {
		return len(bytes.TrimSpace(text[1:len(text)-1])) == 0
	}
	return string(text) == "null" || string(text) == `""`
}

// isForm reports whether text is a form as programs write it: names of letters and
// digits, which no two readers take for different ones, and values that can be
// decoded. Neither multipart nor XML, nor JSON of another kind, is one, nor what is
// compressed or not in UTF-8.
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
		case !isPair, errName != nil, errValue != nil, plain == "", strings.ContainsFunc(plain, isNoName):
			return false
		}
	}
	return true
}

func isNoName(r rune) bool {
	return !wire.IsASCIILetter(r) && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

func rewriteForm(form []byte, names []string, member memberFunc) (rewritten []byte) {
	for segment := range bytes.SplitSeq(form, []byte("&")) {
		for _, name := range names {
			if !target.IsNamed(segment, name) {
				continue
			}
			if replaced, ok := member(name, target.ValueOf(segment)); ok {
				segment = []byte(name + "=" + url.QueryEscape(replaced))
			}
			break
		}
		rewritten = append(append(rewritten, segment...), '&')
	}
	return rewritten[:len(rewritten)-1]
}

// rewriteJSON rewrites an object that is valid.
func rewriteJSON(object []byte, names []string, member memberFunc) (rewritten []byte) {
	scanner := jsonScanner{rest: object[1:]}
	kept := 0 // how much of object is rewritten
	for {
		raw, more := scanner.NextKey()
		if !more {
			return append(rewritten, object[kept:]...)
		}
		key := unquoted([]byte(`"` + string(raw) + `"`))
		scanner.rest = SkipBlank(scanner.rest)
		start := len(object) - len(scanner.rest)
		value := scanner.Value()
		for _, name := range names {
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
