package upstream

import (
	"bytes"

	"wxproxy/proxy/internal/wire"
)

// peekHead returns the header that comes next, as far as there is room for it, and
// leaves it where it is.
func (c *conn) peekHead() []byte {
	for {
		here := c.reader.Buffered()
		head, _ := c.reader.Peek(here) // it is here
		for _, empty := range [...]string{"\n\r\n", "\n\n"} {
			if end := bytes.Index(head, []byte(empty)); end >= 0 {
				return head[:end+1]
			}
		}
		if _, err := c.reader.Peek(here + 1); err != nil {
			return head // whoever reads it says what is wrong
		}
	}
}

// framedTwice reports whether a header gives both a length and a coding of parts: who
// reads the other one than its writer takes what comes behind for another answer.
func framedTwice(head []byte) bool {
	var length, coding bool
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\n"))
		name, _, _ := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		length = length || wire.IsFold(name, "content-length")
		coding = coding || wire.IsFold(name, "transfer-encoding")
	}
	return length && coding
}
