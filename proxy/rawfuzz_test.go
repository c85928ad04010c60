package proxy

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/wire"
)

// Whatever the quick reader takes, fasthttp's reads alike.
func FuzzRawAnswer(f *testing.F) {
	for _, head := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 502 Bad Gateway\r\nServer: w\r\nContent-Type: text/plain\r\nContent-Length:0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nX: y\t z\xff\r\n\r\n{}",
	} {
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a := wire.NewHead(new(buffer.Pool))
		n := a.Read(b)
		if n == 0 {
			return
		}
		in := bufio.NewReaderSize(bytes.NewReader(b), max(len(b), 16))
		var resp fasthttp.Response
		resp.Header.DisableNormalizing()
		resp.Header.SetNoDefaultContentType(true)
		if err := resp.Header.Read(in); err != nil {
			t.Fatalf("got the head %q; fasthttp says %v", b[:n], err)
		}
		var said fasthttp.Response
		a.CopyTo(&said)
		if read := len(b) - in.Buffered(); read != n || resp.StatusCode() != said.StatusCode() || resp.Header.ContentLength() != said.Header.ContentLength() {
			t.Errorf("%q: got %d bytes, status %d, length %d; fasthttp %d, %d, %d",
				b, n, said.StatusCode(), said.Header.ContentLength(), read, resp.StatusCode(), resp.Header.ContentLength())
		}
		if ends := a.EndsConnection(nil); wire.EndsConnection(&resp.Header) != ends {
			t.Errorf("%q: got %v; want the connection to end %v", b, ends, !ends)
		}
		x := answering("")
		resp.Header.CopyTo(&x.ctx.Response.Header)
		if err := x.proxy.filterHeader(x); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		resp.Header.Reset()
		x.ctx.Response.Header.CopyTo(&resp.Header)
		_, lines, _ := strings.Cut(string(a.Lines()), "\r\n")
		for name, value := range resp.Header.All() {
			if wire.IsFold(name, "content-length") || wire.IsFold(name, "transfer-encoding") {
				continue
			}
			if !strings.Contains(lines, string(name)) || !strings.Contains(lines, string(value)) {
				t.Errorf("%q: got %q without %q: %q", b, lines, name, value)
			}
		}
	})
}
