package members

import "bytes"

// A Scanner walks over the members of one JSON object. It knows only strings and
// nesting, which is enough to tell the members of the object from those of objects
// within it, whatever bytes the strings hold.
type Scanner struct {
	rest   []byte // behind the object's '{' or its last value
	closed bool   // the object's '}' was seen
}

// NewScanner returns a scanner of the object that begins with b's '{'.
func NewScanner(b []byte) Scanner { return Scanner{rest: b[1:]} }

// IsClosed reports whether the object's '}' was seen.
func (s *Scanner) IsClosed() bool { return s.closed }

// NextKey returns what stands between the quotes of the next member's key. It
// reports false at the end of the object, and where the text is not valid.
func (s *Scanner) NextKey() (key []byte, more bool) {
	s.rest = SkipBlank(s.rest)
	for len(s.rest) > 0 && s.rest[0] == ',' {
		s.rest = SkipBlank(s.rest[1:])
	}
	if len(s.rest) > 0 && s.rest[0] == '}' {
		s.closed = true
		return nil, false
	}
	text := s.quoted()
	s.rest = SkipBlank(s.rest)
	if text == nil || len(s.rest) == 0 || s.rest[0] != ':' {
		return nil, false
	}
	s.rest = s.rest[1:]
	return text[1 : len(text)-1], true
}

// Value returns the next value, quotes and brackets included.
func (s *Scanner) Value() []byte {
	s.rest = SkipBlank(s.rest)
	start, depth := s.rest, 0
	for len(s.rest) > 0 {
		switch s.rest[0] {
		case '"':
			if s.quoted() == nil {
				s.rest = nil
			}
			continue
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 {
				return bytes.TrimRight(start[:len(start)-len(s.rest)], " \t\r\n")
			}
			if s.rest[0] != ',' {
				depth--
			}
		}
		s.rest = s.rest[1:]
	}
	return nil
}

// quoted consumes a string and returns it with its quotes, nil if there is none.
func (s *Scanner) quoted() []byte {
	if len(s.rest) == 0 || s.rest[0] != '"' {
		return nil
	}
	for i := 1; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case '"':
			text := s.rest[:i+1]
			s.rest = s.rest[i+1:]
			return text
		}
	}
	return nil
}

// SkipBlank returns what follows JSON's white space.
func SkipBlank(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

// ByteOrderMark must not begin a JSON text, and does sometimes.
const ByteOrderMark = "\ufeff"
