package proxy

import (
	"bytes"
	"compress/gzip"
	"io"
)

// gunzip returns the first most+1 bytes at most that body unpacks to, and nil when
// it is not gzip.
func gunzip(body []byte, most int64) []byte {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	plain, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil
	}
	return plain
}

// isPacked reports whether body is packed with gzip, whatever the header says.
func isPacked(body []byte) bool { return bytes.HasPrefix(body, []byte(packedMark)) }

// packedMark is what a body begins with that is packed with gzip.

const packedMark = "\x1f\x8b"
