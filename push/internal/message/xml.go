package message

import (
	"bytes"
)

// An element is one that the scanner is within.
type element struct {
	name   []byte
	member int // its index among the members, or -1
	value  []byte
}

// An xmlScanner goes over a document once, and checks that it is well formed. What it
// does not check harms nobody: characters that XML does not allow, which users of WeChat
// do send, and attributes that stand there twice.
type xmlScanner struct {
	rest    []byte
	within  []element
	found   *members
	hasRoot bool
}

// readXML looks for the members in a document.
func (m *members) readXML(text []byte) error {
	s := xmlScanner{rest: text, found: m, within: make([]element, 0, 8)}
	for {
		next := bytes.IndexByte(s.rest, '<')
		if next < 0 {
			next = len(s.rest)
		}
		if err := s.text(s.rest[:next]); err != nil {
			return err
		}
		if s.rest = s.rest[next:]; len(s.rest) == 0 {
			break
		}
		if err := s.markup(); err != nil {
			return err
		}
	}
	if !s.hasRoot || len(s.within) > 0 {
		return ErrFormat
	}
	return nil
}

// markup reads what begins with '<'.
func (s *xmlScanner) markup() error {
	switch {
	case bytes.HasPrefix(s.rest, []byte("<![CDATA[")):
		data, ok := s.until("<![CDATA[", "]]>")
		if !ok || len(s.within) == 0 {
			return ErrFormat
		}
		s.keep(data)
		return nil
	case bytes.HasPrefix(s.rest, []byte("<!--")):
		return s.skip("<!--", "-->")
	case bytes.HasPrefix(s.rest, []byte("<?")):
		return s.skip("<?", "?>")
	case bytes.HasPrefix(s.rest, []byte("</")):
		return s.end()
	}
	return s.start() // refuses "<!": a DTD could define entities
}

// until returns what stands between first, with which the rest begins, and last.
func (s *xmlScanner) until(first, last string) (between []byte, ok bool) {
	between, rest, ok := bytes.Cut(s.rest[len(first):], []byte(last))
	s.rest = rest
	return between, ok
}

// skip goes on behind last.
func (s *xmlScanner) skip(first, last string) error {
	if _, ok := s.until(first, last); !ok {
		return ErrFormat
	}
	return nil
}

// text reads text between two pieces of markup. Outside the outermost element there is
// none but white space.
func (s *xmlScanner) text(text []byte) error {
	if len(s.within) == 0 {
		if len(bytes.TrimLeft(text, blanks)) > 0 {
			return ErrFormat
		}
		return nil
	}
	for {
		before, reference, more := bytes.Cut(text, []byte("&"))
		s.keep(before)
		if !more {
			return nil
		}
		name, rest, _ := bytes.Cut(reference, []byte(";"))
		character, ok := referenced(name)
		if !ok || len(name) == len(reference) {
			return ErrFormat
		}
		s.keep(character)
		text = rest
	}
}

// keep keeps text that belongs to a member.
func (s *xmlScanner) keep(text []byte) {
	if len(s.within) == 2 {
		if e := &s.within[1]; e.member >= 0 {
			e.value = append(e.value, text...)
		}
	}
}

// start reads a start tag. A member is text, and has no elements in it.
func (s *xmlScanner) start() error {
	name, isEmpty, err := s.startTag()
	depth := len(s.within)
	switch {
	case err != nil:
		return err
	case depth == 0 && s.hasRoot, depth == maxDepth:
		return ErrFormat
	case depth == 2 && s.within[1].member >= 0:
		return ErrValue
	}
	s.hasRoot = true
	e := element{name: name, member: -1}
	if depth == 1 {
		e.member = s.found.index(name)
	}
	s.within = append(s.within, e)
	if isEmpty {
		return s.leave()
	}
	return nil
}

// end reads an end tag.
func (s *xmlScanner) end() error {
	name, ok := s.until("</", ">")
	if !ok || len(s.within) == 0 || !bytes.Equal(bytes.TrimRight(name, blanks), s.within[len(s.within)-1].name) {
		return ErrFormat
	}
	return s.leave()
}

// leave leaves the innermost element.
func (s *xmlScanner) leave() error {
	last := len(s.within) - 1
	e := s.within[last]
	s.within = s.within[:last]
	if e.member < 0 {
		return nil
	}
	return s.found.take(e.member, string(e.value))
}
