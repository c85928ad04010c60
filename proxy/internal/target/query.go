package target

import (
	"bytes"
	"net/url"

	"wxproxy/proxy/internal/wire"
)

// A Parameter is a query parameter that the proxy adds.
type Parameter struct {
	Name  string
	Value string
}

// AppendQuery appends query (with its '?', or empty) to dst without the
// parameters called by a name in remove. The others keep their bytes and their
// order: signatures such as pay_sig are computed over them.
func AppendQuery(dst, query []byte, remove []string) []byte {
	separator := byte('?')
	for len(query) > 0 {
		var segment []byte
		segment, query = CutSegment(query)
		if IsNamedAny(segment, remove) {
			continue
		}
		dst = append(append(dst, separator), segment...)
		separator = '&'
	}
	return dst
}

// AppendParameter appends a parameter to a target that ends at its query, which
// begins at start if there is one.
func AppendParameter(dst []byte, start int, p Parameter) []byte {
	switch {
	case len(dst) == start:
		dst = append(dst, '?')
	case len(dst) > start+1: // more than a bare '?'
		dst = append(dst, '&')
	}
	return appendEscaped(append(append(dst, p.Name...), '='), p.Value)
}

// appendEscaped appends value as a query value. The tokens that WeChat issues
// need no escaping; any other value is escaped as net/url does it.
func appendEscaped(dst []byte, value string) []byte {
	start := len(dst)
	dst = append(dst, value...)
	for _, c := range dst[start:] {
		if !wire.Unreserved[c] {
			return append(dst[:start], url.QueryEscape(value)...)
		}
	}
	return dst
}

// QueryValue returns the decoded value of the first parameter called name; a value
// that cannot be decoded counts as empty. No parameter has the empty name.
func QueryValue(query []byte, name string) (string, bool) {
	for len(query) > 0 && name != "" {
		var segment []byte
		segment, query = CutSegment(query)
		if !IsNamed(segment, name) {
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

// CutSegment returns the first parameter of query, which is not empty, without its
// '?' or '&', and what follows it.
func CutSegment(query []byte) (segment, rest []byte) {
	segment = query[1:]
	if i := bytes.IndexByte(segment, '&'); i >= 0 {
		segment = segment[:i]
	}
	return segment, query[1+len(segment):]
}

// IsNamedAny reports whether the parameter in segment is called by a name in names,
// in the sense of IsNamed.
func IsNamedAny(segment []byte, names []string) bool {
	for _, name := range names {
		if IsNamed(segment, name) {
			return true
		}
	}
	return false
}

// HasParameterBehindSemicolon reports whether query holds a parameter called by a name
// in names behind a ';'. Only readers that take a ';' for an '&', as HTML 4 did, see one
// there; for all others it belongs to the value before. Removing it could change that
// value, so the proxy refuses such a query. What stands behind a parameter that is
// removed anyway is removed with it, and does no harm.
func HasParameterBehindSemicolon(query []byte, names []string) bool {
	if bytes.IndexByte(query, ';') < 0 {
		return false
	}
	for len(query) > 0 {
		var segment []byte
		segment, query = CutSegment(query)
		if IsNamedAny(segment, names) {
			continue
		}
		for more := true; more; {
			var part []byte
			if part, segment, more = bytes.Cut(segment, []byte(";")); IsNamedAny(part, names) {
				return true
			}
		}
	}
	return false
}

// IsNamed reports whether the query parameter in segment is called name, however
// its name is spelled: percent-encoded, in any letter case, without a value. A
// NUL ends it, as it does for readers that keep the name as a C string.
func IsNamed(segment []byte, name string) bool {
	matched := 0
	for i := 0; i < len(segment) && segment[i] != '='; i++ {
		c := segment[i]
		if c == '%' {
			if decoded, ok := wire.Unhex(segment[i+1:]); ok {
				c = decoded
				i += 2
			}
		}
		if c == 0 {
			break
		}
		if matched == len(name) || wire.Lower(c) != name[matched] {
			return false
		}
		matched++
	}
	return matched == len(name)
}

// ValueOf returns the decoded value of a parameter. A value that cannot be decoded stays
// as it is: it names nobody, but it is not empty either.
func ValueOf(segment []byte) string {
	_, raw, _ := bytes.Cut(segment, []byte("="))
	value, err := url.QueryUnescape(string(raw))
	if err != nil {
		return string(raw)
	}
	return value
}

// EachNamed calls visit with each parameter of query that is called by a name in
// names: with that name, and the decoded value.
func EachNamed(query []byte, names []string, visit func(name, value string)) {
	for len(query) > 0 {
		var segment []byte
		segment, query = CutSegment(query)
		for _, name := range names {
			if IsNamed(segment, name) {
				visit(name, ValueOf(segment))
				break
			}
		}
	}
}

// ValueWithPrefix returns the first value in the query that a parameter called by a name in
// names has and that begins with prefix, or nil, and the rest of the query behind it.
func ValueWithPrefix(query []byte, names []string, prefix string) (text, rest []byte) {
	for len(query) > 0 {
		var segment []byte
		segment, query = CutSegment(query)
		if !IsNamedAny(segment, names) {
			continue
		}
		_, value, _ := bytes.Cut(segment, []byte("="))
		if bytes.IndexByte(value, '%') >= 0 {
			if plain, err := url.QueryUnescape(string(value)); err == nil {
				value = []byte(plain)
			}
		}
		if bytes.HasPrefix(value, []byte(prefix)) {
			return value, query
		}
	}
	return nil, nil
}
