package logqueue

import "bytes"

// wholeLines returns the length of the lines at the beginning of text that one write
// takes, which is at least one line.
func wholeLines(text []byte) int {
	if len(text) <= atOnce {
		return len(text)
	}
	if last := bytes.LastIndexByte(text[:atOnce], '\n'); last >= 0 {
		return last + 1
	}
	if first := bytes.IndexByte(text, '\n'); first >= 0 {
		return first + 1
	}
	return len(text)
}

// linesIn returns the number of lines in text, with an incomplete one at the end.
func linesIn(text []byte) uint64 {
	n := uint64(bytes.Count(text, []byte{'\n'}))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return n
}
