package front

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/wire"
)

// recorder is a connection that notes each write and each bound of the kernel's buffer.
type recorder struct {
	net.Conn
	writes []string
	bounds []int
}

func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

func (r *recorder) Write(p []byte) (int, error) {
	r.writes = append(r.writes, string(p))
	return len(p), nil
}

func (r *recorder) SetWriteBuffer(bytes int) error {
	r.bounds = append(r.bounds, bytes)
	return nil
}

// parts is a body that comes in parts; it waits where an empty one is.
type parts []string

func (parts) Read([]byte) (int, error) { panic("BUG: WriteTo does it") }

func (p parts) WriteTo(w io.Writer) (total int64, err error) {
	for _, part := range p {
		if part == "" {
			err = w.(interface{ Flush() error }).Flush()
		} else {
			var n int
			n, err = w.Write([]byte(part))
			total += int64(n)
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func TestWhatCameWithTheHeadGoesWithTheHead(t *testing.T) {
	const (
		length  = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
		chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		toEnd   = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
	)
	rows := map[string]struct {
		body   parts
		length int
		want   []string
	}{
		"all of it is here":                    {parts{"abcd"}, 4, []string{length + "abcd"}},
		"a part of it is here":                 {parts{"ab", "", "cd"}, 4, []string{length + "ab", "cd"}},
		"nothing of it is here":                {parts{"", "ab", "", "cd"}, 4, []string{length, "ab", "cd"}},
		"there is nothing":                     {nil, 0, []string{strings.Replace(length, "4", "0", 1)}},
		"a chunk is here":                      {parts{"ab", "", strings.Repeat("c", 16)}, -1, []string{chunked + "2\r\nab\r\n", "10\r\n" + strings.Repeat("c", 16) + "\r\n", "0\r\n\r\n"}},
		"no chunk is here":                     {parts{"", "ab"}, -1, []string{chunked, "2\r\nab\r\n", "0\r\n\r\n"}},
		"there is no chunk":                    {nil, -1, []string{chunked + "0\r\n\r\n"}},
		"it ends where the connection does":    {parts{"ab", "", "cd"}, wire.NoLength, []string{toEnd + "ab", "cd"}},
		"it ends there without having a byte":  {nil, wire.NoLength, []string{toEnd}},
		"it is shorter than was said, and cut": {parts{"ab"}, 4, []string{length + "ab"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			caller := &recorder{}
			r := newRequest(new(buffer.Pool))
			r.caller = &Conn{Conn: caller}
			var resp fasthttp.Response
			resp.Header.SetNoDefaultContentType(true)
			resp.SetBodyStream(row.body, row.length)
			err := r.stream(&resp)
			if wantsError := strings.HasSuffix(name, "cut"); (err != nil) != wantsError {
				t.Errorf("got %v; want an error: %t", err, wantsError)
			}
			if !slices.Equal(caller.writes, row.want) {
				t.Errorf("got %q; want %q", caller.writes, row.want)
			}
		})
	}
}

func TestTheKernelsBufferIsBoundedOnceForWhatIsLonger(t *testing.T) {
	caller := &recorder{}
	c := &Conn{Conn: caller}
	for _, length := range []int{0, 16 << 10, sendBuffer} {
		c.LimitSendBuffer(length)
	}
	if len(caller.bounds) != 0 {
		t.Errorf("got %v; want no bound: all of these answers fit", caller.bounds)
	}
	for _, length := range []int{sendBuffer + 1, -1, wire.NoLength, 1 << 30} {
		c.LimitSendBuffer(length)
	}
	if !slices.Equal(caller.bounds, []int{sendBuffer}) {
		t.Errorf("got %v; want %d once", caller.bounds, sendBuffer)
	}
}
