package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// IsName reports whether name can be the name of a header.
func IsName(name []byte) bool {
	for _, c := range name {
		if tokenBytes[c] == 0 {
			return false
		}
	}
	return len(name) > 0
}

// Alphanumeric are the letters of ASCII in either case, and the digits.
const Alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// tokenBytes has each byte that a header's name may hold (RFC 9110, 5.6.2), in lower case,
// and 0 for all others.
var tokenBytes = LoweredSet(Alphanumeric + "!#$%&'*+-.^_`|~")

// Unreserved are the bytes that need no escape anywhere in a URL (RFC 3986, 2.3).
var Unreserved = setOf(Alphanumeric + "-._~")

// LoweredSet returns a table that has each of bytes in lower case, and 0 for all others.
func LoweredSet(bytes string) (set [256]byte) {
	for _, c := range []byte(bytes) {
		set[c] = Lower(c)
	}
	return set
}

func setOf(bytes string) (set [256]bool) {
	for _, c := range []byte(bytes) {
		set[c] = true
	}
	return set
}

// IsValue reports whether value holds no control byte, except tabs (RFC 9112, section 5).
func IsValue(value []byte) bool { return controlAt(value) == len(value) }

// controlAt returns where the first control byte in b is, tabs excepted, and the length of
// b if there is none. It looks at eight bytes at a time.
func controlAt(b []byte) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for i := 0; i < len(b); i++ {
		if len(b)-i >= 8 {
			word := binary.LittleEndian.Uint64(b[i:])
			deleted := word ^ each*0x7f
			found := ((word-each*' ')&^word | (deleted-each)&^deleted) & high
			if found == 0 {
				i += 7
				continue
			}
			i += bits.TrailingZeros64(found) / 8 // to the first one; what is found behind it may be none
		}
		if c := b[i]; c < ' ' && c != '\t' || c == 0x7f {
			return i
		}
	}
	return len(b)
}

// cutField returns where the header line that b begins with has its colon and where it has
// its CR and LF, and reports whether HTTP allows the line. It puts the name into name.
func cutField(b []byte, name *FieldName) (colon, end int, ok bool) {
	for colon < len(b) {
		c := tokenBytes[b[colon]]
		if c == 0 {
			break
		}
		if colon < len(name) {
			name[colon] = c
		}
		colon++
	}
	if colon == 0 || colon == len(b) || b[colon] != ':' {
		return 0, 0, false
	}
	end = colon + controlAt(b[colon:])
	return colon, end, end+1 < len(b) && b[end] == '\r' && b[end+1] == '\n'
}

// NextField takes the header line that b begins with apart: the kind of its name, its
// value without white space around it, and how long it is with its CR and LF. It reports
// whether HTTP allows the line.
func NextField(b []byte) (kind HeaderKind, value []byte, length int, ok bool) {
	var name FieldName
	colon, end, ok := cutField(b, &name)
	if !ok {
		return 0, nil, 0, false
	}
	return name.Kind(colon), trimOWS(b[colon+1 : end]), end + len("\r\n"), true
}

// trimOWS removes spaces and tabs around a value, which are all that HTTP takes for
// white space there.
func trimOWS(value []byte) []byte {
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for n := len(value); n > 0 && (value[n-1] == ' ' || value[n-1] == '\t'); n-- {
		value = value[:n-1]
	}
	return value
}

// IsVisible reports whether b has no space, no control byte and no '#'.
func IsVisible(b []byte) bool {
	for _, c := range b {
		if invisible[c] {
			return false
		}
	}
	return true
}

var invisible = func() (set [256]bool) {
	for c := range set {
		set[c] = c <= ' ' || c == 0x7f || c == '#'
	}
	return set
}()

// Listed reports whether the comma-separated list holds name, in any letter case.
func Listed(list, name []byte) bool {
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte(","))
		if SameName(trimOWS(item), name) {
			return true
		}
	}
	return false
}
