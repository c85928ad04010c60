package trace

import "bytes"

// Where a traceparent such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
// has what, as https://www.w3.org/TR/trace-context/ says.
const (
	versionEnd  = 2
	idStart     = 3
	idEnd       = 35
	spanStart   = 36
	spanEnd     = 52
	flagsStart  = 53
	length      = 55
	maxLongest  = 256 // of one of a later version
	maxState    = 2 << 10
	firstFormat = "00"
)

// Lines are the trace headers that a request came with.
type Lines struct {
	parent  []byte // within the request's header
	parents int
	state   []byte // of all lines, a comma between them
}

// Note takes a line: a traceparent, or else a tracestate.
func (l *Lines) Note(isParent bool, value []byte) {
	switch {
	case isParent:
		l.parent, l.parents = value, l.parents+1
	case len(l.state) == 0:
		l.state = value
	case len(l.state) <= maxState:
		l.state = bytes.Join([][]byte{l.state, value}, []byte(","))
	}
}

// Headers returns what the lines say. They say nothing if there are two traceparents, or
// one that is none or holds what isSecret says; then its tracestate says nothing either.
// A nil isSecret knows no secret.
func (l *Lines) Headers(isSecret func(word []byte) bool) Headers {
	p := l.parent
	if isSecret == nil {
		isSecret = func([]byte) bool { return false }
	}
	if l.parents != 1 || !isTraceparent(p) || isSecret(p[idStart:idEnd]) || isSecret(p[spanStart:spanEnd]) {
		return Headers{}
	}
	h := Headers{Traceparent: string(p)}
	if len(l.state) <= maxState && !holdsSecret(l.state, isSecret) {
		h.Tracestate = string(l.state)
	}
	return h
}

// isTraceparent reports whether value names a span. One of a later version may say more
// behind what is known.
func isTraceparent(value []byte) bool {
	if len(value) < length || len(value) > maxLongest {
		return false
	}
	version, id, span, flags := value[:versionEnd], value[idStart:idEnd], value[spanStart:spanEnd], value[flagsStart:length]
	if string(version) == firstFormat && len(value) != length || len(value) > length && value[length] != '-' {
		return false
	}
	return value[versionEnd] == '-' && value[idEnd] == '-' && value[spanEnd] == '-' &&
		isHex(version) && string(version) != "ff" && isID(id) && isID(span) && isHex(flags)
}

// isID reports whether an id is one: it is not all zeros.
func isID(id []byte) bool { return isHex(id) && len(bytes.Trim(id, "0")) > 0 }

func isHex(word []byte) bool {
	for _, c := range word {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// holdsSecret reports whether a part of a tracestate is a secret.
func holdsSecret(state []byte, isSecret func(word []byte) bool) bool {
	for _, word := range bytes.FieldsFunc(state, func(c rune) bool { return c == ',' || c == '=' || c == ' ' || c == '\t' }) {
		if isSecret(word) {
			return true
		}
	}
	return false
}
