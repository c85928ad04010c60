package message

import (
	"bytes"
	"encoding/json"
)

// readJSON looks for the members in an object.
func (m *members) readJSON(text []byte) error {
	if tooDeep(text) || !json.Valid(text) {
		return ErrFormat
	}
	rest := text[1:]
	for {
		rest = bytes.TrimLeft(rest, blanks+",")
		if rest[0] == '}' {
			return nil // nothing but white space follows: the text is valid
		}
		name := rest[:stringEnd(rest)]
		rest = bytes.TrimLeft(rest[len(name):], blanks+":")
		value := rest[:valueEnd(rest)]
		rest = rest[len(value):]
		if i := m.index(unquoted(name)); i >= 0 {
			if err := m.takeJSON(i, value); err != nil {
				return err
			}
		}
	}
}

// takeJSON keeps a value that is text: a string, or a number as it is written.
func (m *members) takeJSON(i int, value []byte) error {
	switch value[0] {
	case '"':
		return m.take(i, string(unquoted(value)))
	case '{', '[', 't', 'f':
		return ErrValue
	case 'n':
		return m.take(i, "")
	}
	return m.take(i, string(bytes.TrimRight(value, blanks)))
}

// tooDeep reports whether text, which need not be valid, is nested too deep to be read.
func tooDeep(text []byte) bool {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:]) - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// stringEnd returns the length of the string that text begins with, quotes included.
func stringEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// valueEnd returns the length of the value that text begins with, with white space
// behind it.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// unquoted returns what a string that is valid means.
func unquoted(quoted []byte) []byte {
	quoted = bytes.TrimRight(quoted, blanks)
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		panic("BUG: a part of valid JSON is not valid")
	}
	return []byte(text)
}
