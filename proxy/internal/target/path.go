package target

import (
	"bytes"
	"unicode/utf8"

	"wxproxy/proxy/internal/wire"
)

// decodePath sets the policy path from the raw one and refuses every spelling
// that two readers could understand differently. Besides the obvious ones:
//
//   - a ';', behind which some readers see parameters and not the path;
//   - an encoded '%', which a second decoder would decode again;
//   - an encoded '?' or '#', which ends the path for who decodes first;
//   - bytes that are not UTF-8, among them the overlong spellings of a slash;
//   - a space at either end of a segment, which some readers trim.
//
// No path of WeChat's has any of these. A slash at the end makes no other path
// for some readers, so the policy path has none.
func (t *Target) decodePath() error {
	if t.copyPath() {
		return nil
	}
	t.Policy = t.Policy[:0]
	for i := 0; i < len(t.Path); i++ {
		c, encoded := t.Path[i], t.Path[i] == '%'
		if encoded {
			var ok bool
			if c, ok = wire.Unhex(t.Path[i+1:]); !ok {
				return errPathPercentage
			}
			i += 2
		}
		if err := t.misread(c, encoded); err != nil {
			return err
		}
		t.Policy = append(t.Policy, wire.Lower(c))
	}
	if hasDotSegment(t.Policy) {
		return errPathDots
	}
	if !utf8.Valid(t.Policy) || hasLooseSpace(t.Policy) {
		return errPathReading
	}
	if len(t.Policy) > len("/") {
		t.Policy = bytes.TrimSuffix(t.Policy, rootPath)
	}
	return nil
}

// copyPath sets the policy path from one that has only one reading at first sight,
// as all of WeChat's have, and reports whether it does.
func (t *Target) copyPath() bool {
	t.Policy = append(t.Policy[:0], t.Path...)
	before := byte(0)
	for i, c := range t.Policy {
		plain := plainInPath[c]
		if plain == 0 || plain == '/' && before == '/' {
			return false
		}
		t.Policy[i], before = plain, plain
	}
	if len(t.Policy) > len("/") && before == '/' {
		t.Policy = t.Policy[:len(t.Policy)-1]
	}
	return true
}

// plainInPath has the bytes that have one reading wherever they stand in a path, in
// lower case; for others 0. Two slashes are another matter.
var plainInPath = wire.LoweredSet(wire.Alphanumeric + "/_-")

// misread tells why c, next in the path, could be understood in two ways.
func (t *Target) misread(c byte, encoded bool) error {
	switch {
	case c < ' ' || c == 0x7f:
		return errTargetByte
	case c == '\\', c == '/' && (encoded || endsWithSlash(t.Policy)):
		return ErrPathSlash
	case c == ';' || c == '%' || c == '?' || c == '#':
		return errPathReading
	}
	return nil
}

func endsWithSlash(b []byte) bool { return len(b) > 0 && b[len(b)-1] == '/' }

// hasDotSegment reports whether a segment of the decoded path is "." or "..".
func hasDotSegment(path []byte) bool {
	for len(path) > 0 {
		segment := path[1:]
		next := bytes.IndexByte(segment, '/')
		if next < 0 {
			next = len(segment)
		}
		segment, path = segment[:next], segment[next:]
		if len(segment) > 0 && len(bytes.Trim(segment, ".")) == 0 && len(segment) <= 2 {
			return true
		}
	}
	return false
}

// hasLooseSpace reports whether a segment of the decoded path begins or ends
// with a space.
func hasLooseSpace(path []byte) bool {
	return bytes.Contains(path, []byte("/ ")) || bytes.Contains(path, []byte(" /")) || bytes.HasSuffix(path, []byte(" "))
}
