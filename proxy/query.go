package proxy

import (
	"bytes"
	"net/url"
)

// A parameter is a query parameter that the proxy sets.
type parameter struct {
	name  string
	value string
}

// appendQuery appends query (with its '?', or empty) to dst without the
// parameters called by a name in remove. The others keep their bytes and their
// order: signatures such as pay_sig are computed over them.
func appendQuery(dst, query []byte, remove []string) []byte {
	separator := byte('?')
	for len(query) > 0 {
		var segment []byte
		segment, query = cutSegment(query)
		if namedAny(segment, remove) {
			continue
		}
		dst = append(append(dst, separator), segment...)
		separator = '&'
	}
	return dst
}

// appendParameter appends a parameter to a target that ends at its query, which
// begins at start if there is one.
func appendParameter(dst []byte, start int, p parameter) []byte {
	switch {
	case len(dst) == start:
		dst = append(dst, '?')
	case len(dst) > start+1: // more than a bare '?'
		dst = append(dst, '&')
	}
	return appendEscaped(append(append(dst, p.name...), '='), p.value)
}

// appendEscaped appends value as a query value. The tokens that WeChat issues
// need no escaping; whatever else comes is escaped as net/url does.
func appendEscaped(dst []byte, value string) []byte {
	start := len(dst)
	dst = append(dst, value...)
	for _, c := range dst[start:] {
		if !unreserved[c] {
			return append(dst[:start], url.QueryEscape(value)...)
		}
	}
	return dst
}

// queryValue returns the decoded value of the first parameter called name; one
// that cannot be decoded counts as empty. No parameter has the empty name.
func queryValue(query []byte, name string) (string, bool) {
	for len(query) > 0 && name != "" {
		var segment []byte
		segment, query = cutSegment(query)
		if !named(segment, name) {
			continue
		}
		_, raw, _ := bytes.Cut(segment, []byte("="))
		value, err := url.QueryUnescape(string(raw))
		if err != nil {
			return "", true
		}
		return value, true
	}
	return "", false
}

// cutSegment returns the first parameter of query, which is not empty, without its
// '?' or '&', and what follows it.
func cutSegment(query []byte) (segment, rest []byte) {
	segment = query[1:]
	if i := bytes.IndexByte(segment, '&'); i >= 0 {
		segment = segment[:i]
	}
	return segment, query[1+len(segment):]
}

func namedAny(segment []byte, names []string) bool {
	for _, name := range names {
		if named(segment, name) {
			return true
		}
	}
	return false
}

// hides reports whether query holds a parameter called by a name in names that
// only those see who take a ';' for an '&', as HTML 4 did. Taking it out could
// change a value that others read, so such a query is refused; what stands behind
// a parameter that is taken out anyway goes with it.
func hides(query []byte, names []string) bool {
	if bytes.IndexByte(query, ';') < 0 {
		return false
	}
	for len(query) > 0 {
		var segment []byte
		segment, query = cutSegment(query)
		if namedAny(segment, names) {
			continue
		}
		for hidden := true; hidden; {
			var part []byte
			if part, segment, hidden = bytes.Cut(segment, []byte(";")); namedAny(part, names) {
				return true
			}
		}
	}
	return false
}

// named reports whether the query parameter in segment is called name, however
// its name is spelled: percent-encoded, in any letter case, without a value. A
// NUL ends it, as it does for those who read the name as a C string.
func named(segment []byte, name string) bool {
	matched := 0
	for i := 0; i < len(segment) && segment[i] != '='; i++ {
		c := segment[i]
		if c == '%' {
			if decoded, ok := unhex(segment[i+1:]); ok {
				c = decoded
				i += 2
			}
		}
		if c == 0 {
			break
		}
		if matched == len(name) || lower(c) != name[matched] {
			return false
		}
		matched++
	}
	return matched == len(name)
}

// valueOf returns the decoded value of a parameter. What cannot be decoded stands as
// it is: it is nobody's name, and not nothing.
func valueOf(segment []byte) string {
	_, raw, _ := bytes.Cut(segment, []byte("="))
	value, err := url.QueryUnescape(string(raw))
	if err != nil {
		return string(raw)
	}
	return value
}

// hearQuery calls hear with each parameter of query that is called by a name in
// names, and with that name.
func hearQuery(query []byte, names []string, hear func(name, value string)) {
	for len(query) > 0 {
		var segment []byte
		segment, query = cutSegment(query)
		for _, name := range names {
			if named(segment, name) {
				hear(name, valueOf(segment))
				break
			}
		}
	}
}
