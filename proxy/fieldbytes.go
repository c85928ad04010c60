package proxy

import "encoding/binary"

// isName reports whether name can be a header's.
func isName(name []byte) bool {
	for _, c := range name {
		if !tokenBytes[c] {
			return false
		}
	}
	return len(name) > 0
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

var (
	// tokenBytes are the bytes of a header's name (RFC 9110, 5.6.2).
	tokenBytes = setOf(alphanumeric + "!#$%&'*+-.^_`|~")

	// unreserved are the bytes that need no escape anywhere in a URL (RFC 3986, 2.3).
	unreserved = setOf(alphanumeric + "-._~")
)

func setOf(bytes string) (set [256]bool) {
	for _, c := range []byte(bytes) {
		set[c] = true
	}
	return set
}

// isValue reports whether value has no control bytes but tabs (RFC 9112, section
// 5). It looks at eight bytes at a time, and closer if one may be such a byte.
func isValue(value []byte) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for len(value) >= 8 {
		word := binary.LittleEndian.Uint64(value)
		deleted := word ^ each*0x7f
		if ((word-each*' ')&^word|(deleted-each)&^deleted)&high != 0 && !isPrintable(value[:8]) {
			return false
		}
		value = value[8:]
	}
	return isPrintable(value)
}

func isPrintable(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// trimSpace cuts off what HTTP takes for white space around a value, and no more.
func trimSpace(value []byte) []byte {
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for n := len(value); n > 0 && (value[n-1] == ' ' || value[n-1] == '\t'); n-- {
		value = value[:n-1]
	}
	return value
}

// isVisible reports whether b has no space, no control byte and no '#'.
func isVisible(b []byte) bool {
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
