// Package lines finds the lines of a TOML file on which its tables and keys stand. It
// is for files that a decoder has taken: of others it finds something, or nothing.
package lines

import (
	"fmt"
	"strconv"
	"strings"
)

// Index returns the line of each table and key, counted from one. Tables that may be
// repeated are counted from one too: "account[2].name"; so are the items of lists.
func Index(data []byte) map[string]int {
	r := reader{text: string(data), line: 1, found: map[string]int{}, tables: map[string]int{}}
	for r.skipBlank(); r.at < len(r.text); r.skipBlank() {
		before := r.at
		if r.text[r.at] == '[' {
			r.header()
		} else {
			r.keyValue()
		}
		if r.at == before {
			r.at++ // no TOML; it is left out
		}
	}
	return r.found
}

// A reader is how far the text has been read.
type reader struct {
	text   string
	at     int
	line   int
	table  string // that the next keys are in
	found  map[string]int
	tables map[string]int // how many there are of those that are repeated
}

// skipBlank skips blanks, line ends and comments.
func (r *reader) skipBlank() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case '\n':
			r.line++
			r.at++
		case ' ', '\t', '\r':
			r.at++
		case '#':
			r.skipLine()
		default:
			return
		}
	}
}

// skipLine skips what comes before the end of the line.
func (r *reader) skipLine() {
	if end := strings.IndexByte(r.text[r.at:], '\n'); end >= 0 {
		r.at += end
	} else {
		r.at = len(r.text)
	}
}

// header reads [table] or [[table]].
func (r *reader) header() {
	repeated := strings.HasPrefix(r.text[r.at:], "[[")
	for r.at < len(r.text) && r.text[r.at] == '[' {
		r.at++
	}
	r.table = r.inside(r.key(']'))
	if repeated {
		name := r.table
		r.tables[name]++
		r.table = fmt.Sprintf("%s[%d]", name, r.tables[name])
		r.note(name)
	}
	r.note(r.table)
	r.skipLine()
}

// inside returns the name of a table whose outer ones may be repeated: of those, the
// last is meant.
func (r *reader) inside(name string) string {
	outer, inner, nested := strings.Cut(name, ".")
	if n := r.tables[outer]; nested && n > 0 {
		return fmt.Sprintf("%s[%d].%s", outer, n, inner)
	}
	return name
}

// keyValue reads key = value.
func (r *reader) keyValue() {
	r.value(r.dottedKey(r.table), 0)
	r.skipLine()
}

func (r *reader) note(name string) { r.noteAt(name, r.line) }

func (r *reader) noteAt(name string, line int) {
	if _, known := r.found[name]; !known {
		r.found[name] = line
	}
}

// dottedKey reads a key of a table. One with dots makes the tables that it names.
func (r *reader) dottedKey(table string) string {
	line := r.line
	key := r.key('=')
	if table != "" {
		table += "."
	}
	for i, c := range key {
		if c == '.' {
			r.noteAt(table+key[:i], line)
		}
	}
	r.noteAt(table+key, line)
	return table + key
}

// key reads a key, which may have dots and quotes, and the byte that ends it.
func (r *reader) key(end byte) string {
	var key strings.Builder
	for r.at < len(r.text) && r.text[r.at] != '\n' {
		c := r.text[r.at]
		switch {
		case c == end:
			r.at++
			return key.String()
		case c == '"' || c == '\'':
			begin := r.at
			r.skipText()
			key.WriteString(unquoted(r.text[begin:r.at]))
			continue
		case c != ' ' && c != '\t':
			key.WriteByte(c)
		}
		r.at++
	}
	return key.String()
}

// unquoted returns the name that a key in quotes stands for.
func unquoted(key string) string {
	if key[0] == '"' {
		if name, err := strconv.Unquote(key); err == nil {
			return name
		}
	}
	return strings.Trim(key, `"'`)
}

// skipText skips a text in quotes of one of the four kinds.
func (r *reader) skipText() {
	quote, escapes := r.text[r.at:r.at+1], r.text[r.at] == '"'
	if long := strings.Repeat(quote, 3); strings.HasPrefix(r.text[r.at:], long) {
		quote = long
	}
	r.at += len(quote)
	for r.at < len(r.text) && !strings.HasPrefix(r.text[r.at:], quote) {
		switch {
		case r.text[r.at] == '\n' && len(quote) == 1:
			return // no TOML
		case r.text[r.at] == '\n':
			r.line++
		case r.text[r.at] == '\\' && escapes:
			r.skipEscape()
			continue
		}
		r.at++
	}
	r.at = min(r.at+len(quote), len(r.text))
	for len(quote) == 3 && r.at < len(r.text) && r.text[r.at] == quote[0] {
		r.at++ // quotes that stand before those that end it
	}
}

// skipEscape skips a backslash and what it escapes, which may be the end of a line.
func (r *reader) skipEscape() {
	r.at++
	if r.at < len(r.text) && r.text[r.at] == '\n' {
		return
	}
	r.at = min(r.at+1, len(r.text))
}
