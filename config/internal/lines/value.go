package lines

import "fmt"

// deepest is how many lists and inline tables in one another are looked into.
const deepest = 32

// value reads the value of a name, and finds the items of lists and the keys of inline
// tables in it: "allow[2]", "account[1].name".
func (r *reader) value(name string, depth int) {
	r.blank(depth > 0)
	switch {
	case r.at == len(r.text):
	case depth < deepest && r.text[r.at] == '[':
		r.list(name, depth+1)
	case depth < deepest && r.text[r.at] == '{':
		r.inlineTable(name, depth+1)
	default:
		r.skipValue(depth > 0)
	}
}

// blank skips blanks, and within brackets line ends and comments too.
func (r *reader) blank(within bool) {
	if within {
		r.skipBlank()
		return
	}
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\t') {
		r.at++
	}
}

func (r *reader) list(name string, depth int) {
	r.at++
	for n := 1; r.inBrackets(']'); n++ {
		item := fmt.Sprintf("%s[%d]", name, n)
		r.note(item)
		r.value(item, depth)
	}
}

func (r *reader) inlineTable(name string, depth int) {
	r.at++
	for r.inBrackets('}') {
		r.value(r.dottedKey(name), depth)
	}
}

// inBrackets skips what separates items, and reports whether there is one more before
// the bracket that ends them, which it skips.
func (r *reader) inBrackets(end byte) bool {
	for r.skipBlank(); r.at < len(r.text) && r.text[r.at] == ','; r.skipBlank() {
		r.at++
	}
	if r.at < len(r.text) && r.text[r.at] == end {
		r.at++
		return false
	}
	return r.at < len(r.text)
}

// skipValue skips a value, which ends with its line unless a bracket is open. Within
// brackets it ends before what separates it from the next one.
func (r *reader) skipValue(within bool) {
	if within && r.ends(true) {
		r.at++ // no TOML
		return
	}
	for open := 0; r.at < len(r.text) && (open > 0 || !r.ends(within)); {
		switch c := r.text[r.at]; c {
		case '"', '\'':
			r.skipText()
			continue
		case '#':
			r.skipLine()
			continue
		case '\n':
			r.line++
		case '[', '{':
			open++
		case ']', '}':
			open--
		}
		r.at++
	}
}

// ends reports whether a value that has no bracket open ends here.
func (r *reader) ends(within bool) bool {
	switch r.text[r.at] {
	case '\n':
		return true
	case ',', ']', '}':
		return within
	}
	return false
}
