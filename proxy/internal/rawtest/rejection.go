package rawtest

import (
	"bytes"
	"compress/gzip"
)

func Packed(body string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(body))
	w.Close()
	return b.String()
}
