package secret

import "slices"

// maxLayers is how many times a text is unescaped.
const maxLayers = 6

// A search looks for credentials in a text: as it stands, then with its escapes undone,
// then with those undone that this brings to light, and so on.
type search struct {
	text   []byte
	layer  int    // how many times the escapes are undone, counted from 1 for none
	buffer []byte // the memory of plain, and behind it the value that is looked for
	plain  []byte // the text with its escapes undone, in lower case
	at     []int  // where in text each byte of plain begins, and where the last one ends; nil: at the same place
	hits   []span // where credentials are in text
}

// A span is a part of a text.
type span struct{ begin, end int }

// next takes the text as it stands first, and then undoes a layer of escapes each time. It
// reports false when there is none left.
func (s *search) next() bool {
	s.layer++
	if s.layer > 1 {
		return s.layer <= maxLayers && s.unescape()
	}
	s.buffer = appendLowered(s.buffer[:0], s.text)
	s.plain = s.buffer
	return true
}

// found notes that plain[begin:end] is a credential.
func (s *search) found(begin, end int) {
	if s.at != nil {
		begin, end = s.at[begin], s.at[end]
	}
	s.hits = append(s.hits, span{begin, end})
}

// redacted returns the text with mask in the place of what was found, and whether
// anything was.
func (s *search) redacted(mask string) ([]byte, bool) {
	if len(s.hits) == 0 {
		return s.text, false
	}
	slices.SortFunc(s.hits, func(a, b span) int { return a.begin - b.begin })
	redacted := make([]byte, 0, len(s.text))
	done := 0
	for _, hit := range s.hits {
		if hit.begin >= done {
			redacted = append(append(redacted, s.text[done:hit.begin]...), mask...)
		}
		done = max(done, hit.end)
	}
	return append(redacted, s.text[done:]...), true
}

// unescape undoes one layer of escapes, and reports whether there was any.
func (s *search) unescape() bool {
	first := 0
	for first < len(s.plain) {
		if begins[s.plain[first]] {
			if _, n := unescaped(s.plain[first:]); n > 0 {
				break
			}
		}
		first++
	}
	if first == len(s.plain) {
		return false
	}
	if s.at == nil {
		s.at = make([]int, len(s.plain)+1)
		for i := range s.at {
			s.at[i] = i
		}
	}
	to := first
	for from := first; from < len(s.plain); {
		c, n := unescaped(s.plain[from:])
		if n == 0 {
			c, n = s.plain[from], 1
		}
		s.plain[to], s.at[to] = c, s.at[from]
		if from += n; c != 0 {
			to++
		}
	}
	s.at[to] = s.at[len(s.plain)]
	s.plain, s.at = s.plain[:to], s.at[:to+1]
	return true
}

// lowered returns value in lower case. The next call overwrites it.
func (s *search) lowered(value string) []byte {
	s.buffer = appendLowered(s.buffer[:len(s.text)], value)
	return s.buffer[len(s.text):]
}

func appendLowered[T []byte | string](dst []byte, text T) []byte {
	for i := range len(text) {
		dst = append(dst, lower(text[i]))
	}
	return dst
}
