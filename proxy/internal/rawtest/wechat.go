package rawtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Answered returns an answer of WeChat's with body.
func Answered(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// A WeChat is an upstream that answers byte by byte what a script says, and keeps the
// requests that it gets.
type WeChat struct {
	URL    string
	Ln     net.Listener
	Script func(conn net.Conn, request string) (keep bool) // answers a request, and reports whether the connection stays open
	idle   time.Duration                                   // after which a connection is closed

	mu       sync.Mutex // guards what follows
	requests []string
	conns    int
}

// StartRaw starts a WeChat with a script, until the test ends.
func StartRaw(t testing.TB, script func(conn net.Conn, request string) (keep bool)) *WeChat {
	t.Helper()
	return StartClosing(t, 20*time.Second, script)
}

// StartClosing does what StartRaw does, with a WeChat that closes a connection which is
// idle for so long after a request.
func StartClosing(t testing.TB, idle time.Duration, script func(conn net.Conn, request string) (keep bool)) *WeChat {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &WeChat{URL: "http://" + ln.Addr().String(), Ln: ln, Script: script, idle: idle}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.conns++
			w.mu.Unlock()
			serving.Go(func() { w.serve(conn) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	return w
}

// Always returns a script that gives every request the same answer.
func Always(answer string) func(net.Conn, string) bool {
	return func(conn net.Conn, _ string) bool {
		io.WriteString(conn, answer)
		return true
	}
}

// Once returns a script that gives an answer and closes the connection.
func Once(answer string) func(net.Conn, string) bool {
	return func(conn net.Conn, _ string) bool {
		io.WriteString(conn, answer)
		return false
	}
}

func (w *WeChat) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	for {
		request, err := ReadRequest(r)
		if request != "" {
			w.mu.Lock()
			w.requests = append(w.requests, request)
			w.mu.Unlock()
		}
		conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
		if err != nil || !w.Script(conn, request) {
			return
		}
		conn.SetReadDeadline(time.Now().Add(w.idle))
	}
}

// ReadRequest reads a request, with a body of the length that Content-Length gives.
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

// Received returns the requests, with HOST in the place of the WeChat's address.
func (w *WeChat) Received() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	host := strings.TrimPrefix(w.URL, "http://")
	var requests []string
	for _, r := range w.requests {
		requests = append(requests, strings.Replace(r, "Host: "+host, "Host: HOST", 1))
	}
	return requests
}

// Forget drops the requests that were kept.
func (w *WeChat) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = nil
}

// Connections returns how many connections there were.
func (w *WeChat) Connections() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conns
}
