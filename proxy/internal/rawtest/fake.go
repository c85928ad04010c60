package rawtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	OKBody      = `{"errcode":0,"errmsg":"ok"}`
	RefusedBody = `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 655d9278"}`
)

// Get is a request without anything special.
func Get(target string, fields ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: proxy\r\n" + strings.Join(fields, "\r\n") +
		strings.Repeat("\r\n", min(len(fields), 1)) + "\r\n"
}

// A Caller is one connection to the proxy.
type Caller struct {
	t    testing.TB
	Conn net.Conn
	R    *bufio.Reader
}

func DialTo(t testing.TB, addr net.Addr) *Caller {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &Caller{t, conn, bufio.NewReader(conn)}
}

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

// Ended reports whether the proxy has closed the connection.
func (c *Caller) Ended() bool {
	c.Conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, err := c.R.ReadByte()
	return errors.Is(err, io.EOF)
}

// An Answer is one as it came over the wire.
type Answer struct{ Head, Body string }

func (a Answer) Status() int {
	n, _ := strconv.Atoi(strings.SplitN(a.Head, " ", 3)[1])
	return n
}

// Fields are the header lines.
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

// ReadAnswer reads an answer. A body without a length reads to the end.
func ReadAnswer(r *bufio.Reader, head bool) (a Answer, err error) {
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
	if head || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified {
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

// ReadHead reads up to an empty line and returns it all.
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

// RawWeChat is an upstream that records every byte of the requests it is sent.
type RawWeChat struct {
	Url    string
	Ln     net.Listener
	Script func(conn net.Conn, request string) (keep bool)
	idle   time.Duration // a connection is closed when it was idle for so long

	Mu       sync.Mutex // guards what follows
	Requests []string
	Conns    int
}

// StartRaw starts a rawWeChat; script answers each request and says whether
// the connection stays.
func StartRaw(t testing.TB, script func(conn net.Conn, request string) (keep bool)) *RawWeChat {
	t.Helper()
	return StartClosing(t, 20*time.Second, script)
}

// StartClosing starts a rawWeChat that closes a connection which is idle after its first request.
func StartClosing(t testing.TB, idle time.Duration, script func(conn net.Conn, request string) (keep bool)) *RawWeChat {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &RawWeChat{Url: "http://" + ln.Addr().String(), Ln: ln, Script: script, idle: idle}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			w.Mu.Lock()
			w.Conns++
			w.Mu.Unlock()
			serving.Go(func() { w.serve(conn) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	return w
}

// Always is a script that gives every request the same answer.
func Always(answer string) func(net.Conn, string) bool {
	return func(conn net.Conn, _ string) bool {
		io.WriteString(conn, answer)
		return true
	}
}

// Once is a script that gives an answer and closes the connection.
func Once(answer string) func(net.Conn, string) bool {
	return func(conn net.Conn, _ string) bool {
		io.WriteString(conn, answer)
		return false
	}
}

func (w *RawWeChat) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	for {
		request, err := ReadRequest(r)
		if request != "" {
			w.Mu.Lock()
			w.Requests = append(w.Requests, request)
			w.Mu.Unlock()
		}
		conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
		if err != nil || !w.Script(conn, request) {
			return
		}
		conn.SetReadDeadline(time.Now().Add(w.idle))
	}
}

func ReadRequest(r *bufio.Reader) (string, error) {
	head, err := ReadHead(r)
	if err != nil {
		return head, err
	}
	length := 0
	for line := range strings.SplitSeq(head, "\r\n") {
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, _ = strconv.Atoi(value)
		}
	}
	body := make([]byte, length)
	n, err := io.ReadFull(r, body)
	return head + string(body[:n]), err
}

// Received returns the requests, with the upstream's address replaced by HOST.
func (w *RawWeChat) Received() []string {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	host := strings.TrimPrefix(w.Url, "http://")
	var requests []string
	for _, r := range w.Requests {
		requests = append(requests, strings.Replace(r, "Host: "+host, "Host: HOST", 1))
	}
	return requests
}

func (w *RawWeChat) Connections() int {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	return w.Conns
}

// Answered is WeChat's answer with body.
func Answered(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}
