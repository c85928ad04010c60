package rawtest

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
)

// Noise returns n bytes that are the same in every run. They repeat themselves
// at a length that no buffer has, so that a test notices parts in another order.
func Noise(n int) []byte {
	block := make([]byte, min(n, 65_521))
	rand.NewChaCha8([32]byte{}).Read(block)
	return bytes.Repeat(block, n/max(len(block), 1)+1)[:n]
}

// Gzip returns body compressed.
func Gzip(body string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(body))
	w.Close()
	return b.String()
}
