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

// Answered is WeChat's answer with body.
func Answered(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// A RawWeChat is an upstream that records every byte of the requests it is sent.
type RawWeChat struct {
	URL    string
	Ln     net.Listener
	Script func(conn net.Conn, request string) (keep bool)
	idle   time.Duration // a connection is closed when it was idle for so long

	Mu       sync.Mutex // guards what follows
	Requests []string
	Conns    int
}

// StartRaw starts a RawWeChat; script answers each request and says whether
// the connection stays.
func StartRaw(t testing.TB, script func(conn net.Conn, request string) (keep bool)) *RawWeChat {
	t.Helper()
	return StartClosing(t, 20*time.Second, script)
}

// StartClosing starts a RawWeChat that closes a connection which is idle after its first request.
func StartClosing(t testing.TB, idle time.Duration, script func(conn net.Conn, request string) (keep bool)) *RawWeChat {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &RawWeChat{URL: "http://" + ln.Addr().String(), Ln: ln, Script: script, idle: idle}
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

// ReadRequest reads a request whose body has the length that Content-Length says.
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
	host := strings.TrimPrefix(w.URL, "http://")
	var requests []string
	for _, r := range w.Requests {
		requests = append(requests, strings.Replace(r, "Host: "+host, "Host: HOST", 1))
	}
	return requests
}

// Connections returns how many there were.
func (w *RawWeChat) Connections() int {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	return w.Conns
}
