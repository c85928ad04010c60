package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// openFiles returns how many files of bodies this process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Skip("this system does not say which files are open")
	}
	n := 0
	for _, link := range links {
		if name, err := os.Readlink(link); err == nil && strings.Contains(name, "wxproxy-body-") {
			n++
		}
	}
	return n
}

// It is not parallel: others have files open too.
func TestFileOfABodyHasNoNameAndIsGivenBack(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	files := 0
	u := upstreamFunc(func(m *upstream.Message, resp *fasthttp.Response) error {
		files = openFiles(t)
		if strings.HasPrefix(string(m.Target), "/panic") {
			panic("on purpose")
		}
		resp.SetBodyString(rawtest.OKBody)
		return nil
	})
	s := serve(t, config(u), defaultLimits)
	body := string(rawtest.Noise(body.LongestInMemory + 1))
	for _, path := range []string{"/p", "/panic"} {
		s.dial(t).Call(post(path, body))
		if left, _ := os.ReadDir(dir); files != 1 || len(left) != 0 {
			t.Errorf("%s: got %d open files and the names %v; want one file without a name", path, files, left)
		}
		rawtest.WaitUntil(t, "the end of the file", func() bool { return openFiles(t) == 0 })
	}
	c := s.dial(t)
	c.Send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + body[:500_000])
	rawtest.WaitUntil(t, "the file", func() bool { return openFiles(t) == 1 })
	c.Conn.Close()
	rawtest.WaitUntil(t, "the end of the file after the caller's", func() bool { return openFiles(t) == 0 })
}

func TestWithoutATemporaryDirectoryBodiesStayInMemory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	var log bytes.Buffer
	u := &recorder{answers: []string{rawtest.RefusedBody, rawtest.OKBody}}
	c := config(u, shopWith(&fixedTokens{token: "old", replacement: "new"})...)
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	body := string(rawtest.Noise(body.LongestInMemory + 1))
	caller := serve(t, c, defaultLimits).dial(t)
	for range 2 {
		if a := caller.Call(post("/p", body)); a.Body != rawtest.OKBody {
			t.Fatalf("got %q %q; want an answer", a.Head, a.Body)
		}
	}
	for i, got := range u.got {
		if got.body != body {
			t.Errorf("request %d has %d other bytes", i+1, len(got.body))
		}
	}
	caller.Call(rawtest.Get("/p", "Connection: close")) // behind it, the log is written
	if got := strings.Count(log.String(), "kept in memory"); got != 1 {
		t.Errorf("got %d warnings in %q; want 1", got, log.String())
	}
}

// What comes in parts of unknown number has a length when it leaves.
func TestUploadInPartsHasALength(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	s := through(t, w)
	for i, size := range []int{0, 1, body.MemorySize, body.LongestInMemory, 2 << 20} {
		body := rawtest.Noise(size)
		var parts strings.Builder
		for rest := body; len(rest) > 0; {
			part := rest[:min(len(rest), 10_000)]
			rest = rest[len(part):]
			fmt.Fprintf(&parts, "%x;ext=1\r\n%s\r\n", len(part), part)
		}
		s.dial(t).Call("POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + parts.String() + "0\r\nX-Trailer: 1\r\n\r\n")
		want := fmt.Sprintf("POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: %d\r\n\r\n%s", size, body)
		if got := w.Received()[i]; got != want {
			t.Errorf("%d bytes: got %.200q; want %.200q", size, got, want)
		}
	}
}

// In memory, in one piece or more, and in a file.
func TestMultipartIsTheSameInBothAttempts(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10_000, body.MemorySize, 300_000, body.LongestInMemory - 1000, body.LongestInMemory} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			first := true
			w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
				body := rawtest.OKBody
				if first {
					first, body = false, rawtest.RefusedBody
				}
				io.WriteString(conn, rawtest.Answered(body))
				return true
			})
			form := "--b0undary\r\nX-Odd:  1\r\ncontent-disposition: form-data; name=\"media\"; filename=\"\xe4\xbd\xa0.jpg\"\r\n\r\n" +
				string(rawtest.Noise(size)) + "\r\n--b0undary--\r\nepilogue"
			s := serve(t, config(hostsAt(t, nil, w.URL), shopWith(&fixedTokens{token: "old", replacement: "new"})...), defaultLimits)
			a := s.dial(t).Call(fmt.Sprintf("POST /p HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b0undary\r\nContent-Length: %d\r\n\r\n%s", len(form), form))
			if a.Body != rawtest.OKBody || a.Field("Wxproxy-Attempts") != "2" {
				t.Errorf("got %q %q; want success at the second attempt", a.Head, a.Body)
			}
			if got := len(w.Received()); got != 2 {
				t.Errorf("got %d requests; want 2", got)
			}
			for i, request := range w.Received() {
				if _, got, _ := strings.Cut(request, "\r\n\r\n"); got != form {
					t.Errorf("request %d has %d other bytes; want the same %d", i+1, len(got), len(form))
				}
			}
			nothingTaken(t, s.proxy.door.bodies)
		})
	}
}

func TestCallerThatStallsOrLeavesNeverReachesWeChat(t *testing.T) {
	t.Parallel()
	const fixed, parts = "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	rows := []struct{ name, request string }{
		{"before the first byte", fixed},
		{"in the middle", fixed + "12345"},
		{"in the middle of a long one", strings.Replace(fixed, "10", "1000000", 1) + string(rawtest.Noise(500_000))},
		{"before the first part", parts},
		{"in the middle of a part", parts + "a\r\n12345"},
		{"at a part's end", parts + "5\r\n12345"},
		{"between two parts", parts + "5\r\n12345\r\n"},
		{"in a part's length", parts + "5\r\n12345\r\n5"},
		{"in the last part", parts + "5\r\n12345\r\n0"},
		{"before the trailers' end", parts + "5\r\n12345\r\n0\r\n"},
		{"where parts are no parts", parts + "5\r\n12345\r\nzz\r\n"},
	}
	limits := defaultLimits
	limits.StallTimeout = 100 * time.Millisecond
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
			s := serve(t, config(hostsAt(t, nil, w.URL)), limits)
			stalls := s.dial(t)
			a := stalls.Call(row.request)
			if a.Status() != 400 || a.Field("Connection") != "close" || !strings.HasPrefix(a.Body, `{"errcode":-40000`) {
				t.Errorf("a caller that stalls got %q %q; want 400 and the end", a.Head, a.Body)
			}
			leaves := s.dial(t)
			leaves.Send(row.request)
			leaves.Conn.(interface{ CloseWrite() error }).CloseWrite()
			if rest, err := io.ReadAll(leaves.R); err != nil || strings.Contains(string(rest), " 200 ") {
				t.Errorf("a caller that leaves got %q, %v; want no success", rest, err)
			}
			if got := w.Connections(); got != 0 {
				t.Errorf("got %d connections to WeChat; want none", got)
			}
		})
	}
}

func TestCallerMayBeSlowAsLongAsItSends(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	limits := defaultLimits
	limits.StallTimeout = time.Second
	c := serve(t, config(hostsAt(t, nil, w.URL)), limits).dial(t)
	c.Send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
	for range 10 {
		time.Sleep(120 * time.Millisecond)
		c.Send("x")
	}
	if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Status() != 200 {
		t.Errorf("got %v, %q; want an answer", err, a.Head)
	}
}

// A refused request is not taken in, and nothing of its body is taken for the
// next request.
func TestRefusedBodyIsReadOrTheConnectionEnds(t *testing.T) {
	t.Parallel()
	next := rawtest.Get("/smuggled")
	chunked := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }
	long := strings.Repeat(next, 400<<10/len(next))
	rows := []struct {
		name, request string
		status        int
		stays         bool
	}{
		{"small, no such account", post("/@nobody/p", next), 404, true},
		{"small, in parts, no such account", "POST /@nobody/p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(next), 404, false},
		{"small, denied", post("/cgi-bin/component/x", next), 403, true},
		{"small, local", post("/wxproxy/x", next), 403, true},
		{"GET with a body", "GET /@nobody/p HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(next)) + "\r\n\r\n" + next, 404, true},
		{"long", post("/@nobody/p", long), 404, false},
		{"long, in parts", "POST /@nobody/p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(long), 404, false},
		{"too large", post("/p", strings.Repeat(next, 1500/len(next)+1)), 413, true},
		{"far too large", post("/p", long), 413, false},
		{"far too large, in parts", "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(long), 413, false},
		{"a header that is not HTTP", "POST /p HTTP/1.1\r\nHost: x\r\nA : b\r\nContent-Length: " + fmt.Sprint(len(next)) + "\r\n\r\n" + next, 400, false},
		{"a header that is too long", "POST /p HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 300<<10) + "\r\n\r\n" + next, 400, false},
	}
	limits := defaultLimits
	limits.MaxBody = 1000
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
			c := serve(t, config(hostsAt(t, nil, w.URL)), limits).dial(t)
			a := c.Call(row.request)
			if a.Status() != row.status || (a.Field("Connection") != "close") != row.stays {
				t.Errorf("got %q; want %d, and the connection to stay: %v", a.Head, row.status, row.stays)
			}
			if row.stays {
				if a := c.Call(rawtest.Get("/next")); a.Status() != 200 {
					t.Errorf("got %q on the same connection; want an answer", a.Head)
				}
			} else if !c.Ended() {
				t.Error("the connection does not end")
			}
			if got := strings.Join(w.Received(), ""); strings.Contains(got, "smuggled") {
				t.Errorf("WeChat got %.200q", got)
			}
		})
	}
}

// A caller that keeps sending a refused body gets the refusal; its connection is not
// reset before.
func TestCallerThatIsRefusedWhileItSendsReadsTheRefusal(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	for range 5 {
		c := s.dial(t)
		sent := make(chan error, 1)
		go func() {
			_, err := io.WriteString(c.Conn, post("/@nobody/p", string(rawtest.Noise(8<<20))))
			sent <- err
		}()
		a, err := rawtest.ReadAnswer(c.R, false)
		if err != nil || a.Status() != 404 {
			t.Fatalf("got %v, %q; want the refusal", err, a.Head)
		}
		if err := <-sent; err != nil {
			t.Errorf("sending: got %v; want all of it taken", err)
		}
		if _, err := c.R.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("behind the answer: got %v; want %v", err, io.EOF)
		}
	}
}

func TestExpectationIsMetOnlyIfTheRequestIsAllowed(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	limits := defaultLimits
	limits.MaxBody = 1000
	s := serve(t, config(hostsAt(t, nil, w.URL)), limits)
	expecting := func(path, length, expectation string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\nExpect: " + expectation + "\r\n\r\n"
	}
	for _, expectation := range []string{"100-continue", "100-Continue"} {
		c := s.dial(t)
		c.Send(expecting("/p", "2", expectation))
		if head, err := rawtest.ReadHead(c.R); err != nil || head != "HTTP/1.1 100 Continue\r\n\r\n" {
			t.Errorf("%s: got %q, %v; want 100", expectation, head, err)
		}
		if a := c.Call("{}"); a.Status() != 200 || c.Call(rawtest.Get("/p")).Status() != 200 {
			t.Errorf("%s: got %q; want an answer and a connection that stays", expectation, a.Head)
		}
	}
	if got := w.Received()[0]; got != "POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\n\r\n{}" {
		t.Errorf("WeChat got %q", got)
	}
	rows := []struct {
		name, request string
		status        int
		slug          string
	}{
		{"no such account", expecting("/@nobody/p", "2", "100-continue"), 404, "unknown_account"},
		{"a path that is denied", expecting("/cgi-bin/component/x", "2", "100-continue"), 403, "no_credential"},
		{"a bad target", expecting("/a//b", "2", "100-continue"), 400, "bad_request"},
		{"too large", expecting("/p", "1001", "100-continue"), 413, "body_too_large"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := s.dial(t)
			if a := c.Call(row.request); a.Status() != row.status || a.Field("Wxproxy-Error") != row.slug || !strings.Contains(a.Body, row.slug) || !c.Ended() {
				t.Errorf("got %q %q; want %d %s and the end", a.Head, a.Body, row.status, row.slug)
			}
		})
	}
	c := s.dial(t)
	if a := c.Call(strings.Replace(expecting("/p", "2", "100-continue"), "HTTP/1.1", "HTTP/1.0", 1) + "{}"); a.Status() != 200 {
		t.Errorf("HTTP/1.0: got %q; want no interim answer", a.Head)
	}
}

func TestAMalformedBodyIsToldOfInWords(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.StallTimeout = 100 * time.Millisecond
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), limits)
	for name, row := range map[string]struct {
		body  string
		leave bool // the caller ends its half
		words string
	}{
		"no size":                {"\r\n", false, "the chunks of the body"},
		"a size too long":        {"fffffffffffffffff\r\n", false, "the chunks of the body"},
		"behind the size":        {"5!\r\nhello", false, "the chunks of the body"},
		"no CRLF":                {"5\r\nhello!", false, "the chunks of the body"},
		"a forbidden trailer":    {"0\r\nTrailer: x\r\n\r\n", false, "the trailer of the body is not one"},
		"a trailer without form": {"0\r\nx y\r\n\r\n", false, "the trailer of the body is not one"},
		"a trailer too long":     {"0\r\nX: " + strings.Repeat("y", 20<<10) + "\r\n\r\n", false, "the trailer of the body is longer than 16 KiB"},
		"late in a size":         {"5", false, "did not arrive in time"},
		"late at a chunk's end":  {"5\r\nhello", false, "did not arrive in time"},
		"late in the trailer":    {"0\r\nX: y", false, "did not arrive in time"},
		"an end in a size":       {"5", true, "the connection ended before the body did"},
		"an end at a chunk's":    {"5\r\nhello", true, "the connection ended before the body did"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t)
			c.Send("POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + row.body)
			if row.leave {
				c.Conn.(interface{ CloseWrite() error }).CloseWrite()
			}
			a, err := rawtest.ReadAnswer(c.R, false)
			if err != nil || a.Status() != 400 || !strings.Contains(a.Body, row.words) {
				t.Errorf("got %v, %q %q; want 400 and %q", err, a.Head, a.Body, row.words)
			}
		})
	}
}
