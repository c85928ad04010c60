package secret

import (
	"bytes"
	"strconv"
)

// begins has the bytes that begin an escape.
var begins = [256]bool{0: true, '%': true, '&': true, '\\': true}

// unescaped returns the byte that the escape at the beginning of b stands for, and the
// length of the escape, which is 0 if there is none. The byte 0, which the caller leaves
// out, is the other half of an ASCII character in UTF-16.
func unescaped(b []byte) (c byte, n int) {
	switch b[0] {
	case 0:
		return 0, 1
	case '%':
		return number(b, len("%"), 2, 16)
	case '&':
		return entity(b)
	case '\\':
		return backslashed(b)
	}
	return 0, 0
}

// backslashed undoes an escape of JSON or a script.
func backslashed(b []byte) (c byte, n int) {
	switch {
	case len(b) < 2:
		return 0, 0
	case b[1] == 'u':
		return number(b, len(`\u`), 4, 16)
	case b[1] == 'x':
		return number(b, len(`\x`), 2, 16)
	case '0' <= b[1] && b[1] <= '9':
		return number(b, len(`\`), 3, 8)
	case b[1] <= ' ' || b[1] >= 0x7f || 'a' <= b[1] && b[1] <= 'z':
		return 0, 0
	}
	return b[1], 2
}

// number undoes an escape that consists of begun bytes and then so many digits to base.
func number(b []byte, begun, digits, base int) (c byte, n int) {
	if len(b) < begun+digits {
		return 0, 0
	}
	code, err := strconv.ParseUint(string(b[begun:begun+digits]), base, 32)
	if err != nil || code == 0 || code > 0x7f {
		return 0, 0
	}
	return lower(byte(code)), begun + digits
}

// entity undoes an escape of XML or HTML, the semicolon of which may be missing.
func entity(b []byte) (c byte, n int) {
	n, begun, base := len("&"), len("&"), 0 // of a name
	switch {
	case bytes.HasPrefix(b, []byte("&#x")):
		n, begun, base = len("&#x"), len("&#x"), 16
	case bytes.HasPrefix(b, []byte("&#")):
		n, begun, base = len("&#"), len("&#"), 10
	}
	for n < min(len(b), begun+longestEntity) && ofEntity(b[n], base) {
		n++
	}
	name := string(b[begun:n])
	if n < len(b) && b[n] == ';' {
		n++
	}
	if base == 0 {
		if c = entities[name]; c == 0 {
			n = 0
		}
		return c, n
	}
	code, err := strconv.ParseUint(name, base, 64)
	if err != nil || code == 0 || code > 0x7f {
		return 0, 0
	}
	return lower(byte(code)), n
}

// longestEntity is how many letters or digits of an entity are read. It leaves room for
// some needless zeros before a number.
const longestEntity = 10

// ofEntity reports whether c can stand in an entity: in a number to base, or in a name if
// base is 0.
func ofEntity(c byte, base int) bool {
	switch base {
	case 10:
		return '0' <= c && c <= '9'
	case 16:
		return '0' <= c && c <= '9' || 'a' <= c && c <= 'f'
	}
	return 'a' <= c && c <= 'z'
}

// entities are the named ones that stand for a byte of a credential, or of an escape in
// one.
var entities = map[string]byte{
	"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\'', "equals": '=', "colon": ':', "bsol": '\\',
	"num": '#', "percnt": '%', "semi": ';', "lowbar": '_', "underbar": '_', "hyphen": '-', "dash": '-', "period": '.',
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
