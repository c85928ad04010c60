package upstream

import (
	"bytes"

	"wxproxy/proxy/internal/wire"
)

// peekHead returns the head that comes next without reading past it, or as much of it as
// it may have.
func (c *conn) peekHead() []byte {
	for {
		here := min(c.reader.Buffered(), maxHead)
		head, _ := c.reader.Peek(here) // which cannot fail: it is buffered
		for _, empty := range [...]string{"\n\r\n", "\n\n"} {
			if end := bytes.Index(head, []byte(empty)); end >= 0 {
				return head[:end+1]
			}
		}
		if here == maxHead {
			return head
		}
		if _, err := c.reader.Peek(here + 1); err != nil {
			return head // reading it says what is wrong
		}
	}
}

// framedTwice reports whether a head gives both a length and a transfer coding. If the
// proxy and WeChat go by different ones, the proxy takes what follows for the next
// answer.
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
