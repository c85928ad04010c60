package config

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/BurntSushi/toml"
)

// parse returns the tables of a file as the decoder finds them, or nil after
// reporting why there are none.
func (l *loader) parse(data []byte) map[string]any {
	document := map[string]any{}
	if _, err := toml.Decode(string(data), &document); err != nil {
		l.reportSyntax(err)
		return nil
	}
	return document
}

// reportSyntax says where the file stops being TOML. The decoder's own message
// quotes the file, and the broken line may well hold a secret: of all it knows,
// only the position is repeated.
func (l *loader) reportSyntax(err error) {
	broken, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		l.report("", "is not TOML")
		return
	}
	l.report("", "line %d, column %d: %s", broken.Position.Line, broken.Position.Col, syntaxHint(broken.Message))
}

// syntaxHints turns what a message of the decoder contains into words of ours.
var syntaxHints = []struct{ contains, hint string }{
	{"has already been defined", "this key or table is there twice"},
	{"was already created", "this table is there twice, once with one bracket and once with two"},
	{"cannot contain newlines", "the text has no closing quote"},
	{`expected '"'`, "the text has no closing quote"},
	{"expected value", `there is no value, or a text without quotes; write key = "value"`},
	{"expected '.' or '='", "the key is not followed by ="},
	{"expected a top-level item", "something follows the value; a line has one key = value"},
	{"table name", "a table begins with [name] or [[name]]"},
	{"table array name", "a table begins with [name] or [[name]]"},
	{"escape", `a text has a \ that means nothing; write '...' instead of "..."`},
	{"UTF-8", "the file is not UTF-8"},
	{"NULL", "the file is not UTF-8"},
	{"control characters", "there is a control character"},
	{"comma", "the items of a list are separated by commas and end with ]"},
}

func syntaxHint(message string) string {
	for _, row := range syntaxHints {
		if strings.Contains(message, row.contains) {
			return row.hint
		}
	}
	return "this is not valid TOML"
}

// withoutPath drops the path from an error of package os: it stands in the file
// under the key that the problem names, and may be a misplaced secret.
func withoutPath(err error) error {
	if withPath, ok := errors.AsType[*fs.PathError](err); ok {
		return withPath.Err
	}
	return err
}
