// Package target takes the target of a request apart, path and query, refuses one that
// two readers could understand differently, and writes the target that WeChat gets.
package target

import (
	"bytes"
	"errors"

	"wxproxy/proxy/internal/wire"
)

// A Target is the request target, taken apart once. Every decision is made on the bytes
// that WeChat will read, so that no two parts of the proxy mean different paths.
type Target struct {
	Selector []byte // NAME or APPID of a "/@NAME" or "/%40NAME" prefix; nil without one
	Path     []byte // raw, as WeChat will read it
	Query    []byte // raw, with its '?'; empty without one
	Policy   []byte // the path decoded, in lower case, without a slash at its end: what tables and patterns are matched against
}

// The reasons to refuse a target. They go to the caller, so they quote nothing.
var (
	errTargetForm      = errors.New("the request target must begin with '/' or name the host of WeChat's or WeCom's API")
	errTargetHost      = errors.New("the request target names a host that is not WeChat's, nor WeCom's")
	errTargetByte      = errors.New("the request target holds a space, a control byte or a '#'")
	ErrBehindSemicolon = errors.New("the query holds a parameter that is the proxy's to set, such as access_token, behind a ';'")
	errPathSlash       = errors.New("the path holds '//', '\\' or an encoded slash")
	errPathDots        = errors.New("the path holds a '.' or '..' segment")
	errPathPercentage  = errors.New("the path holds a '%' that is not followed by two hexadecimal digits")
	errPathAmbiguous   = errors.New("the path holds a ';', an encoded '%', '?' or '#', a space beside a slash, or bytes that are not UTF-8")
)

// Parse takes raw apart, and keeps references into it: it is Split and then Decode.
func (t *Target) Parse(raw []byte, hosts, own []string) error {
	if err := t.Split(raw, hosts); err != nil {
		return err
	}
	return t.Decode(own)
}

// Split finds the parts of raw but for the policy path. hosts are the hosts that a
// target in absolute form may name.
func (t *Target) Split(raw []byte, hosts []string) error {
	t.Selector, t.Path, t.Query = nil, nil, nil
	if !wire.IsVisible(raw) {
		return errTargetByte
	}
	rest, err := originForm(raw, hosts)
	if err != nil {
		return err
	}
	if i := bytes.IndexByte(rest, '?'); i >= 0 {
		rest, t.Query = rest[:i], rest[i:]
	}
	t.cutSelector(rest)
	return nil
}

// Decode sets the policy path, in the memory of the last one, and refuses a path or a
// query that can be understood in two ways. own are the parameters that only the proxy
// sets.
func (t *Target) Decode(own []string) error {
	if HasParameterBehindSemicolon(t.Query, own) {
		return ErrBehindSemicolon
	}
	return t.decodePath()
}

// cutSelector splits "/@NAME/rest" into the account's name and "/rest". Programs
// that build URLs may write the '@' as "%40".
func (t *Target) cutSelector(path []byte) {
	t.Path = path
	rest, found := bytes.CutPrefix(path, []byte("/@"))
	if !found {
		if rest, found = bytes.CutPrefix(path, []byte("/%40")); !found {
			return
		}
	}
	end := bytes.IndexByte(rest, '/')
	if end < 0 {
		t.Selector, t.Path = unescapedName(rest), rootPath
		return
	}
	t.Selector, t.Path = unescapedName(rest[:end]), rest[end:]
}

// unescapedName returns an account's name without needless escapes. Other escapes stay,
// and so make it a name that no account has.
func unescapedName(name []byte) []byte {
	if bytes.IndexByte(name, '%') < 0 {
		return name
	}
	plain := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' {
			if decoded, ok := wire.Unhex(name[i+1:]); ok && (wire.Unreserved[decoded] || decoded == ':') {
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
	if i < 0 || !wire.IsFold(raw[:i], "http") && !wire.IsFold(raw[:i], "https") {
		return nil, errTargetForm
	}
	authority := raw[i+len("://"):]
	rest := rootPath
	if end := bytes.IndexAny(authority, "/?"); end >= 0 {
		authority, rest = authority[:end], authority[end:]
	}
	for _, host := range hosts {
		if !wire.IsFold(authority, host) {
			continue
		}
		if rest[0] == '?' {
			return nil, errTargetForm
		}
		return rest, nil
	}
	return nil, errTargetHost
}

// Authority returns the host, with its port, of a target in absolute form; nil: it is in
// another form.
func Authority(raw []byte) []byte {
	if len(raw) == 0 || raw[0] == '/' {
		return nil
	}
	_, authority, found := bytes.Cut(raw, []byte("://"))
	if !found {
		return nil
	}
	if end := bytes.IndexAny(authority, "/?"); end >= 0 {
		authority = authority[:end]
	}
	return authority
}

var rootPath = []byte("/")
