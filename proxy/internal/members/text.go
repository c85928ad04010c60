package members

import (
	"bytes"
	"encoding/json"

	"wxproxy/proxy/internal/target"
)

// A textFunc gets a name or a value in a body, decoded, and whether it is the name of a
// member of an object within the body's own object.
type textFunc func(text string, isInnerName bool)

// EachText calls visit with every name and every value, except true, false and null,
// in a body that Rewrite accepts.
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

// A nesting is an object or an array that the decoder is within.
type nesting struct {
	isObject bool
	tokens   int // how many of its own names and values were read
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
