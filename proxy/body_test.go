package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/valyala/fasthttp"
)

// noise returns n bytes that are the same in every run. They repeat themselves
// at a length that no buffer has, so that parts in another order are found.
func noise(n int) []byte {
	block := make([]byte, min(n, 65_521))
	rand.NewChaCha8([32]byte{}).Read(block)
	return bytes.Repeat(block, n/max(len(block), 1)+1)[:n]
}

func TestBodyOfAnySizeCanBeReadAgainAndAgain(t *testing.T) {
	t.Parallel()
	var b Body // the same one for all, as in use
	for _, size := range []int{0, 1, firstMemory - 1, firstMemory, firstMemory + 1, memorySize - 1, memorySize, memorySize + 1, 1 << 20, 3<<20 + 7, 5} {
		for _, inFile := range []bool{true, false} {
			want := noise(size)
			if !inFile {
				b.noFile = errors.New("no room")
			}
			if err := b.fill(iotest.HalfReader(bytes.NewReader(want)), int64(size)); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			for range 2 {
				got, err := io.ReadAll(b.Reader())
				if err != nil || !bytes.Equal(got, want) || b.Len() != int64(size) {
					t.Errorf("%d bytes, in a file: %v: got %d of %d other bytes, %v", size, inFile, len(got), b.Len(), err)
				}
			}
			if got := b.file != nil; got != (inFile && size > memorySize) && size != memorySize {
				t.Errorf("%d bytes: got a file: %v", size, got)
			}
			if inFile && cap(b.memory) > memorySize {
				t.Errorf("%d bytes: got %d bytes of memory; want no more than %d", size, cap(b.memory), memorySize)
			}
			b.release()
			if b.Len() != 0 || b.file != nil || b.noFile != nil || cap(b.memory) > memorySize {
				t.Errorf("%d bytes: got %d in %d bytes of memory after the release", size, b.Len(), cap(b.memory))
			}
		}
	}
}

func TestBodyBeyondItsLimitIsRefusedWhereTheLimitIs(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{0, 10, memorySize, memorySize + 10} {
		var b Body
		src := &io.LimitedReader{R: rand.NewChaCha8([32]byte{}), N: 10 << 20}
		if err := b.fill(src, limit); !errors.Is(err, errBodyTooLarge) {
			t.Errorf("limit %d: got %v; want %v", limit, err, errBodyTooLarge)
		}
		if taken := 10<<20 - src.N; taken > limit+memorySize {
			t.Errorf("limit %d: got %d bytes read", limit, taken)
		}
		b.release()
	}
}

func TestNoBodyIsAnEmptyBody(t *testing.T) {
	var b *Body
	if got, err := io.ReadAll(b.Reader()); len(got) != 0 || err != nil || b.Len() != 0 {
		t.Errorf("got %q, %v, length %d; want nothing", got, err, b.Len())
	}
}

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
	u := upstreamFunc(func(m *Message, resp *fasthttp.Response) error {
		files = openFiles(t)
		if strings.HasPrefix(string(m.Target), "/panic") {
			panic("on purpose")
		}
		resp.SetBodyString(okBody)
		return nil
	})
	s := serve(t, config(u), defaultLimits)
	body := string(noise(1 << 20))
	for _, path := range []string{"/p", "/panic"} {
		s.dial(t).call(post(path, body))
		if left, _ := os.ReadDir(dir); files != 1 || len(left) != 0 {
			t.Errorf("%s: got %d open files and the names %v; want one file without a name", path, files, left)
		}
		waitUntil(t, "the end of the file", func() bool { return openFiles(t) == 0 })
	}
	c := s.dial(t)
	c.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + body[:500_000])
	waitUntil(t, "the file", func() bool { return openFiles(t) == 1 })
	c.conn.Close()
	waitUntil(t, "the end of the file after the caller's", func() bool { return openFiles(t) == 0 })
}

func TestWithoutATemporaryDirectoryBodiesStayInMemory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	var log bytes.Buffer
	u := &recorder{answers: []string{refusedBody, okBody}}
	c := config(u, shopWith(&fixedTokens{token: "old", replacement: "new"})...)
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	body := string(noise(1 << 20))
	caller := serve(t, c, defaultLimits).dial(t)
	for range 2 {
		if a := caller.call(post("/p", body)); a.body != okBody {
			t.Fatalf("got %q %q; want an answer", a.head, a.body)
		}
	}
	for i, got := range u.got {
		if got.body != body {
			t.Errorf("request %d has %d other bytes", i+1, len(got.body))
		}
	}
	caller.call(get("/p", "Connection: close")) // behind it, the log is written
	if got := strings.Count(log.String(), "kept in memory"); got != 1 {
		t.Errorf("got %d warnings in %q; want 1", got, log.String())
	}
}

// A disk that is full is as good as none.
func TestBodyThatTheDiskDoesNotTakeIsKeptInMemory(t *testing.T) {
	t.Parallel()
	for _, open := range []func() (*os.File, error){
		func() (*os.File, error) { return os.OpenFile("/dev/full", os.O_RDWR, 0) },
		func() (*os.File, error) { return os.Open(os.DevNull) }, // to read
	} {
		file, err := open()
		if err != nil {
			t.Fatal(err)
		}
		b := Body{file: file, budget: newBudget(0)}
		want := noise(1<<20 + 5)
		if err := b.fill(bytes.NewReader(want), 2<<20); err != nil || b.noFile == nil {
			t.Errorf("%s: got %v, reason %v; want none, and a reason", file.Name(), err, b.noFile)
		}
		for range 2 {
			if got, err := io.ReadAll(b.Reader()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: got %d other bytes, %v; want %d", file.Name(), len(got), err, len(want))
			}
		}
		b.budget.files.used.Add(1) // which the test opened
		g := b.budget
		b.release()
		if memory, disk, files := g.memory.used.Load(), g.disk.used.Load(), g.files.used.Load(); memory != 0 || disk != 0 || files != 0 {
			t.Errorf("%s: got %d bytes of memory, %d of the disk and %d files after the release; want none", file.Name(), memory, disk, files)
		}
	}
}

// What comes in parts of unknown number has a length when it leaves.
func TestUploadInPartsHasALength(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	s := through(t, w)
	for i, size := range []int{0, 1, memorySize, 1 << 20} {
		body := noise(size)
		var parts strings.Builder
		for rest := body; len(rest) > 0; {
			part := rest[:min(len(rest), 10_000)]
			rest = rest[len(part):]
			fmt.Fprintf(&parts, "%x;ext=1\r\n%s\r\n", len(part), part)
		}
		s.dial(t).call("POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + parts.String() + "0\r\nX-Trailer: 1\r\n\r\n")
		want := fmt.Sprintf("POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: %d\r\n\r\n%s", size, body)
		if got := w.received()[i]; got != want {
			t.Errorf("%d bytes: got %.200q; want %.200q", size, got, want)
		}
	}
}

func TestMultipartIsTheSameInBothAttempts(t *testing.T) {
	t.Parallel()
	first := true
	w := startRaw(t, func(conn net.Conn, _ string) bool {
		body := okBody
		if first {
			first, body = false, refusedBody
		}
		io.WriteString(conn, answered(body))
		return true
	})
	form := "--b0undary\r\nX-Odd:  1\r\ncontent-disposition: form-data; name=\"media\"; filename=\"\xe4\xbd\xa0.jpg\"\r\n\r\n" +
		string(noise(300_000)) + "\r\n--b0undary--\r\nepilogue"
	s := serve(t, config(hostsAt(t, nil, w.url), shopWith(&fixedTokens{token: "old", replacement: "new"})...), defaultLimits)
	a := s.dial(t).call(fmt.Sprintf("POST /p HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b0undary\r\nContent-Length: %d\r\n\r\n%s", len(form), form))
	if a.body != okBody || a.field("Wxproxy-Attempts") != "2" {
		t.Errorf("got %q %q; want success at the second attempt", a.head, a.body)
	}
	for i, request := range w.received() {
		if _, got, _ := strings.Cut(request, "\r\n\r\n"); got != form {
			t.Errorf("request %d has %d other bytes; want the same %d", i+1, len(got), len(form))
		}
	}
}

// callersOf are what callers may send of a body, and how they end.
func TestCallerThatStallsOrLeavesNeverReachesWeChat(t *testing.T) {
	t.Parallel()
	const fixed, parts = "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	rows := []struct{ name, request string }{
		{"before the first byte", fixed},
		{"in the middle", fixed + "12345"},
		{"in the middle of a long one", strings.Replace(fixed, "10", "1000000", 1) + string(noise(500_000))},
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
	limits.Patience = 100 * time.Millisecond
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := startRaw(t, always(answered(okBody)))
			s := serve(t, config(hostsAt(t, nil, w.url)), limits)
			stalls := s.dial(t)
			a := stalls.call(row.request)
			if a.status() != 400 || a.field("Connection") != "close" || !strings.HasPrefix(a.body, `{"errcode":-40000`) {
				t.Errorf("a caller that stalls got %q %q; want 400 and the end", a.head, a.body)
			}
			leaves := s.dial(t)
			leaves.send(row.request)
			leaves.conn.(interface{ CloseWrite() error }).CloseWrite()
			if rest, err := io.ReadAll(leaves.r); err != nil || strings.Contains(string(rest), " 200 ") {
				t.Errorf("a caller that leaves got %q, %v; want no success", rest, err)
			}
			if got := w.connections(); got != 0 {
				t.Errorf("got %d connections to WeChat; want none", got)
			}
		})
	}
}

func TestCallerMayBeSlowAsLongAsItSends(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	limits := defaultLimits
	limits.Patience = time.Second
	c := serve(t, config(hostsAt(t, nil, w.url)), limits).dial(t)
	c.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
	for range 10 {
		time.Sleep(120 * time.Millisecond)
		c.send("x")
	}
	if a, err := readAnswer(c.r, false); err != nil || a.status() != 200 {
		t.Errorf("got %v, %q; want an answer", err, a.head)
	}
}

// A refused request is not taken in, and nothing of its body is taken for the
// next request.
func TestRefusedBodyIsReadOrTheConnectionEnds(t *testing.T) {
	t.Parallel()
	next := get("/smuggled")
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
			w := startRaw(t, always(answered(okBody)))
			c := serve(t, config(hostsAt(t, nil, w.url)), limits).dial(t)
			a := c.call(row.request)
			if a.status() != row.status || (a.field("Connection") != "close") != row.stays {
				t.Errorf("got %q; want %d, and the connection to stay: %v", a.head, row.status, row.stays)
			}
			if row.stays {
				if a := c.call(get("/next")); a.status() != 200 {
					t.Errorf("got %q on the same connection; want an answer", a.head)
				}
			} else if !c.ended() {
				t.Error("the connection does not end")
			}
			if got := strings.Join(w.received(), ""); strings.Contains(got, "smuggled") {
				t.Errorf("WeChat got %.200q", got)
			}
		})
	}
}

// A caller that goes on sending what nobody wants reads the refusal all the
// same, and not that its connection was reset.
func TestCallerThatIsRefusedWhileItSendsReadsTheRefusal(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{okBody}}), defaultLimits)
	for range 5 {
		c := s.dial(t)
		sent := make(chan error, 1)
		go func() {
			_, err := io.WriteString(c.conn, post("/@nobody/p", string(noise(8<<20))))
			sent <- err
		}()
		a, err := readAnswer(c.r, false)
		if err != nil || a.status() != 404 {
			t.Fatalf("got %v, %q; want the refusal", err, a.head)
		}
		if err := <-sent; err != nil {
			t.Errorf("sending: got %v; want all of it taken", err)
		}
		if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("behind the answer: got %v; want %v", err, io.EOF)
		}
	}
}

func TestExpectationIsMetOnlyIfTheRequestIsAllowed(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	limits := defaultLimits
	limits.MaxBody = 1000
	s := serve(t, config(hostsAt(t, nil, w.url)), limits)
	expecting := func(path, length, expectation string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\nExpect: " + expectation + "\r\n\r\n"
	}
	for _, expectation := range []string{"100-continue", "100-Continue"} {
		c := s.dial(t)
		c.send(expecting("/p", "2", expectation))
		if head, err := readHead(c.r); err != nil || head != "HTTP/1.1 100 Continue\r\n\r\n" {
			t.Errorf("%s: got %q, %v; want 100", expectation, head, err)
		}
		if a := c.call("{}"); a.status() != 200 || c.call(get("/p")).status() != 200 {
			t.Errorf("%s: got %q; want an answer and a connection that stays", expectation, a.head)
		}
	}
	if got := w.received()[0]; got != "POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\n\r\n{}" {
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
			if a := c.call(row.request); a.status() != row.status || a.field("Wxproxy-Error") != row.slug || !strings.Contains(a.body, row.slug) || !c.ended() {
				t.Errorf("got %q %q; want %d %s and the end", a.head, a.body, row.status, row.slug)
			}
		})
	}
	c := s.dial(t)
	if a := c.call(strings.Replace(expecting("/p", "2", "100-continue"), "HTTP/1.1", "HTTP/1.0", 1) + "{}"); a.status() != 200 {
		t.Errorf("HTTP/1.0: got %q; want no interim answer", a.head)
	}
}
