package wire

// Unhex decodes the two hexadecimal digits that b begins with.
func Unhex(b []byte) (byte, bool) {
	if len(b) < 2 {
		return 0, false
	}
	high, ok1 := hexDigit(b[0])
	low, ok2 := hexDigit(b[1])
	return high<<4 | low, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch c = Lower(c); {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// Lower returns c in lower case if it is an ASCII letter, and otherwise c. Header names,
// host names and WeChat's paths are ASCII.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// IsFold reports whether b is name in any letter case. name has to be in lower case.
func IsFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if c != name[i] && Lower(c) != name[i] {
			return false
		}
	}
	return true
}

// SameName reports whether a and b are the same in any letter case.
func SameName(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if Lower(c) != Lower(b[i]) {
			return false
		}
	}
	return true
}

// IsASCIILetter reports whether r is one of the letters a to z, in either case.
func IsASCIILetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
