package event

import (
	"bytes"
	"slices"
	"strings"
)

// ofEvents are the members of an event that are read, ofMessages those of a message. Each is
// text.
var (
	ofEvents = []string{
		"AppId", "CreateTime", "InfoType", "AuthorizerAppid", "AuthorizationCode", "AuthorizationCodeExpiredTime",
		"ComponentVerifyTicket", "appid", "auth_code",
	}
	ofMessages = []string{"ToUserName", "FromUserName", "MsgType", "Event", "Content"}
)

// maxDepth is how deep elements may be nested. WeChat's are within one other.
const maxDepth = 16

// A scanner reads the members of the outermost element.
type scanner struct {
	rest   []byte
	wanted []string // the members that are read
	within []string // the names of the elements around, the outermost first
	text   []byte   // of the wanted member around
	values map[string]string
}

// scan returns the members of the outermost element that are wanted, and reports whether
// text is an event at all.
func scan(text []byte, wanted []string) (values map[string]string, ok bool) {
	text = bytes.TrimPrefix(bytes.TrimSpace(text), []byte("\ufeff"))
	s := scanner{rest: bytes.TrimSpace(text), wanted: wanted, values: map[string]string{}}
	if len(s.rest) == 0 || s.rest[0] != '<' {
		return nil, false
	}
	for len(s.rest) > 0 {
		if !s.step() {
			return nil, false
		}
	}
	return s.values, s.leave(0)
}

// step reads one piece of text, or one tag.
func (s *scanner) step() bool {
	const cdata, cdataEnd = "<![CDATA[", "]]>"
	switch {
	case s.rest[0] != '<':
		end := bytes.IndexByte(s.rest, '<')
		if end < 0 {
			end = len(s.rest)
		}
		return s.add(unescaped(string(s.take(end))))
	case bytes.HasPrefix(s.rest, []byte(cdata)):
		content, found := s.until(len(cdata), cdataEnd)
		return found && s.add(string(content))
	case bytes.HasPrefix(s.rest, []byte("<!--")):
		_, found := s.until(len("<!--"), "-->")
		return found
	case bytes.HasPrefix(s.rest, []byte("<?")):
		_, found := s.until(len("<?"), "?>")
		return found
	case bytes.HasPrefix(s.rest, []byte("<!")): // a DTD is never read
		return false
	}
	tag, found := s.until(1, ">")
	return found && s.tag(string(tag))
}

// unescaped returns text without the references that XML has by itself. No value that is
// read has others.
func unescaped(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'", "&amp;", "&").Replace(text)
}

// take returns the next n bytes.
func (s *scanner) take(n int) []byte {
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	return taken
}

// until returns what is between the first n bytes and end.
func (s *scanner) until(n int, end string) ([]byte, bool) {
	size := bytes.Index(s.rest[n:], []byte(end))
	if size < 0 {
		return nil, false
	}
	content := s.rest[n : n+size]
	s.rest = s.rest[n+size+len(end):]
	return content, true
}

// member returns the wanted member around, if there is one and nothing else within it.
func (s *scanner) member() string {
	if len(s.within) == 2 && slices.Contains(s.wanted, s.within[1]) {
		return s.within[1]
	}
	return ""
}

// add adds text to the member around.
func (s *scanner) add(text string) bool {
	if s.member() != "" {
		s.text = append(s.text, text...)
	}
	return len(s.text) <= maxText
}

// tag reads what is between "<" and ">".
func (s *scanner) tag(tag string) bool {
	name, isEnd := nameOf(tag)
	if name == "" {
		return false
	}
	if last := len(s.within) - 1; isEnd || last >= 0 && s.within[last] == name {
		// the start tag of the element around stands for its end tag
		at := lastIndex(s.within, name)
		return at < 0 || s.leave(at)
	}
	if s.member() != "" && !s.leave(1) { // it has no elements in it: its end tag is missing
		return false
	}
	if len(s.within) == 0 && len(s.values) > 0 || len(s.within) == maxDepth {
		return false
	}
	if tag[len(tag)-1] != '/' {
		s.within = append(s.within, name)
	}
	return true
}

// nameOf returns the name in a tag.
func nameOf(tag string) (name string, isEnd bool) {
	if isEnd = len(tag) > 0 && tag[0] == '/'; isEnd {
		tag = tag[1:]
	}
	for i, c := range tag {
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '/' {
			return tag[:i], isEnd
		}
		if c == '<' {
			return "", false
		}
	}
	return tag, isEnd
}

func lastIndex(names []string, name string) int {
	for i := len(names) - 1; i >= 0; i-- {
		if names[i] == name {
			return i
		}
	}
	return -1
}

// leave leaves all elements but the n outermost ones. A member that stands there twice must
// say the same.
func (s *scanner) leave(n int) bool {
	if len(s.within) > n && len(s.within) > 1 && n <= 1 {
		s.within = s.within[:2]
		if name := s.member(); name != "" {
			value := string(bytes.TrimSpace(s.text))
			if before, isThere := s.values[name]; isThere && before != value {
				return false
			}
			s.values[name] = value
		}
	}
	s.within, s.text = s.within[:min(n, len(s.within))], nil
	return true
}
