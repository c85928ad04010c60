package secret

import "slices"

// maxLayers is how many times a text is unescaped.
const maxLayers = 6

// A reading is a text as it may be understood: as it stands, then with its escapes
// undone, then with those undone that this brings to light, and so on.
type reading struct {
	text   []byte
	layer  int
	buffer []byte // what plain lies in, and behind it the value that is looked for
	plain  []byte // in lower case
	at     []int  // where in text each byte of plain begins, and where the last one ends; nil: there
	hits   []span
}

// A span is a part of a text.
type span struct{ begin, end int }

// next reports whether there is another way to understand the text.
func (r *reading) next() bool {
	r.layer++
	if r.layer > 1 {
		return r.layer <= maxLayers && r.unescape()
	}
	r.buffer = appendLowered(r.buffer[:0], r.text)
	r.plain = r.buffer
	return true
}

// found notes that plain[begin:end] is a credential.
func (r *reading) found(begin, end int) {
	if r.at != nil {
		begin, end = r.at[begin], r.at[end]
	}
	r.hits = append(r.hits, span{begin, end})
}

// masked returns the text with mask in the place of what was found, and whether
// that was anything.
func (r *reading) masked(mask string) ([]byte, bool) {
	if len(r.hits) == 0 {
		return r.text, false
	}
	slices.SortFunc(r.hits, func(a, b span) int { return a.begin - b.begin })
	masked := make([]byte, 0, len(r.text))
	done := 0
	for _, hit := range r.hits {
		if hit.begin >= done {
			masked = append(append(masked, r.text[done:hit.begin]...), mask...)
		}
		done = max(done, hit.end)
	}
	return append(masked, r.text[done:]...), true
}

// unescape undoes one layer of escapes, and reports whether there was any.
func (r *reading) unescape() bool {
	first := 0
	for first < len(r.plain) {
		if begins[r.plain[first]] {
			if _, n := unescaped(r.plain[first:]); n > 0 {
				break
			}
		}
		first++
	}
	if first == len(r.plain) {
		return false
	}
	if r.at == nil {
		r.at = make([]int, len(r.plain)+1)
		for i := range r.at {
			r.at[i] = i
		}
	}
	to := first
	for from := first; from < len(r.plain); {
		c, n := unescaped(r.plain[from:])
		if n == 0 {
			c, n = r.plain[from], 1
		}
		r.plain[to], r.at[to] = c, r.at[from]
		if from += n; c != 0 {
			to++
		}
	}
	r.at[to] = r.at[len(r.plain)]
	r.plain, r.at = r.plain[:to], r.at[:to+1]
	return true
}

// lowered returns value in lower case until it is asked for the next one.
func (r *reading) lowered(value string) []byte {
	r.buffer = appendLowered(r.buffer[:len(r.text)], value)
	return r.buffer[len(r.text):]
}

func appendLowered[T []byte | string](dst []byte, text T) []byte {
	for i := range len(text) {
		dst = append(dst, lower(text[i]))
	}
	return dst
}
