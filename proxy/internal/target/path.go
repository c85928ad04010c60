package target

import (
	"bytes"
	"unicode/utf8"

	"wxproxy/proxy/internal/wire"
)

// decodePath sets the policy path from the raw one and refuses every spelling
// that two readers could understand differently. Besides the obvious ones:
//
//   - a ';', behind which some readers see parameters instead of the path;
//   - an encoded '%', which a second decoder would decode again;
//   - an encoded '?' or '#', which ends the path for a reader that decodes first;
//   - bytes that are not UTF-8, among them the overlong spellings of a slash;
//   - a space at either end of a segment, which some readers trim.
//
// No path of WeChat's has any of these. Some readers take a path with a slash at its
// end for the same as without, so the policy path has none there.
func (t *Target) decodePath() error {
	if t.decodePlainPath() {
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
		if err := t.checkByte(c, encoded); err != nil {
			return err
		}
		t.Policy = append(t.Policy, wire.Lower(c))
	}
	if hasDotSegment(t.Policy) {
		return errPathDots
	}
	if !utf8.Valid(t.Policy) || hasLooseSpace(t.Policy) {
		return errPathAmbiguous
	}
	if len(t.Policy) > len("/") {
		t.Policy = bytes.TrimSuffix(t.Policy, rootPath)
	}
	return nil
}

// decodePlainPath sets the policy path if the path consists of bytes of plainInPath, as
// all paths of WeChat do, and reports whether it does.
func (t *Target) decodePlainPath() bool {
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

// plainInPath has, in lower case, the bytes that every reader understands in the same
// way wherever they stand in a path, and 0 for all others. Only of two slashes in a row
// that is not true.
var plainInPath = wire.LoweredSet(wire.Alphanumeric + "/_-")

// checkByte refuses c as the path's next byte if it could be understood in two ways.
func (t *Target) checkByte(c byte, encoded bool) error {
	switch {
	case c < ' ' || c == 0x7f:
		return errTargetByte
	case c == '\\', c == '/' && (encoded || endsWithSlash(t.Policy)):
		return errPathSlash
	case c == ';' || c == '%' || c == '?' || c == '#':
		return errPathAmbiguous
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
