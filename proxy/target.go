package proxy

import (
	"bytes"
	"errors"
)

// A target is the request target, taken apart once. Every decision is made on
// the same bytes that WeChat will read, so that one path is meant by everyone
// who looks at it.
type target struct {
	selector []byte // NAME or APPID of a "/@NAME" or "/%40NAME" prefix; nil without one
	path     []byte // raw, as WeChat will read it
	query    []byte // raw, with its '?'; empty without one
	policy   []byte // the path decoded, in lower case, without a slash at its end: what tables and patterns are matched against
}

// Reasons to refuse a target. They go to the caller, so they quote nothing.
var (
	errTargetForm     = errors.New("the request target must begin with '/' or name WeChat's own host")
	errTargetHost     = errors.New("the request target names a host that is not WeChat's")
	errTargetByte     = errors.New("the request target holds a space, a control byte or a '#'")
	errTargetHidden   = errors.New("the query holds a parameter that is the proxy's to set, such as access_token, behind a ';'")
	errPathSlash      = errors.New("the path holds '//', '\\' or an encoded slash")
	errPathDots       = errors.New("the path holds a '.' or '..' segment")
	errPathPercentage = errors.New("the path holds a '%' that is not followed by two hexadecimal digits")
	errPathReading    = errors.New("the path holds a ';', an encoded '%', '?' or '#', a space beside a slash, or bytes that are not UTF-8")
)

// parse takes raw apart, keeping references into it. hosts are the hosts that
// an absolute-form target may name, own the parameters that are the proxy's to set.
// The policy buffer is used again.
func (t *target) parse(raw []byte, hosts, own []string) error {
	if err := t.split(raw, hosts); err != nil {
		return err
	}
	return t.understand(own)
}

// split finds the parts of raw.
func (t *target) split(raw []byte, hosts []string) error {
	t.selector, t.path, t.query = nil, nil, nil
	if !isVisible(raw) {
		return errTargetByte
	}
	rest, err := originForm(raw, hosts)
	if err != nil {
		return err
	}
	if i := bytes.IndexByte(rest, '?'); i >= 0 {
		rest, t.query = rest[:i], rest[i:]
	}
	t.cutSelector(rest)
	return nil
}

// understand sets the policy path, if path and query have one reading. own are the
// parameters that are the proxy's to set.
func (t *target) understand(own []string) error {
	if hides(t.query, own) {
		return errTargetHidden
	}
	return t.decodePath()
}

// cutSelector splits "/@NAME/rest" into the account's name and "/rest". Programs
// that build URLs may write the '@' as "%40".
func (t *target) cutSelector(path []byte) {
	t.path = path
	rest, found := bytes.CutPrefix(path, []byte("/@"))
	if !found {
		if rest, found = bytes.CutPrefix(path, []byte("/%40")); !found {
			return
		}
	}
	end := bytes.IndexByte(rest, '/')
	if end < 0 {
		t.selector, t.path = plainName(rest), rootPath
		return
	}
	t.selector, t.path = plainName(rest[:end]), rest[end:]
}

// plainName returns an account's name as it is without needless escapes. Others
// stay, so that it is nobody's.
func plainName(name []byte) []byte {
	if bytes.IndexByte(name, '%') < 0 {
		return name
	}
	plain := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' {
			if decoded, ok := unhex(name[i+1:]); ok && unreserved[decoded] {
				c = decoded
				i += 2
			}
		}
		plain = append(plain, c)
	}
	return plain
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
