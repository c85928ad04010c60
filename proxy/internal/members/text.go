package members

import (
	"bytes"
	"encoding/json"

	"wxproxy/proxy/internal/target"
)

// A textFunc is told a name or a value in a body, decoded, and whether it is the name
// of a member of something that stands inside the body's own object.
type textFunc func(text string, isInnerName bool)

// EachText calls visit with every name and every value, except true, false and null,
// in a body that rewriteMembers can read.
func EachText(body []byte, visit textFunc) {
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte(ByteOrderMark)))
	if len(text) > 0 && text[0] == '{' {
		eachJSONText(text, visit)
		return
	}
	for segment := range bytes.SplitSeq(text, []byte("&")) {
		name, _, _ := bytes.Cut(segment, []byte("="))
		visit(target.ValueOf(append([]byte("="), name...)), false)
		visit(target.ValueOf(segment), false)
	}
}

// A nesting is an object or an array, and how much of it was read.
type nesting struct {
	isObject bool
	tokens   int // the names and values of its own
}

func eachJSONText(object []byte, visit textFunc) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	within := []nesting{{}}
	for {
		token, err := decoder.Token()
		if err != nil {
			return // the object is valid: this is its end
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			within = within[:len(within)-1]
			continue
		}
		last := &within[len(within)-1]
		isName := last.isObject && last.tokens%2 == 0
		last.tokens++
		switch token := token.(type) {
		case json.Delim:
			within = append(within, nesting{isObject: token == '{'})
		case string:
			visit(token, isName && len(within) > 2)
		case json.Number:
			visit(token.String(), false)
		}
	}
}
