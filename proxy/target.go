package proxy

import (
	"bytes"
	"errors"
)

// A target is the request target, taken apart once. Every decision is made on
// the same bytes that WeChat will read, so that one path is meant by everyone
// who looks at it.
type target struct {
	selector []byte // NAME or APPID of a "/@NAME" prefix; nil without one
	path     []byte // raw, as WeChat will read it
	query    []byte // raw, with its '?'; empty without one
	policy   []byte // the path decoded and in lower case: what tables and patterns are matched against
}

// Reasons to refuse a target. They go to the caller, so they quote nothing.
var (
	errTargetForm     = errors.New("the request target must begin with '/' or name WeChat's own host")
	errTargetHost     = errors.New("the request target names a host that is not WeChat's")
	errTargetByte     = errors.New("the request target holds a space, a control byte or a '#'")
	errPathSlash      = errors.New("the path holds '//', '\\' or an encoded slash")
	errPathDots       = errors.New("the path holds a '.' or '..' segment")
	errPathPercentage = errors.New("the path holds a '%' that is not followed by two hexadecimal digits")
)

// parse takes raw apart, keeping references into it. hosts are the hosts that
// an absolute-form target may name. The policy buffer is used again.
func (t *target) parse(raw []byte, hosts []string) error {
	t.selector, t.path, t.query = nil, nil, nil
	for _, c := range raw {
		if c <= ' ' || c == 0x7f || c == '#' {
			return errTargetByte
		}
	}
	rest, err := originForm(raw, hosts)
	if err != nil {
		return err
	}
	if i := bytes.IndexByte(rest, '?'); i >= 0 {
		rest, t.query = rest[:i], rest[i:]
	}
	t.cutSelector(rest)
	return t.decodePath()
}

// cutSelector splits "/@NAME/rest" into the account's name and "/rest".
func (t *target) cutSelector(path []byte) {
	t.path = path
	if !bytes.HasPrefix(path, []byte("/@")) {
		return
	}
	end := bytes.IndexByte(path[2:], '/')
	if end < 0 {
		t.selector, t.path = path[2:], rootPath
		return
	}
	t.selector, t.path = path[2:2+end], path[2+end:]
}

// decodePath sets the policy path from the raw one and refuses every spelling
// that two readers could understand differently.
func (t *target) decodePath() error {
	t.policy = t.policy[:0]
	for i := 0; i < len(t.path); i++ {
		c, encoded := t.path[i], t.path[i] == '%'
		if encoded {
			var ok bool
			if c, ok = unhex(t.path[i+1:]); !ok {
				return errPathPercentage
			}
			i += 2
		}
		switch {
		case c < ' ' || c == 0x7f:
			return errTargetByte
		case c == '\\', c == '/' && (encoded || endsWithSlash(t.policy)):
			return errPathSlash
		}
		t.policy = append(t.policy, lower(c))
	}
	if hasDotSegment(t.policy) {
		return errPathDots
	}
	return nil
}

// originForm turns "http://api.weixin.qq.com/path?query", which a program with
// http_proxy set sends, into "/path?query".
func originForm(raw []byte, hosts []string) ([]byte, error) {
	if len(raw) > 0 && raw[0] == '/' {
		return raw, nil
	}
	i := bytes.Index(raw, []byte("://"))
	if i < 0 || !isFold(raw[:i], "http") && !isFold(raw[:i], "https") {
		return nil, errTargetForm
	}
	authority := raw[i+len("://"):]
	rest := rootPath
	if end := bytes.IndexAny(authority, "/?"); end >= 0 {
		authority, rest = authority[:end], authority[end:]
	}
	for _, host := range hosts {
		if !isFold(authority, host) {
			continue
		}
		if rest[0] == '?' {
			return nil, errTargetForm
		}
		return rest, nil
	}
	return nil, errTargetHost
}

var rootPath = []byte("/")

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

// unhex decodes the two hexadecimal digits that b begins with.
func unhex(b []byte) (byte, bool) {
	if len(b) < 2 {
		return 0, false
	}
	high, ok1 := hexDigit(b[0])
	low, ok2 := hexDigit(b[1])
	return high<<4 | low, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch c = lower(c); {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// lower folds the case of ASCII letters only: header names, host names and
// WeChat's paths are ASCII.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// isFold reports whether b is name in any letter case. name is in lower case.
func isFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if lower(c) != name[i] {
			return false
		}
	}
	return true
}
