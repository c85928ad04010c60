package wechattest

import (
	"html"
	"strings"
)

// An xmlReader reads a message: the members of the outermost element, as far as they are
// text. It is written here once more, like the encryption, and refuses what messages do
// not have.
type xmlReader struct {
	rest    string
	open    []string // elements, the outermost first
	ended   bool     // the outermost one has
	value   strings.Builder
	members map[string]string
}

// Members returns the members of a message in XML.
func Members(text []byte) (map[string]string, error) {
	r := xmlReader{rest: strings.TrimSpace(string(text)), members: make(map[string]string)}
	if _, after, found := strings.Cut(r.rest, "?>"); found && strings.HasPrefix(r.rest, "<?xml ") {
		r.rest = strings.TrimSpace(after)
	}
	for r.rest != "" {
		if err := r.next(); err != nil {
			return nil, err
		}
	}
	if !r.ended {
		return nil, errSyntax
	}
	return r.members, nil
}

// next reads text and the markup behind it.
func (r *xmlReader) next() error {
	text, markup, found := strings.Cut(r.rest, "<")
	if !found || r.ended || len(r.open) == 0 && text != "" {
		return errSyntax
	}
	r.take(html.UnescapeString(text))
	if inside, isData := strings.CutPrefix(markup, "![CDATA["); isData {
		if text, r.rest, found = strings.Cut(inside, "]]>"); !found || len(r.open) == 0 {
			return errSyntax
		}
		r.take(text)
		return nil
	}
	tag, rest, found := strings.Cut(markup, ">")
	if r.rest = rest; !found {
		return errSyntax
	}
	if name, isEnd := strings.CutPrefix(tag, "/"); isEnd {
		return r.end(name)
	}
	name, isEmpty := strings.CutSuffix(tag, "/")
	if name == "" || strings.ContainsAny(name, " \t\r\n<>&!?'\"/=") || len(r.open) == 0 && name != "xml" {
		return errSyntax
	}
	r.open = append(r.open, name)
	if isEmpty {
		return r.end(name)
	}
	return nil
}

// take adds text to the member that is read.
func (r *xmlReader) take(text string) {
	if len(r.open) == 2 {
		r.value.WriteString(text)
	}
}

// end ends the innermost element.
func (r *xmlReader) end(name string) error {
	last := len(r.open) - 1
	if last < 0 || r.open[last] != name {
		return errSyntax
	}
	r.open = r.open[:last]
	switch last {
	case 0:
		r.ended = true
	case 1:
		if _, isThere := r.members[name]; isThere {
			return errTwice
		}
		r.members[name] = r.value.String()
		r.value.Reset()
	}
	return nil
}
