package proxy

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// secretPath is a path of class "secret".
const secretPath = "/sns/jscode2session?js_code=x"

// What is held before it is passed on has upstream.timeout in all, however it comes;
// what streams has it anew with each part.
func TestHeldAnswerHasOneTimeout(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, path, head, begin string
		status                  int
	}{
		{"JSON", "/p", "200 OK", `{"a":"`, 504},
		{"an error", "/p", "500 Broken", "<html>", 504},
		{"with the AppSecret", secretPath, "200 OK", "text", 504},
		{"a download", "/p", "200 OK", "RIFF", 200},
	} {
		for _, framing := range []string{"Content-Length: 40", "Transfer-Encoding: chunked"} {
			t.Run(row.name+", "+framing, func(t *testing.T) {
				t.Parallel()
				w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
					fmt.Fprintf(conn, "HTTP/1.1 %s\r\n%s\r\n\r\n", row.head, framing)
					for _, part := range strings.Split(row.begin+strings.Repeat("x", 40-len(row.begin)), "") {
						if framing != "Content-Length: 40" {
							part = fmt.Sprintf("1\r\n%s\r\n", part)
						}
						if _, err := io.WriteString(conn, part); err != nil {
							return false
						}
						time.Sleep(50 * time.Millisecond)
					}
					if framing != "Content-Length: 40" {
						io.WriteString(conn, "0\r\n\r\n")
					}
					return false
				})
				hosts := hostsAt(t, func(c *upstream.HostsConfig) { c.Timeout = 600 * time.Millisecond }, w.URL)
				a := serve(t, config(hosts), defaultLimits).dial(t).Call(rawtest.Get(row.path))
				if a.Status() != row.status || row.status == 200 && len(a.Body) != 40 {
					t.Errorf("got %q %s; want %d", a.Head, a.Body, row.status)
				}
			})
		}
	}
}

// Long answers that are held count in the budget until they are written; short ones
// do not, so that no lack of room keeps WeChat's words from anybody.
func TestHeldAnswersCountInTheBudget(t *testing.T) {
	t.Parallel()
	const long = 40_000
	more := make(chan struct{})
	w := rawtest.StartRaw(t, func(conn net.Conn, request string) bool {
		length := 300
		if strings.Contains(request, "/long") {
			length = long
		}
		fmt.Fprintf(conn, "HTTP/1.1 500 Broken\r\nTransfer-Encoding: chunked\r\n\r\n")
		for sent := 0; sent < length; sent += 100 {
			fmt.Fprintf(conn, "64\r\n%s\r\n", strings.Repeat("x", 100))
			if sent == 20_000 {
				<-more
			}
		}
		io.WriteString(conn, "0\r\n\r\n")
		return true
	})
	s := serve(t, config(hostsAt(t, nil, w.URL)), defaultLimits)
	g := s.proxy.door.bodies
	c := s.dial(t)
	c.Send(rawtest.Get("/long"))
	rawtest.WaitUntil(t, "the answer in the budget", func() bool { return g.Memory.Taken() >= long })
	close(more)
	if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Status() != 500 || len(a.Body) != long {
		t.Errorf("got %q, %d bytes, %v; want all of them", a.Head, len(a.Body), err)
	}
	nothingTaken(t, g)
	g.Memory.Limit = 0
	for path, want := range map[string]int{"/long": 0, "/short": 300} {
		if a := s.dial(t).Call(rawtest.Get(path)); a.Status() != 500 || len(a.Body) != want {
			t.Errorf("%s, no room: got %q, %d bytes; want %d", path, a.Head, len(a.Body), want)
		}
	}
	nothingTaken(t, g)
}

// Behind an answer that can be read in two ways nothing is read any more, and interim
// answers come to an end.
func TestAnswersThatCouldBeReadInTwoWaysEndTheConnection(t *testing.T) {
	t.Parallel()
	const chunked, body = "Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"
	interim := "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	for name, row := range map[string]struct {
		answer string
		status int
		conns  int // for two requests
	}{
		"length, then parts":      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + chunked + "\r\n" + body, 200, 2},
		"parts, then length":      {"HTTP/1.1 200 OK\r\n" + chunked + "content-length: 3\r\n\r\n" + body, 200, 2},
		"the same behind interim": {interim + "HTTP/1.1 200 OK\r\n" + chunked + "content-LENGTH: 3\r\n\r\n" + body, 200, 2},
		"parts alone":             {"HTTP/1.1 200 OK\r\n" + chunked + "\r\n" + body, 200, 1},
		"two lengths":             {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 502, 2},
		"the same length twice":   {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 502, 2},
		"a list of lengths":       {"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}", 502, 2},
		"204 with a body":         {"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}", 204, 2},
		"304 with a body":         {"HTTP/1.1 304 Not Modified\r\n" + chunked + "\r\n" + body, 304, 2},
		"some interim":            {strings.Repeat(interim, 16) + rawtest.Answered("{}"), 200, 1},
		"interim without an end":  {strings.Repeat(interim, 17) + rawtest.Answered("{}"), 502, 2},
	} {
		for _, cut := range []int{0, 1, 40} {
			t.Run(fmt.Sprint(name, ", in pieces from ", cut), func(t *testing.T) {
				t.Parallel()
				w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
					io.WriteString(conn, row.answer[:cut])
					if cut > 0 {
						time.Sleep(10 * time.Millisecond)
					}
					io.WriteString(conn, row.answer[cut:])
					return true
				})
				s := through(t, w)
				for range 2 {
					if a := s.dial(t).Call(rawtest.Get("/p")); a.Status() != row.status {
						t.Errorf("got %q %s; want %d", a.Head, a.Body, row.status)
					}
				}
				if got := w.Connections(); got != row.conns {
					t.Errorf("got %d connections for two requests; want %d", got, row.conns)
				}
			})
		}
	}
}
