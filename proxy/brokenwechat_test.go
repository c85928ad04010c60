package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// startBroken starts a WeChat that answers the target /broken with any bytes, and every other one
// with its own path.
func startBroken(t testing.TB, answer func(conn net.Conn) (keep bool)) *rawtest.WeChat {
	t.Helper()
	return rawtest.StartRaw(t, func(conn net.Conn, request string) bool {
		target, _, _ := strings.Cut(strings.SplitN(request, " ", 3)[1], "?")
		if target == "/broken" {
			return answer(conn)
		}
		_, err := io.WriteString(conn, rawtest.Answered(`{"path":"`+target+`"}`))
		return err == nil
	})
}

var strictStatusLine = regexp.MustCompile(`^HTTP/1\.1 [1-9][0-9][0-9] [^\x00-\x08\x0a-\x1f\x7f]*$`)

// A reception is what a caller makes of an answer.
type reception struct {
	status int
	header http.Header
	body   string
	cut    bool // the answer ended before its body did
}

// receive reads an answer with net/http, and checks that the bytes of its head
// are beyond doubt.
func receive(r *bufio.Reader, method string) (got reception, err error) {
	var raw bytes.Buffer
	for raw.Len() < 4 || !bytes.HasSuffix(raw.Bytes(), []byte("\r\n\r\n")) {
		c, err := r.ReadByte()
		if err != nil {
			return got, fmt.Errorf("reading the head behind %q: %w", raw.Bytes(), err)
		}
		raw.WriteByte(c)
	}
	status, rest, _ := strings.Cut(strings.TrimSuffix(raw.String(), "\r\n\r\n"), "\r\n")
	if !strictStatusLine.MatchString(status) {
		return got, fmt.Errorf("got the first line %q", status)
	}
	for line := range strings.SplitSeq(rest, "\r\n") {
		if line != "" && !fieldLine.MatchString(line) {
			return got, fmt.Errorf("got the header line %q", line)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(&raw, r)), &http.Request{Method: method})
	if err != nil {
		return got, fmt.Errorf("net/http: %w", err)
	}
	defer resp.Body.Close()
	got.status, got.header = resp.StatusCode, resp.Header
	body, err := io.ReadAll(resp.Body)
	got.body, got.cut = string(body), err != nil
	return got, nil
}

// ask sends a request on a connection of its own. The connection closes behind
// the answer, so that every byte of it is seen.
func (s *service) ask(method, target string) (got reception, err error) {
	conn, err := net.Dial(s.addr.Network(), s.addr.String())
	if err != nil {
		return got, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(conn, method+" "+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	r := bufio.NewReader(conn)
	if got, err = receive(r, method); err != nil {
		return got, err
	}
	if behind, err := io.ReadAll(r); len(behind) > 0 || isTimeout(err) {
		return got, fmt.Errorf("behind the answer came %q, %w", behind, err)
	}
	return got, nil
}

// checkNext reports whether the next callers get what is theirs.
func checkNext(s *service) error {
	for i := range 2 {
		target := fmt.Sprintf("/next/%d", i)
		got, err := s.ask("GET", target)
		late := got.status == 504 // a busy machine
		if want := `{"path":"` + target + `"}`; err != nil || !late && got.body != want {
			return fmt.Errorf("the next caller got %d %q, %w; want %q", got.status, got.body, err, want)
		}
	}
	return nil
}

func TestAnswersThatMakeNoSenseHarmNobodyElse(t *testing.T) {
	t.Parallel()
	poison := rawtest.Answered(`{"poison":true}`)
	const ok = "HTTP/1.1 200 OK\r\n"
	rows := []struct {
		name, method, raw string
		closes            bool   // WeChat closes the connection behind the answer
		statuses          []int  // what the caller may see
		body              string // with a status of 200
	}{
		{"two lengths", "GET", ok + "Content-Length: 5\r\nContent-Length: 40\r\n\r\nhello" + poison, false, []int{502}, ""},
		{"the same length twice", "GET", ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"two lengths in one line", "GET", ok + "Content-Length: 5, 5\r\n\r\nhello", false, []int{502}, ""},
		{"a negative length", "GET", ok + "Content-Length: -5\r\n\r\nhello", false, []int{502}, ""},
		{"a length beyond counting", "GET", ok + "Content-Length: 99999999999999999999\r\n\r\nhello", false, []int{502}, ""},
		{"a length with a sign", "GET", ok + "Content-Length: +5\r\n\r\nhello", false, []int{502}, ""},
		{"a length that is too large", "GET", ok + "Content-Length: 50\r\n\r\nhello", true, []int{200, 502}, "hello"},
		{"a length that is too small", "GET", ok + "Content-Length: 5\r\n\r\nhello" + poison, false, []int{200}, "hello"},
		{"a length and parts", "GET", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false, []int{200, 502}, "hello"},
		{"parts and a length", "GET", ok + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false, []int{200, 502}, "hello"},
		{"parts twice", "GET", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false, []int{502}, ""},
		{"an encoding that nobody knows", "GET", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false, []int{502}, ""},
		{"parts that break off", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe", true, []int{200, 502}, ""},
		{"parts with a negative length", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", false, []int{200, 502}, ""},
		{"parts beyond counting", "GET", ok + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n", false, []int{200, 502}, ""},
		{"parts that end in a line feed", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", false, []int{200, 502}, ""},
		{"an answer behind the parts", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + poison, false, []int{200}, "hello"},
		{"trailers that would be headers", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Forged: 1\r\nWxproxy-Account: forged\r\n\r\n", false, []int{200, 502}, "hello"},
		{"two answers at once", "GET", rawtest.Answered("hello") + poison, false, []int{200}, "hello"},
		{"half a second answer", "GET", rawtest.Answered("hello") + poison[:20], false, []int{200}, "hello"},
		{"a line end too much", "GET", rawtest.Answered("hello") + "\r\n", false, []int{200}, "hello"},
		{"HEAD with a body", "HEAD", rawtest.Answered("hello"), false, []int{200}, ""},
		{"204 with a body", "GET", "HTTP/1.1 204 No Content\r\n\r\n" + poison, false, []int{204}, ""},
		{"304 with a body", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello" + poison, false, []int{304}, ""},
		{"no length, and the end", "GET", ok + "\r\nhello", true, []int{200}, "hello"},
		{"no length, and no end", "GET", ok + "\r\nhello", false, []int{200, 504}, "hello"},

		{"a carriage return in a value", "GET", ok + "X: a\rSet-Cookie: b\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"a NUL in a value", "GET", ok + "X: \x00\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"a carriage return in the reason", "GET", "HTTP/1.1 200 O\rK: x\r\nContent-Length: 5\r\n\r\nhello", false, []int{200, 502}, "hello"},
		{"an escape in the reason", "GET", "HTTP/1.1 200 \x1b[0m\r\nContent-Length: 5\r\n\r\nhello", false, []int{200, 502}, "hello"},
		{"a folded value", "GET", ok + "X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello", false, []int{200, 502}, "hello"},
		{"a folded first line", "GET", ok + " X: a\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"a name with a space", "GET", ok + "X Forged: a\r\nContent-Length: 5\r\n\r\nhello", false, []int{200, 502}, "hello"},
		{"a name that is none", "GET", ok + "X(): a\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"a length behind a space", "GET", ok + "Content-Length : 5\r\n\r\nhello", false, []int{200, 502}, "hello"},
		{"no name", "GET", ok + ": a\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"no colon", "GET", ok + "nonsense\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"line feeds only", "GET", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", true, []int{200, 502}, "hello"},
		{"one line feed", "GET", ok + "X: y\nContent-Length: 5\r\n\r\nhello", false, []int{200, 502}, "hello"},
		{"a header of 17 KiB", "GET", ok + "X: " + strings.Repeat("y", 17<<10) + "\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"names without number", "GET", ok + "Connection: " + strings.Repeat("a,", 4000) + "\r\nContent-Length: 5\r\n\r\nhello", false, []int{200, 502}, "hello"},
		{"a Connection that names the length", "GET", ok + "Connection: content-length, x-forged\r\nX-Forged: y\r\nContent-Length: 5\r\n\r\nhello", false, []int{200}, "hello"},

		{"status 99", "GET", "HTTP/1.1 99 x\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"status 099", "GET", "HTTP/1.1 099 x\r\nContent-Length: 5\r\n\r\nhello", true, []int{502}, ""},
		{"status 999", "GET", "HTTP/1.1 999 x\r\nContent-Length: 5\r\n\r\nhello", false, []int{999, 502}, ""},
		{"status 1000", "GET", "HTTP/1.1 1000 x\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"a negative status", "GET", "HTTP/1.1 -20 x\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"no status", "GET", "HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", false, []int{502}, ""},
		{"HTTP/2", "GET", "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, []int{200, 502}, "hello"},
		{"HTTP/1.0 in parts", "GET", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true, []int{200, 502}, "5\r\nhello\r\n0\r\n\r\n"},
		{"switching protocols", "GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false, []int{502}, ""},
		{"an interim answer first", "GET", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + rawtest.Answered("hello"), false, []int{200}, "hello"},
		{"an interim answer with a length", "GET", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" + rawtest.Answered("hello"), false, []int{200, 502}, "hello"},
		{"another protocol", "GET", "SSH-2.0-OpenSSH_9.9\r\n", true, []int{502}, ""},
		{"NULs", "GET", strings.Repeat("\x00", 100) + "\r\n\r\n", false, []int{502, 504}, ""},
		{"gzip that is none", "GET", ok + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", false, []int{200}, "hello"},
		{"headers of ours", "GET", ok + "Wxproxy-Attempts: 9\r\nWxproxy-Account: forged\r\nwxproxy-error: forged\r\nContent-Length: 5\r\n\r\nhello", false, []int{200}, "hello"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := startBroken(t, func(conn net.Conn) bool {
				io.WriteString(conn, row.raw)
				return !row.closes
			})
			s := serve(t, config(hostsAt(t, func(c *upstream.HostsConfig) { c.Timeout = 500 * time.Millisecond }, w.URL)), defaultLimits)
			got, err := s.ask(row.method, "/broken")
			if err != nil || !slices.Contains(row.statuses, got.status) {
				t.Fatalf("got %d %q, %v; want %v", got.status, got.body, err, row.statuses)
			}
			if got.status == 200 && !got.cut && got.body != row.body {
				t.Errorf("got %q; want %q", got.body, row.body)
			}
			if got.header.Get("X-Forged") != "" || got.header.Get("Wxproxy-Attempts") == "9" || got.header.Get("Wxproxy-Account") == "forged" {
				t.Errorf("got %q", got.header)
			}
			if err := checkNext(s); err != nil {
				t.Error(err)
			}
		})
	}
}

// An unsolicited answer is not given to the next caller, whether it
// comes behind another one or before any request.
func TestAnswersThatNobodyAskedForAreDropped(t *testing.T) {
	t.Parallel()
	poison := rawtest.Answered(`{"poison":true}`)
	poisoned := make(chan struct{})
	late := startBroken(t, func(conn net.Conn) bool {
		io.WriteString(conn, rawtest.Answered("hello"))
		time.Sleep(5 * time.Millisecond)
		io.WriteString(conn, poison)
		close(poisoned)
		return true
	})
	s := through(t, late)
	if got, err := s.ask("GET", "/broken"); err != nil || got.body != "hello" {
		t.Fatalf("got %q, %v; want hello", got.body, err)
	}
	<-poisoned
	time.Sleep(20 * time.Millisecond) // until it arrives
	if err := checkNext(s); err != nil {
		t.Error(err)
	}
}

// Interim answers are read past, but not for ever.
func TestInterimAnswersWithoutEndAreATimeout(t *testing.T) {
	t.Parallel()
	w := startBroken(t, func(conn net.Conn) bool {
		for {
			if _, err := io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return false
			}
		}
	})
	s := serve(t, config(hostsAt(t, func(c *upstream.HostsConfig) { c.Timeout = 100 * time.Millisecond }, w.URL)), defaultLimits)
	if got, err := s.ask("GET", "/broken"); err != nil || got.status != 504 && got.status != 502 {
		t.Errorf("got %d %q, %v; want 504 or 502", got.status, got.body, err)
	}
	if err := checkNext(s); err != nil {
		t.Error(err)
	}
}

// Whatever WeChat answers: the caller gets a sound answer or a broken-off one,
// and the next callers get theirs.
func FuzzBrokenWeChat(f *testing.F) {
	for _, seed := range []string{
		rawtest.Answered("hello"), rawtest.Answered("hello") + rawtest.Answered("poison"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "HTTP/1.1 204 x\r\n\r\n" + rawtest.Answered("x"), "HTTP/1.0 200\r\n\r\nhello",
		"HTTP/1.1 100 Continue\r\n\r\n" + rawtest.Answered("hello"), "HTTP/1.1 200 OK\r\nConnection: close, x\r\nX y: z\r\nContent-Length: 1\r\n\r\nh",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", "HTTP/1.1 999 \x01\r\nTrailer: X\r\nContent-Length: 0\r\n\r\n",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	type says struct {
		answer []byte
		keeps  bool
	}
	var now atomic.Pointer[says] // no channel: on a busy machine a request may end before it is there
	w := startBroken(f, func(conn net.Conn) bool {
		says := now.Load()
		conn.Write(says.answer)
		return says.keeps
	})
	s := serve(f, config(hostsAt(f, func(c *upstream.HostsConfig) { c.Timeout = 5 * time.Millisecond }, w.URL)), defaultLimits)
	f.Fuzz(func(t *testing.T, answer []byte, keeps bool) {
		now.Store(&says{answer, keeps})
		if _, err := s.ask("POST", "/broken"); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%q: %v", answer, err)
		}
		if err := checkNext(s); err != nil {
			t.Fatalf("%q: %v", answer, err)
		}
	})
}
