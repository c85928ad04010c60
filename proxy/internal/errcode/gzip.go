package errcode

import (
	"bytes"
	"compress/gzip"
	"io"
)

// Gunzip returns the first most+1 bytes at most that body unpacks to, and nil when
// it is not gzip.
func Gunzip(body []byte, most int64) []byte {
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

// IsPacked reports whether body is packed with gzip, whatever the header says.
func IsPacked(body []byte) bool { return bytes.HasPrefix(body, []byte(packedMark)) }

// packedMark is what a body begins with that is packed with gzip.

const packedMark = "\x1f\x8b"
