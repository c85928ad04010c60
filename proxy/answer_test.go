package proxy

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

func TestAnswersOfEveryKindReachTheCaller(t *testing.T) {
	t.Parallel()
	const proof = "Wxproxy-Account: shop\r\nWxproxy-Attempts: 1\r\n"
	rows := []struct {
		name, method, answer string
		end                  bool // WeChat closes the connection
		wantHead, wantBody   string
	}{
		{"a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + proof + "\r\n", "{}"},
		{"an empty body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false,
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + proof + "\r\n", ""},
		{"header names in all letters", "GET",
			"HTTP/1.1 200 OK\r\nLogicRet: 0\r\nRetKey: 14\r\nx-lower: 1\r\nContent-disposition: attachment; filename=\"a.jpg\"\r\ncontent-length: 2\r\nx-lower: 2\r\n\r\n{}", false,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLogicRet: 0\r\nRetKey: 14\r\nx-lower: 1\r\nContent-disposition: attachment; filename=\"a.jpg\"\r\nx-lower: 2\r\n" + proof + "\r\n", "{}"},
		{"its own Date, Server and type", "GET",
			"HTTP/1.1 200 OK\r\nServer: w\r\nDate: d\r\nContent-Type: application/json; encoding=utf-8\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n{}", false,
			"HTTP/1.1 200 OK\r\nServer: w\r\nContent-Type: application/json; encoding=utf-8\r\nContent-Length: 2\r\nDate: d\r\n" + proof +
				"Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n", "{}"},
		{"HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", false,
			"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n" + proof + "\r\n", ""},
		{"HEAD of parts", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, "HTTP/1.1 200 OK\r\n" + proof + "\r\n", ""},
		{"HEAD without a length", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", true, "HTTP/1.1 200 OK\r\n" + proof + "\r\n", ""},
		{"204", "POST", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", false, "HTTP/1.1 204 No Content\r\nX: y\r\n" + proof + "\r\n", ""},
		{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", false,
			"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n" + proof + "\r\n", ""},
		{"412", "GET", "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 1\r\n\r\nx", false,
			"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 1\r\n" + proof + "\r\n", "x"},
		{"a redirection", "GET", "HTTP/1.1 302 Found\r\nLocation: https://x.example/\r\nContent-Length: 0\r\n\r\n", false,
			"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: https://x.example/\r\n" + proof + "\r\n", ""},
		{"two interim answers first", "GET",
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + proof + "\r\n", "{}"},
		{"parts", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x\r\n}\r\n0\r\n\r\n", false,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + proof + "\r\n", "{}"},
		{"parts and trailers", "GET",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Tail\r\nX-Head: 1\r\n\r\n2\r\n{}\r\n0\r\nX-Tail: 2\r\nX-Unannounced: 3\r\n\r\n", false,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Head: 1\r\n" + proof + "\r\n", "{}"},
		{"a header that a trailer repeats", "GET",
			"HTTP/1.1 200 OK\r\nX-Both: head\r\nTrailer: X-Both\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Both: tail\r\n\r\n", false,
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Both: head\r\n" + proof + "\r\n", ""},
		{"up to the end", "GET", "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\x00", true,
			"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n" + proof + "Transfer-Encoding: chunked\r\n\r\n", "\xff\xd8\x00"},
		{"JSON up to the end", "GET", "HTTP/1.1 200 OK\r\n\r\n{}", true,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + proof + "\r\n", "{}"},
		{"parts of something else, and trailers", "GET",
			"HTTP/1.1 200 OK\r\nTrailer: X-Tail\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-Tail: 2\r\n\r\n", false,
			"HTTP/1.1 200 OK\r\n" + proof + "Transfer-Encoding: chunked\r\n\r\n", "abc"},
		{"an error of another kind", "GET", "HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", false,
			"HTTP/1.1 502 Bad Gateway\r\n" + proof + "Content-Length: 2\r\n\r\n", "{}"},
		{"Connection: close", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", true,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + proof + "\r\n", "{}"},
		{"headers that end here", "GET",
			"HTTP/1.1 200 OK\r\nconnection: Close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nWxproxy-Attempts: 9\r\nProxy-Connection: x\r\nContent-Length: 2\r\n\r\n{}", true,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + proof + "\r\n", "{}"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			script := rawtest.Always(row.answer)
			if row.end {
				script = rawtest.Once(row.answer)
			}
			w := rawtest.StartRaw(t, script)
			h := hostsAt(t, nil, w.URL)
			if row.method == "POST" {
				proven(t, h)
			}
			c := serve(t, config(h), defaultLimits).dial(t)
			request := row.method + " /p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
			for i := range 2 { // the second on the same connection of the caller
				a := c.Call(request)
				if inOrder(a.Head) != inOrder(row.wantHead) || a.Body != row.wantBody {
					t.Errorf("answer %d: got\n%q %q; want\n%q %q", i+1, a.Head, a.Body, row.wantHead, row.wantBody)
				}
			}
			wantConns := 1
			if row.end {
				wantConns = 2
			}
			if got := w.Connections(); got != wantConns {
				t.Errorf("got %d connections to WeChat for two requests; want %d", got, wantConns)
			}
		})
	}
}

// inOrder puts the lines of a head in an order: that of headers with different
// names means nothing.
func inOrder(head string) string {
	lines := strings.SplitAfter(head, "\r\n")
	slices.SortStableFunc(lines[1:], func(a, b string) int {
		a, _, _ = strings.Cut(a, ":")
		b, _, _ = strings.Cut(b, ":")
		return strings.Compare(a, b)
	})
	return strings.Join(lines, "")
}

func TestAnswerOfHTTP10IsMadeHTTP11(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Once("HTTP/1.0 200 OK\r\n\r\n{}"))
	c := through(t, w).dial(t)
	for range 2 {
		if a := c.Call(rawtest.Get("/p")); !strings.HasPrefix(a.Head, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n") || a.Body != "{}" {
			t.Fatalf("got %q %q; want HTTP/1.1", a.Head, a.Body)
		}
	}
}

func TestErrorInBetweenLeavesNoTraceInLaterAnswers(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always("HTTP/1.1 200 OK\r\nLogicRet: 0\r\nContent-Length: 2\r\n\r\n{}"))
	c := through(t, w).dial(t)
	first := c.Call(rawtest.Get("/p"))
	c.Call("HEAD /a//b HTTP/1.1\r\nHost: x\r\n\r\n")
	if third := c.Call(rawtest.Get("/p")); third != first {
		t.Errorf("got %q; want %q as before", third, first)
	}
}

// The caller gets the header of the second answer alone, also if the refusal and that
// answer are read in different ways.
func TestARefusalLeavesNoTraceInTheAnswer(t *testing.T) {
	t.Parallel()
	const first = "HTTP/1.1 200 OK\r\nX-First: 1\r\n%sContent-Length: %d\r\n\r\n"
	zipped := rawtest.Gzip(rawtest.RefusedBody)
	second := "HTTP/1.1 200 OK\r\nX-Second: 2\r\n%s\r\n" + rawtest.OKBody
	for _, refusal := range [][]string{
		{fmt.Sprintf(first, "", len(rawtest.RefusedBody)) + rawtest.RefusedBody},
		{"HTTP/1.1 200 OK\r\nX-First: 1\r\nX-Fir", fmt.Sprintf("st: 1\r\nContent-Length: %d\r\n\r\n", len(rawtest.RefusedBody)) + rawtest.RefusedBody},
		{fmt.Sprintf(first, "Content-Encoding: gzip\r\n", len(zipped)) + zipped},
		{fmt.Sprintf(first, "Connection: X-First\r\n", len(rawtest.RefusedBody)) + rawtest.RefusedBody},
	} {
		for _, length := range []string{fmt.Sprintf("Content-Length: %d\r\n", len(rawtest.OKBody)), "Connection: close\r\n", "Connection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 27\r\n"} { // as rawtest.OKBody has
			answers := 0
			w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
				if answers++; answers == 1 {
					for _, part := range refusal {
						io.WriteString(conn, part)
						time.Sleep(10 * time.Millisecond)
					}
					return true
				}
				fmt.Fprintf(conn, second, length)
				return !strings.Contains(length, "close")
			})
			a := through(t, w).dial(t).Call(rawtest.Get("/p"))
			if strings.Contains(a.Head, "X-First") || strings.Contains(a.Head, "gzip") || strings.Count(a.Head, "Wxproxy-") != 2 ||
				a.Field("X-Second") != "2" || a.Field("Wxproxy-Attempts") != "2" || a.Body != rawtest.OKBody {
				t.Errorf("%q, then %q: got %q %q", refusal, length, a.Head, a.Body)
			}
		}
	}
}

func TestErrorForHEADHasNoBody(t *testing.T) {
	t.Parallel()
	c := through(t, rawtest.StartRaw(t, rawtest.Always(rawtest.Answered("")))).dial(t)
	if a := c.Call("HEAD /a//b HTTP/1.1\r\nHost: x\r\n\r\n"); a.Status() != 400 || a.Field("Wxproxy-Error") != "bad_request" {
		t.Errorf("got %q; want bad_request", a.Head)
	}
	if a := c.Call(rawtest.Get("/p")); a.Status() != 200 {
		t.Errorf("got %q on the same connection; want an answer", a.Head)
	}
}

func TestAnswerThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, answer string }{
		{"nothing at all", ""},
		{"cut in the status line", "HTTP/1.1 20"},
		{"cut in the header", "HTTP/1.1 200 OK\r\nContent-Len"},
		{"cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-WeChats: 1\r\n\r\n{\"errcode\":"},
		{"cut between two parts", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"},
		{"cut before the trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-T"},
		{"cut behind an interim answer", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n"},
		{"a header of 17 KiB", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 17<<10) + "\r\n\r\n"},
		{"a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"},
		{"a length beyond all numbers", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"},
		{"a part without a length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := rawtest.StartRaw(t, rawtest.Once(row.answer))
			c := through(t, w).dial(t)
			for _, request := range []string{post("/p", "{}"), rawtest.Get("/p")} {
				a := c.Call(request)
				if a.Status() != 502 || a.Field("Wxproxy-Error") != "upstream_unreachable" || a.Field("X-WeChats") != "" ||
					!strings.Contains(a.Body, "may have taken effect") {
					t.Errorf("%.4s: got %q %q; want 502", request, a.Head, a.Body)
				}
			}
			if got := len(w.Received()); got != 2 {
				t.Errorf("got %d requests; want each sent once", got)
			}
		})
	}
}

func TestAnswerWithSomethingBehindItEndsItsConnection(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered("{}")+rawtest.Answered("forged")))
	c := through(t, w).dial(t)
	got := []string{c.Call(rawtest.Get("/p")).Body, c.Call(rawtest.Get("/p")).Body}
	if want := []string{"{}", "{}"}; !slices.Equal(got, want) || w.Connections() != 2 {
		t.Errorf("got %q over %d connections; want %q over 2", got, w.Connections(), want)
	}
}

func TestLargeAnswerIsComplete(t *testing.T) {
	t.Parallel()
	media := strings.Repeat("\xff\xd8\x00\r\n", 1<<20) // 5 MiB
	w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
		io.WriteString(conn, rawtest.Answered(media))
		return true
	})
	if a := through(t, w).dial(t).Call(rawtest.Get("/cgi-bin/media/get")); a.Body != media {
		t.Errorf("got %d bytes; want all %d", len(a.Body), len(media))
	}
}
