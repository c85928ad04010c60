package message

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// startTag reads the start tag, or the tag of an empty element, that the rest begins with.
func (s *xmlScanner) startTag() (name []byte, isEmpty bool, err error) {
	rest := s.rest[1:]
	size := nameEnd(rest)
	name, rest = rest[:size], rest[size:]
	if size == 0 {
		return nil, false, ErrFormat
	}
	for {
		behind := bytes.TrimLeft(rest, blanks)
		switch {
		case bytes.HasPrefix(behind, []byte(">")):
			s.rest = behind[1:]
			return name, false, nil
		case bytes.HasPrefix(behind, []byte("/>")):
			s.rest = behind[2:]
			return name, true, nil
		case len(behind) == len(rest): // nothing stands between the name and an attribute
			return nil, false, ErrFormat
		}
		if rest = afterAttribute(behind); rest == nil {
			return nil, false, ErrFormat
		}
	}
}

// afterAttribute returns what follows the attribute that text begins with, nil if it
// begins with none. A value is not looked at: none of ours is in one.
func afterAttribute(text []byte) []byte {
	size := nameEnd(text)
	rest, isPair := bytes.CutPrefix(bytes.TrimLeft(text[size:], blanks), []byte("="))
	rest = bytes.TrimLeft(rest, blanks)
	if size == 0 || !isPair || len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return nil
	}
	end := bytes.IndexByte(rest[1:], rest[0])
	if end < 0 || bytes.IndexByte(rest[1:1+end], '<') >= 0 {
		return nil
	}
	return rest[1+end+1:]
}

// nameEnd returns the length of the name that text begins with, 0 if it begins with none.
func nameEnd(text []byte) int {
	for i, b := range text {
		isFirst := 'a' <= b|0x20 && b|0x20 <= 'z' || b == '_' || b == ':' || b >= utf8.RuneSelf
		if !isFirst && (i == 0 || (b < '0' || b > '9') && b != '-' && b != '.') {
			return i
		}
	}
	return len(text)
}

// referenced returns the character that a reference of this name, between "&" and ";",
// stands for. Without a DTD there are no others.
func referenced(name []byte) (character []byte, ok bool) {
	switch string(name) {
	case "lt":
		return []byte("<"), true
	case "gt":
		return []byte(">"), true
	case "amp":
		return []byte("&"), true
	case "apos":
		return []byte("'"), true
	case "quot":
		return []byte(`"`), true
	}
	digits, isNumber := bytes.CutPrefix(name, []byte("#"))
	base := 10
	if hex, isHex := bytes.CutPrefix(digits, []byte("x")); isHex {
		digits, base = hex, 16
	}
	if !isNumber || len(digits) > 16 {
		return nil, false
	}
	code, err := strconv.ParseUint(string(digits), base, 21)
	if err != nil || !utf8.ValidRune(rune(code)) {
		return nil, false
	}
	return utf8.AppendRune(nil, rune(code)), true
}
