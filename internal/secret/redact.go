// Package secret keeps credentials out of what is printed: a [Secret] cannot be
// printed, and [Redact] takes credentials out of what others wrote, those that are
// known, however they are spelled, and what stands behind the name of one.
package secret

import (
	"bytes"
	"regexp"
)

// named matches a credential behind its name, in a URL, a form, JSON or XML, in lower case
// and unescaped. A user's code is left: it can be used once, for minutes, and other things are
// called a code, too.
const named = `(?:(?:access|refresh)_?token|secret|ticket|session_?key|(?:auth|authorization|permanent)_?code)(?:=["']?|["']\s*:\s*["']|>(?:<!\[cdata\[)?)([^&"'\\%\s<>\]]+)` +
	`|(?:ticket|authcode|refreshtoken)@@@([^&"'\\%\s<>\],]+)` // by which they begin themselves

// A Searcher looks for credentials, in a buffer that it uses again. Only one goroutine
// at a time may use it.
type Searcher struct{ buffer []byte }

// maxBuffer bounds the size of a buffer that is kept.
const maxBuffer = 8 << 10

// Replace puts mask in the place of each of values in text: in any letter case,
// plain or escaped for a URL, JSON, XML or a script, once or several times, in UTF-8
// or UTF-16. It reports whether there was any, and does not change text itself.
func (s *Searcher) Replace(text []byte, mask string, values []string) (redacted []byte, found bool) {
	r := search{text: text, buffer: s.buffer}
	for r.next() {
		r.findValues(values)
	}
	if cap(r.buffer) <= maxBuffer {
		s.buffer = r.buffer
	}
	return r.redacted(mask)
}

// Redact returns text with mask in the place of each of values, as
// [Searcher.Replace] does it, and of whatever stands behind the name of a credential.
func Redact(text []byte, mask string, values []string) []byte {
	r := search{text: text}
	masked := appendLowered(nil, mask)
	credential := regexp.MustCompile(named) // compiled here: it is seldom needed
	for r.next() {
		r.findValues(values)
		for _, match := range credential.FindAllSubmatchIndex(r.plain, -1) {
			from, to := max(match[2], match[4]), max(match[3], match[5]) // one of the two
			if !bytes.HasPrefix(r.plain[from:], masked) {                // nothing to hide any more
				r.found(from, to)
			}
		}
	}
	redacted, _ := r.redacted(mask)
	return redacted
}

func (s *search) findValues(values []string) {
	for _, value := range values {
		if value == "" {
			continue
		}
		sought := s.lowered(value)
		for at := 0; ; at += len(sought) {
			next := bytes.Index(s.plain[at:], sought)
			if next < 0 {
				break
			}
			at += next
			s.found(at, at+len(sought))
		}
	}
}

// Least returns the length of the longest part of value that stands in each of its
// spellings without an interruption, for [MayHold].
func Least(value string) int {
	longest, run := 0, 0
	for i := range len(value) {
		run++
		if !spells[value[i]] {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// MayHold reports whether text is worth searching for a value: whether it has least
// bytes in a row of those that credentials consist of, where least is what [Least]
// returned for the value. It looks at a few bytes only of most answers, whose words are
// short.
func MayHold(text []byte, least int) bool {
	if least <= 0 {
		return true
	}
	for begin := 0; begin+least <= len(text); {
		last := begin + least - 1
		for last >= begin && spells[text[last]] {
			last--
		}
		if last < begin {
			return true
		}
		begin = last + 1
	}
	return false
}

// spells has the bytes of which credentials consist, in any spelling.
var spells = func() (set [256]bool) {
	for _, c := range []byte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~%\\&#;\x00") {
		set[c] = true
	}
	return set
}()
