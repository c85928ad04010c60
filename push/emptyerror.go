package push

import (
	"bytes"
	"net"
)

// errorHeader is what follows the status in the answers that package http gives itself, to
// requests that it cannot read. Handlers' answers have these lines in another order.
const errorHeader = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// An emptyErrors is a connection on which such answers have no body either.
type emptyErrors struct{ net.Conn }

// Write implements [net.Conn].
func (c emptyErrors) Write(p []byte) (int, error) {
	line, _, _ := bytes.Cut(p, []byte("\r\n"))
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) || !bytes.HasPrefix(p[len(line):], []byte(errorHeader)) {
		return c.Conn.Write(p)
	}
	if status := bytes.IndexByte(line, ':'); status > 0 {
		line = line[:status] // it says what is wrong behind it
	}
	if _, err := c.Conn.Write(append(bytes.Clone(line), "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"...)); err != nil {
		return 0, err
	}
	return len(p), nil
}
