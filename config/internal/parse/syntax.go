package parse

import (
	"strings"

	"wxproxy/internal/language"
)

// syntaxHints are our words for what messages of the decoder contain.
var syntaxHints = []struct {
	contains string
	hint     language.Phrase
}{
	{"has already been defined", "this key or table is there twice"},
	{"was already created", "this table is there twice, once with one bracket and once with two"},
	{"cannot contain newlines", "the text has no closing quote"},
	{`expected '"'`, "the text has no closing quote"},
	{"expected value", `there is no value, or a text without quotes; write key = "value"`},
	{"inline table terminator", "the keys of a table in one line are separated by commas and end with }"},
	{"expected '.' or '='", "the key is not followed by ="},
	{"expected a top-level item", `something follows the value; a line has one key = value, and a text is in quotes`},
	{"table name", "a table begins with [name] or [[name]]"},
	{"table array name", "a table begins with [name] or [[name]]"},
	{"escape", `a text has a \ that means nothing; write '...' instead of "..."`},
	{"UTF-8", "the file is not UTF-8"},
	{"NULL", "the file is not UTF-8"},
	{"control characters", "there is a control character"},
	{"out of range", `a number is too large; a text needs quotes: write key = "value"`},
	{"nvalid ", `this is no number and no date; a text needs quotes: write key = "value"`},
	{"expected a digit", `this is no number; a text needs quotes: write key = "value"`},
	{"comma", "the items of a list are separated by commas and end with ]"},
}

// SyntaxHint returns what a message of the decoder means.
func SyntaxHint(message string) language.Phrase {
	for _, row := range syntaxHints {
		if strings.Contains(message, row.contains) {
			return row.hint
		}
	}
	return "this is not valid TOML"
}
