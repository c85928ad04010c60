package rawtest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Get returns a GET request with further header fields.
func Get(target string, fields ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: proxy\r\n" + strings.Join(fields, "\r\n") +
		strings.Repeat("\r\n", min(len(fields), 1)) + "\r\n"
}

// A Caller is a connection to a server. What goes wrong on it fails the test.
type Caller struct {
	t    testing.TB
	Conn net.Conn
	R    *bufio.Reader
}

// Dial connects to addr. All that is done with the connection has to take less than 20 s.
func Dial(t testing.TB, addr net.Addr) *Caller {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &Caller{t, conn, bufio.NewReader(conn)}
}

// Send writes raw, which may be part of a request.
func (c *Caller) Send(raw string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, raw); err != nil {
		c.t.Fatal(err)
	}
}

// Call sends a request and reads its answer.
func (c *Caller) Call(raw string) Answer {
	c.t.Helper()
	c.Send(raw)
	a, err := ReadAnswer(c.R, strings.HasPrefix(raw, "HEAD "))
	if err != nil {
		c.t.Fatalf("reading the answer to %.60q: %v", raw, err)
	}
	return a
}

// Ended reports whether the server closes the connection within 2 s, without a further
// byte.
func (c *Caller) Ended() bool {
	c.Conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, err := c.R.ReadByte()
	return errors.Is(err, io.EOF)
}

// An Answer is an answer as it came over the wire: Head ends with the empty line, Body
// is without the framing of chunks.
type Answer struct{ Head, Body string }

// Status returns the answer's status.
func (a Answer) Status() int {
	n, _ := strconv.Atoi(strings.SplitN(a.Head, " ", 3)[1])
	return n
}

// Fields returns the header lines.
func (a Answer) Fields() []string {
	return strings.Split(strings.TrimSuffix(a.Head, "\r\n\r\n"), "\r\n")[1:]
}

// Field returns the value of the header called name in exactly this spelling.
func (a Answer) Field(name string) string {
	for _, line := range a.Fields() {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}

// ReadAnswer reads an answer, to a HEAD request if isHead. A body without a length goes
// to the end of the connection.
func ReadAnswer(r *bufio.Reader, isHead bool) (a Answer, err error) {
	if a.Head, err = ReadHead(r); err != nil {
		return a, err
	}
	length, chunked := int64(-1), false
	for _, line := range a.Fields() {
		name, value, _ := strings.Cut(line, ": ")
		if strings.EqualFold(name, "Content-Length") {
			length, _ = strconv.ParseInt(value, 10, 64)
		}
		chunked = chunked || strings.EqualFold(name, "Transfer-Encoding")
	}
	status := a.Status()
	if isHead || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified {
		return a, nil
	}
	if chunked {
		body, err := io.ReadAll(httputil.NewChunkedReader(r))
		if a.Body = string(body); err == nil {
			_, err = r.Discard(len("\r\n")) // in place of trailers
		}
		return a, err
	}
	body := make([]byte, max(length, 0))
	if _, err = io.ReadFull(r, body); length < 0 {
		body, err = io.ReadAll(r)
	}
	a.Body = string(body)
	return a, err
}

// ReadHead reads the head of a message, up to and with the empty line.
func ReadHead(r *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if head.Len() > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return head.String(), err
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String(), nil
		}
	}
}
